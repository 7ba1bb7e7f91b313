import type { LeanCommand } from './lean-command.ts'
import type { RedisInternals } from './redis-internals.ts'

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

  /** Queued commands whose time runs, oldest first. */
  *#timed(): Generator<LeanCommand> {
    const queue = this.#redis.commandQueue
    for (let i = 0; i < queue.length; i++) {
      const command = queue.peekAt(i)?.command as LeanCommand | undefined
      if (command?.deadline && !command.isSettled) yield command
    }
  }

  #expire(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const command of this.#timed()) {
      if (command.deadline > now) {
        // Timers of Node may fire up to a millisecond early.
        this.#timer = setTimeout(() => this.#expire(), Math.ceil(command.deadline - now))
        return
      }
      command.reject(new Error('Command timed out'))
    }
  }

  /** The connection is gone: commands that will be sent again have a timer of their own. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const now = performance.now()
    for (const command of this.#timed()) {
      command.setTimeout(Math.max(1, command.deadline - now))
    }
  }
}
