// Every address of a cluster changes: the client finds it by the names it was given.
import { afterEach, expect, it } from 'vitest'
import type { Cluster, ClusterOptions } from '../src/index.ts'
import { bulk, type FakeCluster, startFakeCluster } from './cluster-fake.ts'
import { readyClusterOf } from './cluster-support.ts'

const clusters: FakeCluster[] = []
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
})

const OLD = '127.0.0.1'
const NEW = '127.0.0.2'

/** A cluster at the old addresses whose replicas nobody has asked yet, and one at new ones. */
async function start(): Promise<{ old: FakeCluster[]; moved: FakeCluster; port: number }> {
  const replicas = await startFakeCluster(3, () => bulk('replica'), { host: OLD })
  const masters = await startFakeCluster(3, () => bulk('old'), {
    host: OLD,
    replicas: replicas.ports.map((port) => ({ host: OLD, port })),
  })
  const { ports } = masters
  const moved = await startFakeCluster(3, () => bulk('new'), { host: NEW, ports })
  clusters.push(moved)
  return { old: [masters, replicas], moved, port: ports[0] as number }
}

const stop = (dying: readonly FakeCluster[]) => Promise.all(dying.map((cluster) => cluster.stop()))

/** A client that knows the cluster by one name. */
async function connect(
  kind: 'ours' | 'stock',
  port: number,
  address: () => string,
  options: ClusterOptions = {},
): Promise<Cluster> {
  return readyClusterOf(kind, [{ host: 'redis.test', port }], {
    retryDelayOnFailover: 10,
    dnsLookup: (_name, callback) => callback(null, address(), 4),
    ...options,
  })
}

it.each(['ours', 'stock'] as const)(
  '%s: commands find the new addresses, through the name (CLU-8)',
  async (kind) => {
    const { old, moved, port } = await start()
    let address = OLD
    const cluster = await connect(kind, port, () => address)
    expect(await cluster.get('foo')).toBe('old')
    await stop(old)
    address = NEW
    // Replicas the client has never asked are tried first, and found dead.
    const values = await Promise.all(['foo', 'bar', 'name'].map((key) => cluster.get(key)))
    expect(values).toEqual(['new', 'new', 'new'])
    expect(cluster.status).toBe('ready')
    expect(moved.slotRequests).toBeGreaterThan(0)
    for (const { options } of cluster.nodes()) expect(options.host).toBe(NEW)
  },
)

it('while nothing answers yet, commands wait, and then run once (CLU-8, SAME-7)', async () => {
  const { old, moved, port } = await start()
  let address = OLD
  const cluster = await connect('ours', port, () => address)
  await stop(old)
  const lookups: string[] = []
  cluster.on('reconnecting', () => {
    lookups.push('reconnecting')
    // The name is asked again for every attempt.
    if (lookups.length === 2) address = NEW
  })
  expect(await cluster.incr('foo').catch((error: Error) => error)).toBe('new')
  expect(lookups.length).toBeGreaterThanOrEqual(2)
  expect(moved.commands.filter((command) => command.includes('incr'))).toHaveLength(1)
})

it('asks for the slots once for many callers (CLU-8)', async () => {
  const fake = await startFakeCluster(3, () => bulk('value'))
  clusters.push(fake)
  const cluster = await connect('ours', fake.ports[0] as number, () => OLD)
  const before = fake.slotRequests
  const refreshed = Array.from(
    { length: 50 },
    () =>
      new Promise<void>((resolve, reject) => {
        cluster.refreshSlotsCache((error) => (error ? reject(error) : resolve()))
      }),
  )
  await Promise.all(refreshed)
  expect(fake.slotRequests).toBe(before + 1)
})
