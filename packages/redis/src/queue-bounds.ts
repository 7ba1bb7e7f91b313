// maxQueuedBytes and maxQueuedCommands for commands that ioredis makes and queues.
import { Command } from 'ioredis'
import { QueueFullError } from './errors.ts'
import type { QueuedCommand } from './ioredis-internals.ts'
import { OFFLINE_WEIGHT_BYTES, offlineQueueOf } from './offline-queue.ts'
import { type RedisInternals, TRANSPORT } from './redis-internals.ts'
import { resolveOptions } from './redis-options.ts'
import { COMMAND_WEIGHT_BYTES } from './transport.ts'

/** Commands of a connection that is gone, which the next one will send again. */
function unfulfilled({ prevCommandQueue, commandQueue }: RedisInternals): number {
  return prevCommandQueue && prevCommandQueue !== commandQueue ? prevCommandQueue.length : 0
}

/** Bytes and commands that wait in a client, by where they wait. */
export function queuedOf(redis: RedisInternals): {
  bytes: number
  commands: number
  offline: number
} {
  const waiting = offlineQueueOf(redis)
  const toResend = unfulfilled(redis)
  const commands = redis.commandQueue.length
  const bytes =
    (redis[TRANSPORT]?.queuedBytes ?? 0) +
    (commands + toResend) * COMMAND_WEIGHT_BYTES +
    waiting.length * OFFLINE_WEIGHT_BYTES +
    waiting.bytes
  return { bytes, commands, offline: waiting.length + toResend }
}

/** Why a client takes no command or pipeline more; undefined if it does. */
export function refusalOf(redis: RedisInternals): QueueFullError | undefined {
  const { maxQueuedBytes, maxQueuedCommands } =
    redis[TRANSPORT]?.limits ?? resolveOptions(redis.options)
  const { bytes, commands, offline } = queuedOf(redis)
  if (bytes >= maxQueuedBytes) return new QueueFullError('maxQueuedBytes', bytes, maxQueuedBytes)
  const waiting = commands + offline
  if (waiting < maxQueuedCommands) return undefined
  return new QueueFullError('maxQueuedCommands', waiting, maxQueuedCommands)
}

/**
 * Commands that are always taken: of the handshake, of ioredis when it takes up its work after a
 * reconnect, and `select`, without which later commands would run in another database.
 */
function isExempt(redis: RedisInternals, { name }: QueuedCommand): boolean {
  if (redis[TRANSPORT]?.isResuming || name === 'select') return true
  if (redis.status !== 'connect' || !redis.condition?.handshake) return false
  return Command.checkFlag('HANDSHAKE_COMMANDS', name)
}

/** What was decided about pipelines, by the stream that ioredis gives all commands of one. */
const decisions = new WeakMap<object, QueueFullError | 'taken'>()

/** Why a new command of ioredis cannot be taken; a pipeline is taken or refused as a whole. */
export function refusalOfCommand(
  redis: RedisInternals,
  command: QueuedCommand,
  stream: unknown,
): QueueFullError | undefined {
  if (typeof stream !== 'object' || stream === null) {
    return isExempt(redis, command) ? undefined : refusalOf(redis)
  }
  let decision = decisions.get(stream)
  if (decision === undefined) {
    decision = refusalOf(redis) ?? 'taken'
    decisions.set(stream, decision)
  }
  if (decision === 'taken') return undefined
  return new QueueFullError(decision.option, decision.queued, decision.limit)
}
