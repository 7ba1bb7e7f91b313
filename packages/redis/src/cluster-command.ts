// Hot path: a lean command of a cluster client, which may have to go on to another node.
import { CalledCommand } from './called-command.ts'
import { resend } from './cluster-hooks.ts'
import type { ClusterInternals } from './cluster-internals.ts'
import { RedirectedCommand } from './cluster-redirect.ts'
import type { CommandHead, Scalar } from './command-encoder.ts'
import { ReplyError } from './ioredis-internals.ts'
import type { Decoding } from './reply-parser.ts'
import type { Transport } from './transport.ts'

const CLOSED = 'Connection is closed.'
const REDIRECTION = /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN)(?: |$)/

/** A command with one key, written to the master of its slot. */
export class ClusterCommand extends CalledCommand {
  readonly #cluster: ClusterInternals

  constructor(
    cluster: ClusterInternals,
    head: CommandHead,
    decoding: Decoding,
    transport: Transport,
    count: number,
    first: Scalar,
    second: Scalar,
    all: readonly Scalar[] | undefined,
  ) {
    super(head, decoding, transport, count, first, second, all)
    this.#cluster = cluster
  }

  /** What is not the end of a command in a cluster goes to ioredis, which has the same promise. */
  protected override fail(error: Error): void {
    if (this.#goesOn(error)) {
      this.fulfil(resend(this.#cluster, new RedirectedCommand(this, this.redis, error)))
    } else {
      super.fail(error)
    }
  }

  #goesOn(error: Error): boolean {
    const { message } = error
    if (message === CLOSED) return this.#cluster.status === 'ready'
    return error instanceof ReplyError && REDIRECTION.test(message)
  }
}
