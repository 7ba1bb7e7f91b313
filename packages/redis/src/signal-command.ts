// Hot path: a lean command that its caller may give up.
import { CalledCommand } from './called-command.ts'
import type { Scalar } from './command-encoder.ts'
import type { CommandSpec } from './command-table.ts'
import { describe } from './failures.ts'
import type { Decoding } from './reply-parser.ts'
import { abandon } from './sendings.ts'
import type { SignalWatch } from './signal-watch.ts'
import type { Transport } from './transport.ts'

class SignalCommand extends CalledCommand {
  readonly #watch: SignalWatch

  constructor(
    watch: SignalWatch,
    spec: CommandSpec,
    decoding: Decoding,
    transport: Transport,
    all: readonly Scalar[],
  ) {
    super(spec.head, decoding, transport, all.length, undefined, undefined, all)
    this.#watch = watch
  }

  /** Its entry stays in the queue and swallows the reply. */
  abort(reason: unknown): void {
    if (this.isSettled) return
    this.isSettled = true
    this._clearTimers()
    super.fail(reason as Error)
    abandon([this])
  }

  protected override fulfil(value: unknown): void {
    this.#watch.delete(this)
    super.fulfil(value)
  }

  protected override fail(error: Error): void {
    this.#watch.delete(this)
    super.fail(error)
  }
}

/** Encodes a command and queues it for its reply, or for the signal. */
export function callWith(
  watch: SignalWatch,
  transport: Transport,
  spec: CommandSpec,
  decoding: Decoding,
  all: readonly Scalar[],
): Promise<unknown> {
  const refusal = transport.refusal()
  if (refusal !== undefined) {
    return Promise.reject(describe(refusal, transport.redis, { name: spec.name, args: all }))
  }
  const command = new SignalCommand(watch, spec, decoding, transport, all)
  transport.enqueue(spec, command)
  watch.add(command)
  return command.promise
}
