import { Command } from 'ioredis'
import type { RedisInternals } from './redis-internals.ts'

/**
 * `socketTimeout`: finds a connection that owes replies and says nothing, be it half open or wedged.
 * One coarse timer, as the timer that ioredis knows and clears: `redis.socketTimeoutTimer`.
 */
export class SocketWatch {
  /** Milliseconds without a byte; undefined: no watch. */
  timeoutMs: number | undefined
  readonly #redis: RedisInternals
  #lastMs = 0

  constructor(redis: RedisInternals) {
    this.#redis = redis
    // The handshake owes replies, too.
    this.timeoutMs = redis.options.socketTimeout
  }

  /** A command is about to be queued. */
  sent(): void {
    const redis = this.#redis
    if (redis.commandQueue.length === 0) this.#lastMs = performance.now()
    if (redis.socketTimeoutTimer === undefined) this.#start(this.timeoutMs as number)
  }

  /** Bytes came in. */
  received(): void {
    if (this.timeoutMs !== undefined) this.#lastMs = performance.now()
  }

  #start(ms: number): void {
    this.#redis.socketTimeoutTimer = setTimeout(() => this.#check(), ms)
  }

  #check(): void {
    const redis = this.#redis
    redis.socketTimeoutTimer = undefined
    if (redis.commandQueue.length === 0) return
    const timeoutMs = this.timeoutMs as number
    if (this.#mayBeSilent()) {
      this.#lastMs = performance.now()
      this.#start(timeoutMs)
      return
    }
    const leftMs = this.#lastMs + timeoutMs - performance.now()
    if (leftMs > 0) this.#start(Math.ceil(leftMs))
    else this.#cut(timeoutMs)
  }

  /** The server owes nothing yet: a command that blocks it is outstanding. */
  #mayBeSilent(): boolean {
    const queue = this.#redis.commandQueue
    for (let i = 0; i < queue.length; i++) {
      const name = queue.peekAt(i)?.command.name.toLowerCase() as string
      if (name === 'monitor' || name === 'wait' || name === 'waitaof') return true
      if (Command.checkFlag('BLOCKING_COMMANDS', name)) return true
    }
    return false
  }

  /** What was outstanding is rejected, not sent again: a slow script would run over and over. */
  #cut(timeoutMs: number): void {
    const redis = this.#redis
    const error = new Error(
      `Socket timeout. Expecting data, but didn't receive any in ${timeoutMs}ms.`,
    )
    redis.flushQueue(error, { offlineQueue: false })
    redis.stream.destroy(error)
  }
}
