// maxQueuedBytes and maxQueuedCommands for commands that ioredis makes and queues.
import { QueueFullError } from './errors.ts'
import type { QueuedCommand } from './ioredis-internals.ts'
import { type RedisInternals, TRANSPORT } from './redis-internals.ts'
import { resolveOptions } from './redis-options.ts'
import { COMMAND_WEIGHT_BYTES } from './transport.ts'

/** Bytes of the arguments in a client's offline queue, since it was last empty. */
export const offlineBytes: WeakMap<RedisInternals, number> = new WeakMap()

/** Bytes of arguments as they stand: strings by their characters. */
function bytesOf(args: readonly unknown[]): number {
  let bytes = 0
  for (let i = 0; i < args.length; i++) bytes += (args[i] as string | Buffer).length
  return bytes
}

/** Bytes and commands that wait in a client, by where they wait. */
export function queuedOf(redis: RedisInternals): {
  bytes: number
  commands: number
  offline: number
} {
  const offline = redis.offlineQueue.length
  const commands = redis.commandQueue.length
  const waiting = (commands + offline) * COMMAND_WEIGHT_BYTES
  const arguments_ = offline === 0 ? 0 : (offlineBytes.get(redis) ?? 0)
  return {
    bytes: (redis[TRANSPORT]?.queuedBytes ?? 0) + arguments_ + waiting,
    commands,
    offline,
  }
}

/**
 * Why a command of ioredis cannot be taken; undefined if it can, and then it is counted. Commands of
 * the handshake and of a pipeline (which was taken as a whole) always can.
 */
export function refusalOf(
  redis: RedisInternals,
  command: QueuedCommand,
  stream: unknown,
): QueueFullError | undefined {
  if (stream !== undefined || redis.condition?.handshake) return undefined
  const limits = redis[TRANSPORT]?.limits ?? resolveOptions(redis.options)
  const { bytes, commands } = queuedOf(redis)
  if (bytes >= limits.maxQueuedBytes) {
    return new QueueFullError('maxQueuedBytes', bytes, limits.maxQueuedBytes)
  }
  if (commands >= limits.maxQueuedCommands) {
    return new QueueFullError('maxQueuedCommands', commands, limits.maxQueuedCommands)
  }
  if (redis.status !== 'ready') {
    const before = redis.offlineQueue.length === 0 ? 0 : (offlineBytes.get(redis) ?? 0)
    offlineBytes.set(redis, before + bytesOf(command.args))
  }
  return undefined
}
