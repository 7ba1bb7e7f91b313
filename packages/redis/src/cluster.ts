import { type ClusterNode, Cluster as StockCluster } from 'ioredis'
import { clusterHooks } from './cluster-hooks.ts'
import type { ClusterInternals } from './cluster-internals.ts'
import { defineClusterCommands } from './cluster-methods.ts'
import { useOurNodes } from './cluster-nodes.ts'
import type { ClusterOptions } from './cluster-options.ts'
import { unusable } from './guard.ts'
import type { Redis } from './redis.ts'
import type { FastPathState } from './redis-internals.ts'
import { resolveOptions } from './redis-options.ts'
import { type SignalView, viewOf } from './signal-view.ts'

type ReplyMappingMode = 'legacy' | 'resp3'
type Mapped<Mapping extends ReplyMappingMode> = ClusterOptions & {
  redisOptions?: ClusterOptions['redisOptions'] & { replyMapping?: Mapping }
}

/**
 * A client for a Redis Cluster: ioredis's `Cluster`, with the same options, methods, events and
 * errors, whose connections are of our `Redis`. See ioredis for what is not said here.
 * @throws RedisOptionError `CELERIS_REDIS_OPTIONS` if an option of ours has a value it cannot have.
 * @example
 * ```js
 * import { Cluster } from '@celeris/redis'
 *
 * const cluster = new Cluster([{ host: '127.0.0.1', port: 7000 }])
 * await cluster.set('{user:1}:name', 'Ada')
 * console.log(await cluster.mget('{user:1}:name', '{user:1}:mail'))
 * await cluster.quit()
 * ```
 */
export class Cluster<Mapping extends ReplyMappingMode = 'legacy'> extends StockCluster<Mapping> {
  declare options: ClusterOptions

  constructor(startupNodes: ClusterNode[], options?: Mapped<Mapping>) {
    resolveOptions({ ...options?.redisOptions, fastPath: options?.fastPath })
    super(startupNodes, options)
    if (unusable === undefined) useOurNodes(this as unknown as ClusterInternals)
  }

  /** Whether commands take the fast path, and if not, why: then this is plain ioredis. */
  get fastPath(): FastPathState {
    if (unusable !== undefined) return { active: false, reason: unusable }
    const { fastPath, redisOptions } = this.options
    return fastPath === false || redisOptions?.fastPath === false
      ? { active: false, reason: 'option fastPath is false' }
      : ACTIVE
  }

  /** A view of this client whose commands end when `signal` aborts: see `Redis`. */
  withSignal(signal: AbortSignal): SignalView<Mapping> {
    return viewOf(this, signal) as SignalView<Mapping>
  }

  /** Hands all commands that were called to the kernel now: see `Redis`. */
  flush(): void {
    for (const node of this.nodes() as Redis[]) node.flush()
  }
}

const ACTIVE: FastPathState = Object.freeze({ active: true })

function duplicate(this: Cluster, nodes: ClusterNode[] = [], override?: ClusterOptions): Cluster {
  const { startupNodes, options } = this as unknown as ClusterInternals
  const redisOptions =
    options.redisOptions && override?.redisOptions
      ? { redisOptions: { ...options.redisOptions, ...override.redisOptions } }
      : {}
  const seeds = nodes.length > 0 ? nodes : (startupNodes.slice() as ClusterNode[])
  return new Cluster(seeds, { ...options, ...override, ...redisOptions } as Mapped<'legacy'>)
}

const methods = unusable === undefined ? { ...clusterHooks, duplicate } : { duplicate }
for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(Cluster.prototype, name, { value, writable: true, configurable: true })
}
if (unusable === undefined) defineClusterCommands(Cluster.prototype, clusterHooks.sendCommand)
