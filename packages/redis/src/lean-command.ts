// Hot path: a command that was encoded when it was called, and waits for its reply.
import { Command } from 'ioredis'
import type { CommandHead, Scalar } from './command-encoder.ts'
import { isBytes, textOf } from './command-encoder.ts'
import { failureOf } from './errors.ts'
import { internals, ReplyError } from './ioredis-internals.ts'
import { type Decoding, TEXT } from './reply-parser.ts'
import type { Transport } from './transport.ts'

let takenResolve: (value: unknown) => void
let takenReject: (error: Error) => void

/** One executor for all promises: no closure of ours is made per command. */
function take(resolve: (value: unknown) => void, reject: (error: Error) => void): void {
  takenResolve = resolve
  takenReject = reject
}

/**
 * Stands in ioredis's queue as the item and as its command at once. It is an `instanceof Command`
 * whose fields ioredis reads (`args`, `replyEncoding`, ...) are made when somebody asks.
 */
export class LeanCommand {
  // Inherited from Command.prototype, see below.
  declare setTimeout: (ms: number) => void
  declare _clearTimers: () => void
  readonly name: string
  readonly decoding: Decoding
  transport: Transport
  readonly promise: Promise<unknown>
  readonly select: number
  /** How many flushes the connection had done when this was encoded: a later one sent it. */
  flushes: number
  isSettled = false
  /** Time at which it times out, in ms of `performance.now()`; 0 if never. */
  deadline = 0
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: Error) => void
  readonly #count: number
  readonly #first: Scalar
  readonly #second: Scalar
  #all: readonly Scalar[] | undefined

  constructor(
    head: CommandHead,
    decoding: Decoding,
    transport: Transport,
    count: number,
    first: Scalar,
    second: Scalar,
    all: readonly Scalar[] | undefined,
  ) {
    this.name = head.name
    this.decoding = decoding
    this.transport = transport
    this.promise = new Promise(take)
    this.#resolve = takenResolve
    this.#reject = takenReject
    this.select = transport.condition.select
    this.flushes = transport.flushes
    this.#count = count
    this.#first = first
    this.#second = second
    this.#all = all
  }

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
    const all = this.#all ?? [this.#first, this.#second].slice(0, this.#count)
    const args = all.map((value) => (isBytes(value) ? value : textOf(value)))
    this.#all = args
    return args
  }

  get bufferMode(): boolean {
    return this.args.some((value) => isBytes(value))
  }

  /** It is sent again, over another connection. */
  sentAgain(transport: Transport): void {
    const mayHaveRun = this.transport.flushes > this.flushes
    this.transport = transport
    this.flushes = mayHaveRun ? -1 : transport.flushes
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
      this.#resolve(value)
    } else {
      this.#settleTransformed(value, transform)
    }
  }

  #settleTransformed(
    value: unknown,
    transform: (reply: unknown, context: object) => unknown,
  ): void {
    const { protocol, replyMapping } = this.transport.condition
    try {
      const transformed = transform(value, { commandName: this.name, protocol, replyMapping })
      this.isSettled = true
      this.#resolve(transformed)
    } catch (error) {
      this.isSettled = true
      this.#reject(error as Error)
    }
  }

  /** Takes a reply whose strings are Buffers: ioredis decoded it, on another connection perhaps. */
  resolve(raw: unknown): Promise<unknown> {
    const { utilities } = internals
    this.settle(
      this.decoding === TEXT && utilities !== undefined
        ? utilities.convertBufferToString(raw, 'utf8')
        : raw,
    )
    return this.promise
  }

  /** Takes the error of the server, or the reason why no reply will come. */
  reject(error: Error): void {
    if (this.isSettled) return
    this.isSettled = true
    this._clearTimers()
    this.#reject(
      error instanceof ReplyError
        ? error
        : failureOf(error, this.transport.failureOf(this, this.flushes)),
    )
  }
}

// `instanceof Command` holds, and ioredis finds every method it may call on a queued command.
Object.setPrototypeOf(LeanCommand.prototype, Command.prototype)
for (const [field, value] of Object.entries({ inTransaction: false, isTraced: false })) {
  Object.defineProperty(LeanCommand.prototype, field, { value, writable: true })
}
