import { freePort } from './free-port.ts'
import { type ClusterNodeLine, clusterNodes, ownership } from './redis-cluster-nodes.ts'
import { isPortTaken, type RedisServer, startRedis } from './redis-server.ts'
import {
  allStarted,
  type Failover,
  type FailoverCause,
  isLinkedReplica,
  logsOf,
  stopAll,
} from './redis-topology.ts'
import { until } from './until.ts'

/** The size of a cluster for a test. */
export interface RedisClusterOptions {
  /** Default 3, the fewest that can vote. */
  readonly masters?: number
  /** Of each master. Default 1. */
  readonly replicas?: number
  /** Of the default user, and between the nodes. */
  readonly requirepass?: string
  /** Further arguments of each node's command line. */
  readonly args?: readonly string[]
  /** After so many milliseconds of silence a node counts as failed. Default 1 500. */
  readonly nodeTimeoutMs?: number
}

/** A slot on its way from one master to another: the source answers ASK for keys it has not. */
export interface OpenSlot {
  /** Moves the slot's keys, or the first few of them; resolves to how many moved. */
  readonly migrate: (keysMax?: number) => Promise<number>
  /** Gives the slot to the target, and awaits that all nodes know; the source answers MOVED then. */
  readonly finish: () => Promise<void>
}

/** A cluster of its own for a test, on 127.0.0.1. */
export interface RedisCluster {
  /** All nodes, masters of the start first. */
  readonly nodes: readonly RedisServer[]
  /** What a client is given. */
  readonly startupNodes: readonly { readonly host: string; readonly port: number }[]
  /** Those that own slots now, in the order of the slots. */
  readonly masters: () => Promise<RedisServer[]>
  readonly replicasOf: (master: RedisServer) => Promise<RedisServer[]>
  /** Takes a master away (an index of `masters`) and awaits that all nodes know its successor. */
  readonly failover: (masterIndex?: number, cause?: FailoverCause) => Promise<Failover>
  /** Starts to move a slot between two masters, named by their ports. */
  readonly openSlot: (slot: number, fromPort: number, toPort: number) => Promise<OpenSlot>
  /** Moves a slot with all its keys. */
  readonly moveSlot: (slot: number, fromPort: number, toPort: number) => Promise<void>
  /** Awaits that all nodes that run call the cluster ok, agree on it, and have linked replicas. */
  readonly settled: () => Promise<void>
  readonly stop: () => Promise<void>
}

const SLOTS = 16_384
const ATTEMPTS_MAX = 5
const MIGRATE_MS = 5_000
const KEYS_MAX = 100
const DEADLINE_MS = 60_000

interface Node {
  readonly server: RedisServer
  readonly busPort: number
}

async function startNode(options: RedisClusterOptions): Promise<Node> {
  const { requirepass, nodeTimeoutMs = 1_500, args = [] } = options
  for (let attempt = 1; ; attempt++) {
    const busPort = await freePort()
    const config = [
      'cluster-enabled yes',
      'cluster-config-file nodes.conf',
      `cluster-port ${busPort}`,
      `cluster-node-timeout ${nodeTimeoutMs}`,
      'cluster-replica-validity-factor 0',
      'cluster-allow-replica-migration no',
      'repl-diskless-sync-delay 0',
      ...(requirepass === undefined ? [] : [`masterauth ${JSON.stringify(requirepass)}`]),
    ]
    try {
      const password = requirepass === undefined ? {} : { requirepass }
      return { server: await startRedis({ ...password, args, config }), busPort }
    } catch (error) {
      // Somebody else took the port of the bus.
      if (attempt === ATTEMPTS_MAX || !isPortTaken(error)) throw error
    }
  }
}

