import type { RedisReply } from './redis-ask.ts'
import { type RedisServer, startRedis } from './redis-server.ts'
import {
  allStarted,
  type Failover,
  type FailoverCause,
  isLinkedReplica,
  isMaster,
  logsOf,
  stopAll,
} from './redis-topology.ts'
import { until } from './until.ts'

/** The size of a watched set of servers for a test. */
export interface RedisSentinelOptions {
  /** Default 3, of which two must agree. */
  readonly sentinels?: number
  /** Default 1. */
  readonly replicas?: number
  /** Of the servers' default user; the sentinels ask for none. */
  readonly requirepass?: string
}

/** A master, its replicas and the sentinels that watch them, on 127.0.0.1. */
export interface RedisSentinel {
  /** Of the watched master. */
  readonly name: string
  /** In any order; each is a server that can be killed too. */
  readonly sentinels: readonly RedisServer[]
  /** Master and replicas, the master of the start first. */
  readonly servers: readonly RedisServer[]
  /** The one the sentinels name now. */
  readonly master: () => Promise<RedisServer>
  /** Takes the master away, and awaits that all sentinels name its successor and replicas follow it. */
  readonly failover: (cause?: FailoverCause) => Promise<Failover>
  readonly stop: () => Promise<void>
}

const NAME = 'celeris'
const DOWN_AFTER_MS = 1_000
const FAILOVER_MS = 4_000
const DEADLINE_MS = 60_000

/** A reply of names and values by turns. */
function fields(reply: RedisReply): Map<string, string> {
  const items = Array.isArray(reply) ? reply.map(String) : []
  const map = new Map<string, string>()
  for (let i = 0; i + 1 < items.length; i += 2) map.set(items[i] as string, items[i + 1] as string)
  return map
}

/** Starts the servers and their sentinels, and awaits that all sentinels know all of them. */
export async function startRedisSentinel(
  options: RedisSentinelOptions = {},
): Promise<RedisSentinel> {
  const { sentinels: sentinelCount = 3, replicas: replicaCount = 1, requirepass } = options
  const quorum = Math.floor(sentinelCount / 2) + 1
  const password = requirepass === undefined ? {} : { requirepass }
  const secret = JSON.stringify(requirepass ?? '')
  const dataConfig = [
    'repl-diskless-sync-delay 0',
    ...(requirepass === undefined ? [] : [`masterauth ${secret}`]),
  ]
  const servers: RedisServer[] = []
  const sentinels: RedisServer[] = []
  const all = (): RedisServer[] => [...servers, ...sentinels]
  const stop = (): Promise<void> => stopAll(all())
  const detail = (): string => logsOf(all())
  const patience = { deadlineMs: DEADLINE_MS, detail }

  const named = async (sentinel: RedisServer): Promise<RedisServer | undefined> => {
    const reply = await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)
    const port = Array.isArray(reply) ? Number(reply[1]) : 0
    return servers.find((server) => server.port === port)
  }
  const watching = (): RedisServer[] => sentinels.filter((sentinel) => sentinel.running)

  const master: RedisSentinel['master'] = async () => {
    const found = await named(watching()[0] as RedisServer)
    if (found === undefined) throw new Error('the sentinels name a master that is not of this set')
    return found
  }

  const isFollowed = async (leader: RedisServer): Promise<boolean> => {
    if (!(await isMaster(leader))) return false
    const names = await Promise.all(watching().map(named))
    if (!names.every((each) => each === leader)) return false
    const followers = servers.filter((server) => server.running && server !== leader)
    const linked = await Promise.all(followers.map((each) => isLinkedReplica(each, leader.port)))
    return linked.every(Boolean)
  }

  const knowsAll = async (sentinel: RedisServer): Promise<boolean> => {
    const known = fields(await sentinel.command('SENTINEL', 'MASTER', NAME))
    if (known.get('flags') !== 'master') return false
    if (known.get('num-other-sentinels') !== `${sentinelCount - 1}`) return false
    const replicas = await sentinel.command('SENTINEL', 'REPLICAS', NAME)
    if (!Array.isArray(replicas) || replicas.length !== replicaCount) return false
    return replicas.map(fields).every((replica) => {
      return replica.get('flags') === 'slave' && replica.get('master-link-status') === 'ok'
    })
  }

  const failover: RedisSentinel['failover'] = async (cause = 'kill') => {
    const old = await master()
    if (cause === 'kill') await old.kill()
    else await watching()[0]?.command('SENTINEL', 'FAILOVER', NAME)
    const promoted = await until(
      `the sentinels replace ${old.port}`,
      async () => {
        const now = await master()
        return now !== old && (await isFollowed(now)) ? now : undefined
      },
      patience,
    )
    return { old, promoted }
  }

  try {
    const first = await startRedis({ ...password, config: dataConfig })
    servers.push(first)
    const replicaConfig = [...dataConfig, `replicaof ${first.host} ${first.port}`]
    const replicas = Array.from({ length: replicaCount }, () =>
      startRedis({ ...password, config: replicaConfig }),
    )
    servers.push(...(await allStarted(replicas)))
    // Linked before the sentinels look: they ask again only after ten seconds.
    await until(
      'the replicas are linked',
      async () =>
        (
          await Promise.all(servers.slice(1).map((each) => isLinkedReplica(each, first.port)))
        ).every(Boolean),
      patience,
    )
    const watch = [
      `sentinel monitor ${NAME} ${first.host} ${first.port} ${quorum}`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${NAME} ${FAILOVER_MS}`,
      `sentinel parallel-syncs ${NAME} ${Math.max(1, replicaCount)}`,
      ...(requirepass === undefined ? [] : [`sentinel auth-pass ${NAME} ${secret}`]),
    ]
    const starting = Array.from({ length: sentinelCount }, () =>
      startRedis({ args: ['--sentinel'], config: watch }),
    )
    sentinels.push(...(await allStarted(starting)))
    await until(
      'the sentinels know all of the set',
      async () => (await Promise.all(sentinels.map(knowsAll))).every(Boolean),
      patience,
    )
  } catch (error) {
    await stop()
    throw error
  }
  return { name: NAME, sentinels, servers, master, failover, stop }
}
