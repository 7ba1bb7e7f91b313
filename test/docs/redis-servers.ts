// Real servers for the code blocks about Redis; a block finds them in its environment.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '../../packages/test-support/src/index.ts'

export interface RedisServers {
  /** `REDIS_URL`, `REDIS_TLS_URL`, `REDIS_CA_FILE`, `REDIS_CLUSTER`, `REDIS_SENTINELS`, `REDIS_MASTER`. */
  readonly env: Readonly<Record<string, string>>
  stop(): Promise<void>
}

const listed = (servers: readonly { host: string; port: number }[]): string =>
  servers.map(({ host, port }) => `${host}:${port}`).join()

export async function startRedisServers(): Promise<RedisServers> {
  const folder = mkdtempSync(join(tmpdir(), 'celeris-docs-'))
  const authority = join(folder, 'ca.pem')
  const started = await Promise.allSettled([
    startRedis(),
    startRedis({ tls: true }),
    startRedisCluster({ masters: 3, replicas: 0 }),
    startRedisSentinel({ sentinels: 3, replicas: 1 }),
  ])
  const stop = async (): Promise<void> => {
    for (const one of started) if (one.status === 'fulfilled') await one.value.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  const [plain, encrypted, cluster, sentinel] = started
  if (
    plain.status === 'rejected' ||
    encrypted.status === 'rejected' ||
    cluster.status === 'rejected' ||
    sentinel.status === 'rejected'
  ) {
    await stop()
    throw new AggregateError(started, 'servers for the pages about Redis do not start')
  }
  writeFileSync(authority, encrypted.value.ca ?? '')
  return {
    env: {
      REDIS_URL: `redis://${plain.value.host}:${plain.value.port}`,
      REDIS_TLS_URL: `rediss://localhost:${encrypted.value.port}`,
      REDIS_CA_FILE: authority,
      REDIS_CLUSTER: listed(cluster.value.startupNodes),
      REDIS_SENTINELS: listed(sentinel.value.sentinels),
      REDIS_MASTER: sentinel.value.name,
    },
    stop,
  }
}
