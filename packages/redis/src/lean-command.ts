// Hot path: a command that was encoded when it was called, and waits for its reply.
import { Command } from 'ioredis'
import type { CommandHead, Scalar } from './command-encoder.ts'
import { isBytes, textOf } from './command-encoder.ts'
import { failureOf, TIMED_OUT } from './failures.ts'
import { type Condition, internals, ReplyError } from './ioredis-internals.ts'
import type { RedisInternals } from './redis-internals.ts'
import { type Decoding, TEXT } from './reply-parser.ts'
import type { Transport } from './transport.ts'

/**
 * Stands in ioredis's queue as the item and as its command at once. It is an `instanceof Command`
 * whose fields ioredis reads (`args`, `replyEncoding`, ...) are made when somebody asks.
 */
export abstract class LeanCommand {
  // Inherited from Command.prototype, see below.
  declare _clearTimers: () => void
  abstract readonly promise: Promise<unknown>
  /** The client it was called on. */
  protected abstract readonly redis: RedisInternals
  readonly name: string
  readonly decoding: Decoding
  /** The connection it was last written to. */
  transport: Transport | undefined
  select = 0
  /** How many flushes the connection had done when this was encoded: a later one sent it. */
  flushes = 0
  isSettled = false
  /** Time at which it times out, in ms of `performance.now()`; 0 if never. */
  deadline = 0
  readonly count: number
  readonly first: Scalar
  readonly second: Scalar
  /** All arguments, where they are more than two. */
  all: readonly Scalar[] | undefined

  constructor(
    head: CommandHead,
    decoding: Decoding,
    count: number,
    first: Scalar,
    second: Scalar,
    all: readonly Scalar[] | undefined,
  ) {
    this.name = head.name
    this.decoding = decoding
    this.transport = undefined
    this.count = count
    this.first = first
    this.second = second
    this.all = all
  }

  /** Hands the transformed reply to whoever called. */
  protected abstract fulfil(value: unknown): void

  /** Hands an error to whoever called. */
  protected abstract fail(error: Error): void

  /** The queue holds `{ command, select, stream }`; this is all three. */
  get command(): this {
    return this
  }

  get stream(): undefined {
    return undefined
  }

  get replyEncoding(): 'utf8' | null {
    return this.decoding === TEXT ? 'utf8' : null
  }

  /** The arguments as ioredis has them: strings and Buffers. */
  get args(): (string | Buffer)[] {
    const all = this.all ?? [this.first, this.second].slice(0, this.count)
    const args = all.map((value) => (isBytes(value) ? value : textOf(value)))
    this.all = args
    return args
  }

  get bufferMode(): boolean {
    return this.args.some((value) => isBytes(value))
  }

  /** It was encoded for this connection and goes into its queue. */
  queuedOn(transport: Transport): void {
    this.transport = transport
    this.select = transport.condition.select
    this.flushes = transport.flushes
  }

  /** Whether a byte of it may have reached the server. */
  get mayHaveRun(): boolean {
    return this.transport !== undefined && this.transport.flushes > this.flushes
  }

  /** It is sent again, over another connection. */
  sentAgain(transport: Transport): void {
    this.flushes = this.mayHaveRun ? -1 : transport.flushes
    this.transport = transport
  }

  /** It was not: it waits for the next connection. */
  waits(): void {
    if (!this.mayHaveRun) this.transport = undefined
  }

  /** ioredis has it in a queue of its own: there it has its own timer. */
  setTimeout(ms: number): void {
    this.deadline ||= performance.now() + ms
    Command.prototype.setTimeout.call(this, ms)
  }

  setBlockingTimeout(ms: number): void {
    this.deadline ||= Number.MAX_SAFE_INTEGER
    Command.prototype.setBlockingTimeout.call(this, ms)
  }

  /** Takes a reply that is decoded as `decoding` says. */
  settle(value: unknown): void {
    if (this.isSettled) return
    const transform = (internals.transformers as NonNullable<typeof internals.transformers>).reply[
      this.name
    ]
    if (this.deadline !== 0) this._clearTimers()
    if (transform === undefined) {
      this.isSettled = true
      this.fulfil(value)
    } else {
      this.#settleTransformed(value, transform)
    }
  }

  #settleTransformed(
    value: unknown,
    transform: (reply: unknown, context: object) => unknown,
  ): void {
    const { protocol, replyMapping } = this.redis.condition as Condition
    try {
      const transformed = transform(value, { commandName: this.name, protocol, replyMapping })
      this.isSettled = true
      this.fulfil(transformed)
    } catch (error) {
      this.isSettled = true
      this.fail(error as Error)
    }
  }

  /**
   * Takes a reply whose strings are Buffers: ioredis decoded it, on another connection perhaps.
   * As in ioredis it needs no `this` and may be replaced: tracing tools do both.
   */
  get resolve(): (raw: unknown) => Promise<unknown> {
    return (raw) => {
      const { utilities } = internals
      this.settle(
        this.decoding === TEXT && utilities !== undefined
          ? utilities.convertBufferToString(raw, 'utf8')
          : raw,
      )
      return this.promise
    }
  }

  set resolve(value: unknown) {
    replace(this, 'resolve', value)
  }

  /** Takes the error of the server, or the reason why no reply will come; see `resolve`. */
  get reject(): (error: Error) => void {
    return (error) => {
      if (this.isSettled) return
      this.isSettled = true
      this._clearTimers()
      // What times out stays in its queue.
      const mayHaveRun = this.mayHaveRun || error.message === TIMED_OUT
      this.fail(
        error instanceof ReplyError ? error : failureOf(error, this.redis, this, mayHaveRun),
      )
    }
  }

  set reject(value: unknown) {
    replace(this, 'reject', value)
  }
}

function replace(command: LeanCommand, name: 'resolve' | 'reject', value: unknown): void {
  Object.defineProperty(command, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

// `instanceof Command` holds, and ioredis finds every method it may call on a queued command.
Object.setPrototypeOf(LeanCommand.prototype, Command.prototype)
for (const [field, value] of Object.entries({ inTransaction: false, isTraced: false })) {
  Object.defineProperty(LeanCommand.prototype, field, { value, writable: true })
}
