// Where the commands that ioredis makes were written last: tells whether they may have run.
import { redirected } from './cluster-redirect.ts'
import { failureOf, TIMED_OUT } from './failures.ts'
import { type QueuedCommand, ReplyError } from './ioredis-internals.ts'
import { LeanCommand } from './lean-command.ts'
import { giveUp, isGivenUp, isMoot, isPart, offlineQueueOf } from './offline-queue.ts'
import { type RedisInternals, TRANSPORT } from './redis-internals.ts'
import type { Transport } from './transport.ts'

interface Sending {
  transport: Transport | undefined
  flushes: number
  /** The client in whose offline queue it is. */
  waitsIn?: RedisInternals | undefined
}

const sendings = new WeakMap<QueuedCommand, Sending>()
/** What `describeFailures` put in the place of `command.reject`. */
const describing = new WeakSet<QueuedCommand['reject']>()

/** Whether a byte of the command may have reached the kernel. */
export function mayHaveRun(command: QueuedCommand): boolean {
  if (command instanceof LeanCommand) return command.mayHaveRun
  const sending = sendings.get(command)
  return sending !== undefined && isFlushed(sending)
}

function isFlushed({ transport, flushes }: Sending): boolean {
  return transport !== undefined && transport.flushes > flushes
}

/** Whether a client has taken the command before: then it cannot be refused any more. */
export function isAccepted(command: QueuedCommand): boolean {
  return (
    sendings.has(command) || command instanceof LeanCommand || redirected(command) !== undefined
  )
}

/** Whether a command that comes from a queue of ioredis need not be sent: nobody awaits it. */
export function isObsolete(command: QueuedCommand): boolean {
  if (isGivenUp(command)) return true
  const sending = sendings.get(command)
  return sending?.waitsIn !== undefined && !isFlushed(sending) && isMoot(command)
}

/** A command that timed out stays in its queue, and runs yet, unless it waits for a connection. */
function mayRunYet(command: QueuedCommand): boolean {
  const sending = sendings.get(command) as Sending
  return sending.waitsIn === undefined || isFlushed(sending) || isPart(command)
}

/** Errors that are not the server's say of each command what became of it. */
function describeFailures(redis: RedisInternals, command: QueuedCommand): void {
  // A pipeline that is sent again gives its commands new promises.
  if (describing.has(command.reject)) return
  const { reject } = command
  command.reject = (error) => {
    const isTimeout = error instanceof Error && error.message === TIMED_OUT
    const stays = isTimeout && mayRunYet(command)
    const isFailure = error instanceof Error && !(error instanceof ReplyError)
    const details = isFailure
      ? failureOf(error, redis, command, stays || mayHaveRun(command))
      : error
    reject.call(command, details)
    if (isTimeout && !stays) leave(command)
  }
  describing.add(command.reject)
}

function leave(command: QueuedCommand): void {
  const client = sendings.get(command)?.waitsIn
  if (client !== undefined) offlineQueueOf(client).isMoot(command)
}

/** The caller gives commands up: they are not sent any more. What was sent stays in its queue. */
export function abandon(commands: readonly QueuedCommand[]): void {
  for (const command of commands) giveUp(command)
  for (const command of commands) leave(command)
}

/** Notes over which connection a command goes now, unless an earlier one may have run it. */
export function noteSending(redis: RedisInternals, command: QueuedCommand): void {
  const transport = redis[TRANSPORT]
  const sending = sendings.get(command)
  if (sending !== undefined) sending.waitsIn = undefined
  if (command instanceof LeanCommand) {
    if (transport !== undefined) command.sentAgain(transport)
    return
  }
  describeFailures(redis, command)
  if (sending === undefined) {
    const before = redirected(command)?.sent
    const isSent = before !== undefined && isFlushed(before)
    sendings.set(command, isSent ? { ...before } : { transport, flushes: transport?.flushes ?? 0 })
  } else if (!isFlushed(sending)) {
    sending.transport = transport
    sending.flushes = transport?.flushes ?? 0
  }
}

/** It went nowhere: ioredis put it into the client's offline queue. */
export function noteWaiting(redis: RedisInternals, command: QueuedCommand): void {
  let sending = sendings.get(command)
  if (sending === undefined) {
    sending = { transport: undefined, flushes: 0 }
    sendings.set(command, sending)
  }
  sending.waitsIn = redis
  if (command instanceof LeanCommand) command.waits()
  else if (!isFlushed(sending)) sending.transport = undefined
  offlineQueueOf(redis).added(command)
}
