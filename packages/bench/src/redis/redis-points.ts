/** What the callers do; the loops are in servers/redis-work.mjs. */
export type RedisWork = 'getSet' | 'getBufferSet' | 'getOnly' | 'setPx' | 'hash' | 'pipeline'

/** One load every library is measured under. */
export interface RedisPoint {
  /** Its name on the command line. */
  readonly name: string
  readonly title: string
  readonly work: RedisWork
  readonly callers: number
  readonly valueBytes: number
  readonly topology: 'single' | 'tls' | 'cluster'
}

const point = (name: string, title: string, own: Partial<RedisPoint> = {}): RedisPoint => ({
  name,
  title,
  work: 'getSet',
  callers: 64,
  valueBytes: 32,
  topology: 'single',
  ...own,
})

/** Every load, in the order of a report. GET and SET take turns unless the title says otherwise. */
export const redisPoints: readonly RedisPoint[] = [
  point('1', '1 caller', { callers: 1 }),
  point('64', '64 callers'),
  point('512', '512 callers', { callers: 512 }),
  point('pipeline', 'pipelines of 100, one at a time', { work: 'pipeline', callers: 1 }),
  point('1k', '1 KiB values, 64 callers', { valueBytes: 1024 }),
  point('64k', '64 KiB values, 64 callers', { valueBytes: 65_536 }),
  point('buffer', 'GET as Buffer and SET of a Buffer, 64 callers', { work: 'getBufferSet' }),
  point('px', 'SET with PX, 64 callers', { work: 'setPx' }),
  point('hash', 'HSET and HGETALL of 20 fields, 64 callers', { work: 'hash' }),
  point('cluster', 'Cluster of 3 masters, 64 callers', { topology: 'cluster' }),
  point('tls', 'over TLS, 64 callers', { topology: 'tls' }),
]

/** The point of that name, or undefined. */
export const findRedisPoint = (name: string): RedisPoint | undefined =>
  redisPoints.find((one) => one.name === name)
