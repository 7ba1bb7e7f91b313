// The connections of a cluster client are of our Redis.
import type { ClusterInternals, ConnectionPool } from './cluster-internals.ts'
import { internals } from './ioredis-internals.ts'
import { Redis } from './redis.ts'
import type { RedisOptions } from './redis-options.ts'

type Defaults = (
  target: object,
  ...sources: unknown[]
) => RedisOptions & { replyMapping?: 'legacy' }

/** As ioredis's method of that name: its options in its order, its hook. */
function createNode(
  this: ConnectionPool,
  ours: { fastPath?: boolean },
  node: object,
  readOnly: boolean | undefined,
): Redis {
  const { clusterNodeRetryStrategy, redisOptions } = this
  const defaults = internals.utilities?.defaults as Defaults
  const retryStrategy =
    typeof clusterNodeRetryStrategy === 'function' ? clusterNodeRetryStrategy : null
  const redis = new Redis(
    defaults({ ...ours, retryStrategy, enableOfflineQueue: true, readOnly }, node, redisOptions, {
      lazyConnect: true,
    }),
  )
  this.hooks.onCreate?.(redis, readOnly)
  return redis
}

/** Makes the pool of a client create our class; it is empty until the seeds are resolved. */
export function useOurNodes(cluster: ClusterInternals): void {
  const { connectionPool, options } = cluster
  const ours = options.fastPath === false ? { fastPath: false } : {}
  connectionPool.createRedisFromOptions = createNode.bind(connectionPool, ours)
}