/** Makes strangers a cluster: slots to the first ones, the others as their replicas in turn. */
async function join(nodes: readonly Node[], masters: number): Promise<void> {
  const ids = await Promise.all(
    nodes.map(async ({ server }) => String(await server.command('CLUSTER', 'MYID'))),
  )
  await Promise.all(
    nodes.slice(0, masters).map(async ({ server }, index) => {
      const first = Math.ceil((SLOTS * index) / masters)
      const last = Math.ceil((SLOTS * (index + 1)) / masters) - 1
      await server.command('CLUSTER', 'ADDSLOTSRANGE', first, last)
      await server.command('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
    }),
  )
  // Each pair at once: gossip alone takes seconds.
  for (const [index, { server }] of nodes.entries()) {
    for (const { server: other, busPort } of nodes.slice(index + 1)) {
      await server.command('CLUSTER', 'MEET', other.host, other.port, busPort)
    }
  }
  await until('all nodes have met', async () => {
    const views = await Promise.all(nodes.map(({ server }) => clusterNodes(server)))
    return views.every((lines) => ids.every((id) => lines.some((line) => line.id === id)))
  })
  await Promise.all(
    nodes
      .slice(masters)
      .map(({ server }, index) =>
        server.command('CLUSTER', 'REPLICATE', ids[index % masters] as string),
      ),
  )
}

/** Starts a cluster and awaits that every node calls it ok and every replica is linked. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters: masterCount = 3, replicas: replicaCount = 1, requirepass } = options
  const count = masterCount * (1 + replicaCount)
  const busPorts = new Map<RedisServer, number>()
  const nodes = await allStarted(
    Array.from({ length: count }, async () => {
      const { server, busPort } = await startNode(options)
      busPorts.set(server, busPort)
      return server
    }),
  )

  const running = (): RedisServer[] => nodes.filter((node) => node.running)
  const byPort = (port: number): RedisServer => {
    const node = nodes.find((each) => each.port === port)
    if (node === undefined) throw new Error(`no node of this cluster listens on ${port}`)
    return node
  }
  const view = async (): Promise<ClusterNodeLine[]> => clusterNodes(running()[0] as RedisServer)

  const isSettled = async (): Promise<boolean> => {
    const live = running()
    const views = await Promise.all(live.map(clusterNodes))
    if (new Set(views.map(ownership)).size > 1) return false
    if (!views.every((lines) => lines.length === count)) return false
    const states = await Promise.all(live.map((node) => node.command('CLUSTER', 'INFO')))
    if (!states.every((state) => String(state).includes('cluster_state:ok'))) return false
    for (const lines of views) {
      for (const { port, masterId, flags } of lines) {
        const master = lines.find(({ id }) => id === masterId)
        const alive = byPort(port).running
        // All agree on who lives, who replicates whom, and who does neither.
        if (alive === flags.some((flag) => flag.startsWith('fail'))) return false
        if (alive && flags.includes('slave') === (master === undefined)) return false
        if (!alive || master === undefined) continue
        if (!(await isLinkedReplica(byPort(port), master.port))) return false
      }
      const replicas = lines.filter(({ masterId }) => masterId !== undefined)
      if (replicas.length < masterCount * replicaCount - (count - live.length)) return false
    }
    return true
  }
  const settled = async (): Promise<void> => {
    const detail = (): string => logsOf(nodes)
    await until('the cluster has settled', isSettled, { deadlineMs: DEADLINE_MS, detail })
  }

  const masters: RedisCluster['masters'] = async () =>
    (await view())
      .filter(({ ranges }) => ranges.length > 0)
      .sort((a, b) => Number(a.ranges[0]?.[0]) - Number(b.ranges[0]?.[0]))
      .map(({ port }) => byPort(port))

  const replicasOf: RedisCluster['replicasOf'] = async (master) => {
    const lines = await view()
    const id = lines.find(({ port }) => port === master.port)?.id
    return lines.filter(({ masterId }) => masterId === id).map(({ port }) => byPort(port))
  }

  const failover: RedisCluster['failover'] = async (masterIndex = 0, cause = 'kill') => {
    const old = (await masters())[masterIndex]
    if (old === undefined) throw new RangeError(`the cluster has no master ${masterIndex}`)
    const heirs = (await replicasOf(old)).filter((node) => node.running)
    if (heirs.length === 0) throw new Error(`master ${old.port} has no replica to promote`)
    if (cause === 'kill') await old.kill()
    else await heirs[0]?.command('CLUSTER', 'FAILOVER')
    const promoted = await until(
      `a replica of ${old.port} is master`,
      async () => {
        const now = await masters()
        return now.includes(old) ? undefined : heirs.find((heir) => now.includes(heir))
      },
      { deadlineMs: DEADLINE_MS, detail: () => logsOf(nodes) },
    )
    await settled()
    return { old, promoted }
  }

  const openSlot: RedisCluster['openSlot'] = async (slot, fromPort, toPort) => {
    const [from, to] = [byPort(fromPort), byPort(toPort)]
    const fromId = String(await from.command('CLUSTER', 'MYID'))
    const toId = String(await to.command('CLUSTER', 'MYID'))
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
    const auth = requirepass === undefined ? [] : ['AUTH', requirepass]
    return {
      migrate: async (keysMax = Number.POSITIVE_INFINITY) => {
        let moved = 0
        while (moved < keysMax) {
          const some = Math.min(KEYS_MAX, keysMax - moved)
          const keys = await from.command('CLUSTER', 'GETKEYSINSLOT', slot, some)
          if (!Array.isArray(keys) || keys.length === 0) break
          const target = [to.host, to.port, '', 0, MIGRATE_MS] as const
          await from.command('MIGRATE', ...target, ...auth, 'KEYS', ...keys.map(String))
          moved += keys.length
        }
        return moved
      },
      finish: async () => {
        // Target first: if the source went first, both would send clients to each other.
        const others = (await masters()).filter((node) => node !== to && node !== from)
        for (const node of [to, from, ...others]) {
          await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
        }
        await settled()
      },
    }
  }

  const stop = (): Promise<void> => stopAll(nodes)
  try {
    const joining = nodes.map((server) => ({ server, busPort: busPorts.get(server) as number }))
    await join(joining, masterCount)
    await settled()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    nodes,
    startupNodes: nodes.map(({ host, port }) => ({ host, port })),
    masters,
    replicasOf,
    failover,
    openSlot,
    moveSlot: async (slot, fromPort, toPort) => {
      const open = await openSlot(slot, fromPort, toPort)
      await open.migrate()
      await open.finish()
    },
    settled,
    stop,
  }
}
