// Where ioredis calls itself: the methods of its Redis that the fast path looks into.
import { Redis as StockRedis } from 'ioredis'
import { commandOf, failureOf } from './failures.ts'
import { AbortError, type QueuedCommand, ReplyError } from './ioredis-internals.ts'
import { LeanCommand } from './lean-command.ts'
import { offlineBytes, refusalOf } from './queue-bounds.ts'
import { type RedisInternals, TRANSPORT } from './redis-internals.ts'
import { resolveOptions } from './redis-options.ts'
import { Transport } from './transport.ts'

const stock = StockRedis.prototype as unknown as RedisInternals

/** Where a command of ioredis was written last: tells whether it may have run. */
interface Sending {
  transport: Transport | undefined
  flushes: number
}

const sendings = new WeakMap<QueuedCommand, Sending>()

/** Errors that are not the server's say of each command what became of it. */
function describeFailures(redis: RedisInternals, command: QueuedCommand, sending: Sending): void {
  const { reject } = command
  command.reject = (error) => {
    const mayHaveRun = (sending.transport?.flushes ?? 0) > sending.flushes
    const details =
      error instanceof Error && !(error instanceof ReplyError)
        ? failureOf(error, redis, command, mayHaveRun)
        : error
    return reject.call(command, details)
  }
}

/** Notes over which connection a command goes now, unless an earlier one may have run it. */
function noteSending(redis: RedisInternals, command: QueuedCommand): void {
  const transport = redis[TRANSPORT]
  if (command instanceof LeanCommand) {
    if (transport !== undefined) command.sentAgain(transport)
    return
  }
  let sending = sendings.get(command)
  if (sending === undefined) {
    sending = { transport: undefined, flushes: 0 }
    sendings.set(command, sending)
    describeFailures(redis, command, sending)
  }
  if (sending.transport === undefined || sending.transport.flushes <= sending.flushes) {
    sending.transport = transport
    sending.flushes = transport?.flushes ?? 0
  }
}

/** Methods that take the place of ioredis's on the prototype of our class. */
export const hooks = {
  setStatus(this: RedisInternals, status: string, detail?: unknown): void {
    if (status === 'connect' && this.fastPath.active) {
      this[TRANSPORT] = new Transport(this, resolveOptions(this.options))
    } else if (status === 'ready') {
      this[TRANSPORT]?.ready()
    } else if (status === 'close') {
      this[TRANSPORT]?.close()
    } else if (status === 'reconnecting') {
      giveUpUnfulfilled(this)
    }
    stock.setStatus.call(this, status, detail)
  },

  sendCommand(this: RedisInternals, command: QueuedCommand, stream?: unknown): Promise<unknown> {
    if (!this.fastPath.active) return stock.sendCommand.call(this, command, stream)
    if (!sendings.has(command) && !(command instanceof LeanCommand)) {
      const refusal = refusalOf(this, command, stream)
      if (refusal !== undefined) {
        command.reject(refusal)
        return command.promise
      }
    }
    noteSending(this, command)
    return stock.sendCommand.call(this, command, stream)
  },

  setSocketTimeout(this: RedisInternals): void {
    const transport = this[TRANSPORT]
    if (transport === undefined) stock.setSocketTimeout.call(this)
    else transport.watch.sent()
  },

  /** ioredis forgets what was written before the connection was ready, and never settles it. */
  resetCommandQueue(this: RedisInternals): void {
    const { commandQueue } = this
    if (
      commandQueue !== undefined &&
      commandQueue !== this.prevCommandQueue &&
      this.fastPath.active
    ) {
      abortAll(commandQueue)
    }
    stock.resetCommandQueue.call(this)
  },

  resetOfflineQueue(this: RedisInternals): void {
    offlineBytes.delete(this)
    stock.resetOfflineQueue.call(this)
  },
}

function abortAll(queue: RedisInternals['commandQueue']): void {
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    const { command } = item
    const error = new AbortError('Command aborted due to connection close')
    command.reject(Object.assign(error, { command: commandOf(command.name, command.args) }))
  }
}

/** Commands that will not be sent again settle now; ioredis leaves their promises pending. */
function giveUpUnfulfilled(redis: RedisInternals): void {
  const { prevCommandQueue, options } = redis
  if (!redis.fastPath.active || !prevCommandQueue) return
  if (options.autoResendUnfulfilledCommands !== false) return
  abortAll(prevCommandQueue)
}
