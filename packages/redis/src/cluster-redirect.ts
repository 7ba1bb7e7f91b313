import { Command } from 'ioredis'
import type { LeanCommand } from './lean-command.ts'
import type { RedisInternals } from './redis-internals.ts'
import type { Transport } from './transport.ts'

/** A lean command that goes on as one of ioredis: it begins with the answer it has already. */
export class RedirectedCommand extends Command {
  /** The connection it was written to, and how many flushes that had done. */
  readonly sent: { readonly transport: Transport | undefined; readonly flushes: number }
  readonly #node: RedisInternals
  #answer: Error | undefined

  constructor(lean: LeanCommand, node: RedisInternals, answer: Error) {
    super(lean.name, lean.args, { replyEncoding: lean.replyEncoding })
    this.sent = { transport: lean.transport, flushes: lean.flushes }
    this.#node = node
    this.#answer = answer
    if (lean.deadline !== 0) this.setTimeout(Math.max(1, lean.deadline - performance.now()))
  }

  /**
   * What the command is answered when it is sent to `node` for the first time: ioredis then redirects
   * it. Undefined if it has to be sent: the slot has another master by now than the one that said so.
   */
  takeAnswer(node: RedisInternals): Error | undefined {
    const answer = this.#answer
    this.#answer = undefined
    return answer?.message.startsWith('MOVED') && node !== this.#node ? undefined : answer
  }

  /** The answer has been given, or there was no node to take it from. */
  forgetAnswer(): void {
    this.#answer = undefined
  }
}

/** The command, if it is a redirected one. */
export function redirected(command: unknown): RedirectedCommand | undefined {
  return command instanceof RedirectedCommand ? command : undefined
}
