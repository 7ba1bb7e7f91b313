import type { RedisOptions as IoredisOptions } from 'ioredis'
import { RedisOptionError } from './errors.ts'

/** What we add to ioredis's options. */
export interface FastPathOptions {
  /**
   * `false` turns the fast path off for this client: it is plain ioredis then. The environment
   * variable `CELERIS_REDIS_FASTPATH=0` does so for all clients.
   * @defaultValue true
   */
  fastPath?: boolean | undefined
  /**
   * Most bytes that may wait: output the kernel has not taken, arguments in the offline queue, and
   * what the objects of a command take: 512 while it waits for its reply, 1 280 while it waits for a
   * connection. Over it a new command rejects with `QueueFullError`; accepted ones are unaffected.
   * `Infinity` is ioredis's behaviour.
   * @defaultValue 268435456 (256 MiB)
   */
  maxQueuedBytes?: number | undefined
  /**
   * Most commands that may wait for their reply; one more rejects with `QueueFullError`.
   * @defaultValue Infinity
   */
  maxQueuedCommands?: number | undefined
  /**
   * A Buffer of this many bytes and more is handed to the socket without a copy: leave its content
   * alone until the reply is there. Smaller ones are copied when the command is called.
   * @defaultValue Infinity: every Buffer is copied, as ioredis does
   */
  borrowBuffers?: number | undefined
  /**
   * Longest string the server may reply, in bytes; a longer one is a broken peer: commands in flight
   * reject, `error` is emitted, the client reconnects.
   * @defaultValue 536870912 (512 MiB, which is Redis's own limit)
   */
  maxReplyBytes?: number | undefined
  /**
   * Most elements one array, set or map of a reply may announce.
   * @defaultValue 134217728 (2^27)
   */
  maxReplyElements?: number | undefined
}

/** Options of `new Redis()`: ioredis's and ours. */
export type RedisOptions = IoredisOptions & FastPathOptions

/** Our options with defaults filled in; sizes in bytes. */
export interface ResolvedOptions {
  readonly fastPath: boolean
  readonly maxQueuedBytes: number
  readonly maxQueuedCommands: number
  readonly borrowBuffers: number
  readonly maxReplyBytes: number
  readonly maxReplyElements: number
}

const MIB = 1024 * 1024

/** A number from options or from the query of a redis:// URL, where everything is a string. */
function limitOf(options: FastPathOptions, name: keyof ResolvedOptions, otherwise: number): number {
  const value: unknown = options[name]
  if (value === undefined || value === null) return otherwise
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number === 'number' && number > 0) return number
  throw new RedisOptionError(
    `${name} is ${String(value)}; it has to be a number above 0, or Infinity for no limit.`,
  )
}

/** Whether the option `fastPath` says no: in the query of a URL everything is a string. */
export function isSwitchedOff(fastPath: unknown): boolean {
  return fastPath === false || fastPath === 'false' || fastPath === '0'
}

function switchOf(value: unknown): boolean {
  if (value === undefined || value === null || value === true || value === 'true') return true
  if (isSwitchedOff(value)) return false
  throw new RedisOptionError(`fastPath is ${String(value)}; it has to be true or false.`)
}

/**
 * Reads our options.
 * @throws RedisOptionError `CELERIS_REDIS_OPTIONS` if one has a value it cannot have.
 */
export function resolveOptions(options: FastPathOptions): ResolvedOptions {
  return {
    fastPath: switchOf(options.fastPath),
    maxQueuedBytes: limitOf(options, 'maxQueuedBytes', 256 * MIB),
    maxQueuedCommands: limitOf(options, 'maxQueuedCommands', Number.POSITIVE_INFINITY),
    borrowBuffers: limitOf(options, 'borrowBuffers', Number.POSITIVE_INFINITY),
    maxReplyBytes: limitOf(options, 'maxReplyBytes', 512 * MIB),
    maxReplyElements: limitOf(options, 'maxReplyElements', 2 ** 27),
  }
}
