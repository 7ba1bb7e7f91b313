// What the tests of clusters share.
import { once } from 'node:events'
import { type RedisCluster, until } from '@celeris/test-support'
import { Cluster as Ioredis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { Cluster, type ClusterOptions } from '../src/index.ts'

export interface Seed {
  readonly host: string
  readonly port: number
}

/** A client of one of both classes, which have the same type for a test. */
export function clusterOf(
  kind: 'ours' | 'stock',
  seeds: readonly Seed[],
  options: ClusterOptions = {},
): Cluster {
  const made = { clusterRetryStrategy: () => 20, ...options } as object
  const cluster =
    kind === 'ours' ? new Cluster([...seeds], made) : (new Ioredis([...seeds], made) as Cluster)
  // Nodes are lost on purpose.
  cluster.on('error', () => {})
  onTestFinished(() => cluster.disconnect())
  return cluster
}

/** A client that knows the slots, and has a connection to each master. */
export async function readyClusterOf(
  kind: 'ours' | 'stock',
  seeds: readonly Seed[],
  options: ClusterOptions = {},
): Promise<Cluster> {
  const cluster = clusterOf(kind, seeds, options)
  await once(cluster, 'ready')
  await Promise.all(cluster.nodes('master').map((node) => node.ping()))
  return cluster
}

/** Names of the commands that ioredis made and its Redis sent: those that were not lean. */
export function stockCommands(cluster: Cluster): string[] {
  const names: string[] = []
  for (const { commandQueue } of cluster.nodes('master')) {
    const { push } = commandQueue
    commandQueue.push = (item) => {
      if (!Object.hasOwn(item.command, 'decoding')) names.push(item.command.name)
      return push.call(commandQueue, item)
    }
  }
  return names
}

/** Awaits that every node names the replicas to clients: it waits for a first write to them. */
export async function replicasAreKnown(cluster: RedisCluster): Promise<void> {
  for (const master of await cluster.masters()) {
    // One key for each third of the slots.
    for (const key of ['foo', 'bar', 'name']) {
      await master.command('SET', key, '').catch(() => {})
    }
  }
  await until('all nodes name replicas', async () => {
    const views = await Promise.all(cluster.nodes.map((node) => node.command('CLUSTER', 'SLOTS')))
    return views.every((ranges) => (ranges as unknown[][]).every(({ length }) => length === 4))
  })
}
