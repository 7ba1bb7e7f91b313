// Hot path: built-in commands of a cluster client, straight to the master of their key.
import { Cluster as StockCluster } from 'ioredis'
import { defineBuiltins, defineMethod } from './builtin-methods.ts'
import { ClusterCommand } from './cluster-command.ts'
import type { ClusterInternals } from './cluster-internals.ts'
import { slotOf } from './cluster-slot.ts'
import { isScalar, type Scalar } from './command-encoder.ts'
import { type CommandSpec, commandTable, specOf } from './command-table.ts'
import { argumentsOf, leanTransport, prefixed } from './eligibility.ts'
import { clusterSendCommandIsStock } from './guard.ts'
import { BYTES, type Decoding, TEXT } from './reply-parser.ts'

type Method = (this: ClusterInternals, ...args: unknown[]) => unknown

const stock = StockCluster.prototype as unknown as Record<string, Method>
let ownSendCommand: unknown

/** Whether a call may be lean: nobody looks at it on its way, ioredis would send it to a master. */
function isEligible(cluster: ClusterInternals, spec: CommandSpec): boolean {
  const { options } = cluster
  return (
    cluster.status === 'ready' &&
    (options.scaleReads === 'master' || !spec.readOnly) &&
    !options.enableAutoPipelining &&
    !options.showFriendlyErrorStack &&
    !((options.keyPrefix as unknown) instanceof Buffer) &&
    !options.himportFieldsets?.length &&
    // Without redirections ioredis calls every error one too many.
    (options.maxRedirections as number) > 0 &&
    cluster.sendCommand === ownSendCommand &&
    clusterSendCommandIsStock()
  )
}

/** Sends a command to the master of its key, which is the first argument with the client's prefix. */
function send(
  cluster: ClusterInternals,
  spec: CommandSpec,
  decoding: Decoding,
  count: number,
  key: Scalar,
  second: Scalar,
  all: readonly Scalar[] | undefined,
): Promise<unknown> | undefined {
  const nodes = cluster.slots[slotOf(key)]
  const node =
    nodes === undefined ? undefined : cluster.connectionPool.nodes.all[nodes[0] as string]
  const transport = node === undefined ? undefined : leanTransport(node, spec)
  if (transport === undefined) return undefined
  const refusal = transport.refusal()
  if (refusal !== undefined) return Promise.reject(refusal)
  const { head } = spec
  const command = new ClusterCommand(cluster, head, decoding, transport, count, key, second, all)
  transport.enqueue(spec, command)
  return command.promise
}

/** Sends a call with any number of arguments; undefined if it is not for the fast path. */
function sendMany(
  cluster: ClusterInternals,
  spec: CommandSpec,
  decoding: Decoding,
  args: ArrayLike<unknown>,
): Promise<unknown> | undefined {
  const all = argumentsOf(spec, args)
  if (all === undefined || all.length === 0) return undefined
  const { keyPrefix } = cluster.options
  if (keyPrefix) all[0] = prefixed(keyPrefix, all[0])
  return send(cluster, spec, decoding, all.length, all[0], undefined, all)
}

function method(spec: CommandSpec, decoding: Decoding, name: string): Method {
  const isPlain = spec.argumentTransformer === undefined
  return function (this: ClusterInternals, first?: unknown, second?: unknown): unknown {
    if (isEligible(this, spec)) {
      // biome-ignore lint/complexity/noArguments: a rest parameter would allocate for every call
      const args = arguments
      const count = args.length
      const { keyPrefix } = this.options
      let promise: Promise<unknown> | undefined
      if (isPlain && (count === 1 || count === 2) && isScalar(first) && isScalar(second)) {
        const key = keyPrefix ? prefixed(keyPrefix, first) : first
        promise = send(this, spec, decoding, count, key, second, undefined)
      } else {
        promise = sendMany(this, spec, decoding, args)
      }
      if (promise !== undefined) return promise
    }
    // biome-ignore lint/complexity/noArguments: handed on as they are
    return (stock[name] as Method).apply(this, arguments as unknown as unknown[])
  }
}

/** `call('GET', key)`: the name is sent as the caller spells it. */
function anyCommand(decoding: Decoding, name: string): Method {
  return function (this: ClusterInternals, ...args: unknown[]): unknown {
    const [command, ...rest] = args
    const spec = typeof command === 'string' ? specOf(command) : undefined
    return (
      (spec?.oneKey && isEligible(this, spec) ? sendMany(this, spec, decoding, rest) : undefined) ??
      (stock[name] as Method).apply(this, args)
    )
  }
}

/**
 * Defines every built-in command with one key, in string and Buffer form, on the prototype of our
 * class. `sendCommand` is that class's own: as long as it stands nobody wants to see each command.
 */
export function defineClusterCommands(prototype: object, sendCommand: unknown): void {
  ownSendCommand = sendCommand
  const withOneKey = [...commandTable.values()].filter((spec) => spec.oneKey)
  defineBuiltins(prototype, withOneKey, method)
  defineMethod(prototype, 'call', anyCommand(TEXT, 'call'))
  defineMethod(prototype, 'callBuffer', anyCommand(BYTES, 'callBuffer'))
}
