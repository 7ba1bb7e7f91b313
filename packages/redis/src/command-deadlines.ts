import type { LeanCommand } from './lean-command.ts'
import type { RedisInternals } from './redis-internals.ts'

/** Queue entries looked at for each millisecond that the next look is put off. */
const ENTRIES_PER_MS = 10_000

/** Longest time of a timer of Node. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** `commandTimeout` of lean commands: one timer for the oldest, deadlines are in queue order. */
export class CommandDeadlines {
  readonly #redis: RedisInternals
  readonly #timeoutMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(redis: RedisInternals, timeoutMs: number) {
    this.#redis = redis
    this.#timeoutMs = timeoutMs
  }

  /** Starts the time of a command that is about to be queued. */
  add(command: LeanCommand): void {
    command.deadline = performance.now() + this.#timeoutMs
    this.#timer ??= setTimeout(() => this.#expire(), this.#timeoutMs)
  }

  /** No reply is outstanding: an idle client holds no timer. */
  idle(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Calls `visit` with queued commands whose time runs, oldest first, until it returns true. */
  #visitTimed(visit: (command: LeanCommand, index: number) => boolean): void {
    const queue = this.#redis.commandQueue
    for (let i = 0; i < queue.length; i++) {
      const command = queue.peekAt(i)?.command as LeanCommand | undefined
      if (command?.deadline && !command.isSettled && visit(command, i)) return
    }
  }

  #expire(): void {
    this.#timer = undefined
    const now = performance.now()
    this.#visitTimed((command, index) => {
      if (command.deadline <= now) {
        command.reject(new Error('Command timed out'))
        return false
      }
      // Timers of Node may fire up to a millisecond early. Behind a long queue that does not move
      // the next look waits: each passes all entries that timed out before.
      const ms = Math.max(command.deadline - now, index / ENTRIES_PER_MS)
      this.#timer = setTimeout(() => this.#expire(), Math.min(Math.ceil(ms), TIMER_MS_MAX))
      return true
    })
  }

  /** The connection is gone: commands that will be sent again have a timer of their own. */
  close(): void {
    this.idle()
    const now = performance.now()
    this.#visitTimed((command) => {
      command.setTimeout(Math.max(1, command.deadline - now))
      return false
    })
  }
}
