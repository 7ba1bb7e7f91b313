import { Command } from 'ioredis'
import type { QueuedCommand, QueueItem } from './ioredis-internals.ts'
import type { RedisInternals } from './redis-internals.ts'
import { mayHaveRun } from './sendings.ts'

/** A socket of Node: how many bytes libuv still has to hand to the kernel. */
interface WithHandle {
  readonly _handle?: { readonly writeQueueSize?: number } | null
}

/** Commands that take their time on purpose: not in ioredis's table of blocking ones. */
const PATIENT = new Set(['monitor', 'wait', 'waitaof'])

/**
 * How long the server may be silent about a command before it owes the reply: the time it was asked
 * to block, `Infinity` if there is no end to it.
 */
function blockingMs(command: QueuedCommand): number {
  const name = command.name.toLowerCase()
  if (PATIENT.has(name)) return Number.POSITIVE_INFINITY
  if (!Command.checkFlag('BLOCKING_COMMANDS', name)) return 0
  // null: XREAD without BLOCK. 0: until something happens.
  const asked = (command as unknown as Command).extractBlockingTimeout()
  return asked === null ? 0 : asked || Number.POSITIVE_INFINITY
}

/**
 * `socketTimeout`: finds a connection that owes replies and says nothing, be it half open or wedged.
 * One coarse timer, as the timer that ioredis knows and clears: `redis.socketTimeoutTimer`.
 */
export class SocketWatch {
  /** Milliseconds without a byte; undefined: no watch. */
  readonly timeoutMs: number | undefined
  readonly #redis: RedisInternals
  /** Since then the server owes what it did not send. */
  #lastMs = 0
  #unwritten = 0

  constructor(redis: RedisInternals) {
    this.#redis = redis
    this.timeoutMs = redis.options.socketTimeout
  }

  /** A command is about to be queued. */
  sent(): void {
    const redis = this.#redis
    if (redis.commandQueue.length === 0) this.#lastMs = performance.now()
    if (redis.socketTimeoutTimer === undefined) this.#start(this.timeoutMs as number)
  }

  /** Bytes were handed to the socket. */
  wrote(): void {
    if (this.timeoutMs !== undefined) this.#unwritten = this.#unwrittenBytes
  }

  /** Bytes came in. */
  received(): void {
    if (this.timeoutMs !== undefined) this.#lastMs = performance.now()
  }

  /** Nothing is owed any more: an idle client holds no timer. */
  idle(): void {
    if (this.timeoutMs === undefined) return
    clearTimeout(this.#redis.socketTimeoutTimer)
    this.#redis.socketTimeoutTimer = undefined
  }

  #start(ms: number): void {
    this.#redis.socketTimeoutTimer = setTimeout(() => this.#check(), ms)
  }

  #check(): void {
    const redis = this.#redis
    redis.socketTimeoutTimer = undefined
    // Replies come in order: what is owed is the one to the oldest command.
    const head = redis.commandQueue.peekFront()
    if (head === undefined) return
    const timeoutMs = this.timeoutMs as number
    if (this.#wroteOn()) this.#lastMs = performance.now()
    const leftMs = this.#lastMs + blockingMs(head.command) + timeoutMs - performance.now()
    if (leftMs > 0) this.#start(Math.min(Math.ceil(leftMs), timeoutMs))
    else this.#cut(timeoutMs)
  }

  get #unwrittenBytes(): number {
    const { stream } = this.#redis
    return (stream as WithHandle)._handle?.writeQueueSize ?? stream.writableLength
  }

  /** Whether the kernel took bytes of what waits since the last look: a large value on its way. */
  #wroteOn(): boolean {
    const before = this.#unwritten
    this.#unwritten = this.#unwrittenBytes
    return this.#unwritten < before
  }

  /** What was sent is rejected, not sent again: a slow script would run over and over. */
  #cut(timeoutMs: number): void {
    const redis = this.#redis
    const error = new Error(
      `Socket timeout. Expecting data, but didn't receive any in ${timeoutMs}ms.`,
    )
    // A handshake that fails would take the commands that wait for it with it: it just ends.
    if (redis.status !== 'connect') this.#rejectSent(error)
    redis.stream.destroy(error)
  }

  #rejectSent(error: Error): void {
    const queue = this.#redis.commandQueue
    for (let left = queue.length; left > 0; left--) {
      const item = queue.shift() as QueueItem
      if (mayHaveRun(item.command)) item.command.reject(error)
      else queue.push(item)
    }
  }
}
