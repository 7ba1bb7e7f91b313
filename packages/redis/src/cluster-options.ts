import type { ClusterOptions as IoredisClusterOptions } from 'ioredis'
import type { FastPathOptions } from './redis-options.ts'

/** Options of `new Cluster()`: ioredis's, and ours for its connections in `redisOptions`. */
export type ClusterOptions = Omit<IoredisClusterOptions, 'redisOptions'> & {
  /**
   * `false` turns the fast path off for this client: it is plain ioredis then. The environment
   * variable `CELERIS_REDIS_FASTPATH=0` does so for all clients.
   * @defaultValue true
   */
  fastPath?: boolean | undefined
  /** Options of every connection. */
  redisOptions?: (NonNullable<IoredisClusterOptions['redisOptions']> & FastPathOptions) | undefined
}
