// Hot path: a lean command somebody awaits.
import type { CommandHead, Scalar } from './command-encoder.ts'
import { LeanCommand } from './lean-command.ts'
import type { RedisInternals } from './redis-internals.ts'
import type { Decoding } from './reply-parser.ts'
import type { Transport } from './transport.ts'

let takenResolve: (value: unknown) => void
let takenReject: (error: Error) => void

/** One executor for all promises: no closure of ours is made per command. */
function take(resolve: (value: unknown) => void, reject: (error: Error) => void): void {
  takenResolve = resolve
  takenReject = reject
}

/** A command that was called on a client: one native promise. */
export class CalledCommand extends LeanCommand {
  readonly promise: Promise<unknown>
  protected readonly redis: RedisInternals
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: Error) => void

  constructor(
    head: CommandHead,
    decoding: Decoding,
    transport: Transport,
    count: number,
    first: Scalar,
    second: Scalar,
    all: readonly Scalar[] | undefined,
  ) {
    super(head, decoding, count, first, second, all)
    this.redis = transport.redis
    this.promise = new Promise(take)
    this.#resolve = takenResolve
    this.#reject = takenReject
  }

  protected override fulfil(value: unknown): void {
    this.#resolve(value)
  }

  protected override fail(error: Error): void {
    this.#reject(error)
  }
}
