// The same calls on ioredis's Cluster and on ours, against one cluster.
import { type RedisCluster, startRedisCluster } from '@celeris/test-support'
import { exists, getKeyIndexes } from '@ioredis/commands'
import { Command, type Redis as Ioredis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClusterOptions } from '../src/index.ts'
import { readyClusterOf } from './cluster-support.ts'
import { FAMILIES } from './differential/calls.ts'
import { BROKEN_WITH_AUTO_PIPELINING } from './differential/deviations.ts'
import { type Call, WAYS } from './differential/ways.ts'

let servers: RedisCluster
beforeAll(async () => {
  // Blocking commands time out at the next tick of the server's clock: 100 a second.
  servers = await startRedisCluster({ replicas: 0, args: ['--hz', '100'] })
}, 90_000)
afterAll(() => servers?.stop())

/** A call that goes to one node, not to any: what has no key is answered by chance. */
function hasKeys([name, ...args]: Call): boolean {
  const plain = args.flat().map(String)
  const [index = plain.length] = exists(name) ? getKeyIndexes(name, plain as never) : []
  return index < plain.length
}

/** What it waits for cannot come from a key of another slot. */
const waits = ([name]: Call): boolean => Command.checkFlag('BLOCKING_COMMANDS', name)

/** Nodes answer in no common order, and a transaction that is open belongs to one of them. */
function inNoOrder(way: string, made: unknown): unknown {
  const { outcomes } = (made ?? {}) as { outcomes?: unknown }
  return way.startsWith('all at once') && outcomes !== undefined ? outcomes : made
}

async function run(
  kind: 'ours' | 'stock',
  options: ClusterOptions,
  calls: readonly Call[],
): Promise<Record<string, unknown>> {
  const cluster = await readyClusterOf(kind, servers.startupNodes, options)
  const made: Record<string, unknown> = {}
  for (const [way, make] of Object.entries(WAYS)) {
    if (way === 'in an open transaction') continue
    if (options.enableAutoPipelining && BROKEN_WITH_AUTO_PIPELINING.includes(way)) continue
    for (const node of servers.nodes) {
      await node.command('FLUSHALL')
      await node.command('SCRIPT', 'FLUSH')
    }
    made[way] = inNoOrder(way, await make(cluster as unknown as Ioredis, calls))
  }
  cluster.disconnect()
  return made
}

const SETTINGS: Readonly<Record<string, ClusterOptions>> = {
  'keys of all slots': {},
  'keys of one slot, by a prefix': { keyPrefix: '{slot}:', redisOptions: { protocol: 2 } },
  'keys of one slot, automatic pipelines, mapped replies': {
    keyPrefix: '{slot}:',
    enableAutoPipelining: true,
    redisOptions: { replyMapping: 'resp3' },
  },
}

describe.each(Object.entries(SETTINGS))('calls answer as on ioredis: %s', (_name, options) => {
  it.each(Object.entries(FAMILIES))('%s (CLU-4, CLU-5, SUITE-2)', async (_family, all) => {
    const calls = all.filter((call) => hasKeys(call) && (options.keyPrefix || !waits(call)))
    const stock = await run('stock', options, calls)
    expect(await run('ours', options, calls)).toEqual(stock)
  })
})
