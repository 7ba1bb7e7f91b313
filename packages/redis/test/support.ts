import { once } from 'node:events'
import type { RedisServer } from '@celeris/test-support'
import Redis, { type RedisOptions } from '../src/index.ts'

/** A client of our class, connected and ready. */
export async function readyClient(
  server: Pick<RedisServer, 'host' | 'port'>,
  options: RedisOptions = {},
): Promise<Redis> {
  const redis = new Redis({ host: server.host, port: server.port, ...options } as object)
  await once(redis, 'ready')
  return redis
}
