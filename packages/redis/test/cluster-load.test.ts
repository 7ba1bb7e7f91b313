// A cluster that changes under load: each command is acknowledged with its own value, or says that it
// may have run.
import {
  type RedisCluster,
  type RedisServer,
  startRedisCluster,
  until,
} from '@celeris/test-support'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Cluster, ClusterOptions, FailureDetails } from '../src/index.ts'
import { readyClusterOf } from './cluster-support.ts'

const CALLERS = 24
const limitMs = 60_000

let servers: RedisCluster
beforeEach(async () => {
  servers = await startRedisCluster()
}, 90_000)
afterEach(() => servers?.stop())

const connect = (options?: ClusterOptions) =>
  readyClusterOf('ours', servers.startupNodes, { scaleReads: 'master', ...options })

/** What callers saw; they go on until `stop` is called. */
interface Load {
  /** Commands that were answered. */
  answered: number
  /** Since the last command that was not answered. */
  readonly rejections: (Error & Partial<FailureDetails>)[]
  /** What cannot be: values of others, values from the future. */
  readonly wrong: string[]
  stop: () => Promise<void>
}

/** Each caller writes and reads keys of its own, of all slots, one after the other. */
function writeAndRead(cluster: Cluster): Load {
  let stopped = false
  const caller = async (id: number): Promise<void> => {
    for (let turn = 0; !stopped; turn++) {
      const key = `caller:${id}:${turn % 7}`
      try {
        const written = await cluster.set(key, `${key}=${turn}`)
        const read = id % 2 === 0 ? await cluster.get(key) : String(await cluster.getBuffer(key))
        load.answered += 2
        // A master that dies takes writes with it that no replica had: an older value is right then.
        const [name, value] = String(read).split('=')
        const isOwn = read === 'null' || read === null || (name === key && Number(value) <= turn)
        if (written !== 'OK' || !isOwn) load.wrong.push(`${key}=${turn}: ${written}, ${read}`)
      } catch (error) {
        load.rejections.push(error as Error)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }
  const callers = Array.from({ length: CALLERS }, (_, id) => caller(id))
  const load: Load = {
    answered: 0,
    rejections: [],
    wrong: [],
    stop: async () => {
      stopped = true
      await Promise.all(callers)
    },
  }
  return load
}

/** Writes keys of all slots and reads them back, without an error. */
async function expectAllWell(cluster: Cluster): Promise<void> {
  const keys = Array.from({ length: 100 }, (_, index) => `well:${index}`)
  await Promise.all(keys.map((key) => cluster.set(key, key)))
  expect(await Promise.all(keys.map((key) => cluster.get(key)))).toEqual(keys)
}

it.each(['kill', 'command'] as const)(
  'a replica takes over (%s) and the client goes on by itself (CLU-6, DELIV-1, DELIV-4)',
  async (cause) => {
    const cluster = await connect({ retryDelayOnFailover: 50, maxRedirections: 1_000 })
    const load = writeAndRead(cluster)
    await until('there is load', () => load.answered > 1_000)
    const { old, promoted } = await servers.failover(0, cause)
    const before = load.answered
    await until('the load goes on', () => load.answered > before + 1_000)
    await load.stop()
    expect(load.wrong).toEqual([])
    for (const error of load.rejections) expect(typeof error.mayHaveRun).toBe('boolean')
    // A thousand attempts outlast any election: nothing was lost to the callers.
    expect(load.rejections).toEqual([])
    await expectAllWell(cluster)
    const masters = cluster.nodes('master').map(({ options }) => options.port)
    expect(masters).toContain(promoted.port)
    expect(masters).not.toContain(old.port)
  },
  limitMs,
)

it(
  'commands give up after the redirections they have, and say what became of them (CLU-3, DELIV-4)',
  async () => {
    const cluster = await connect({ retryDelayOnFailover: 10, maxRedirections: 3 })
    const load = writeAndRead(cluster)
    await until('there is load', () => load.answered > 1_000)
    await servers.failover(0)
    const before = load.answered
    await until('the load goes on', () => load.answered > before + 1_000)
    await load.stop()
    expect(load.wrong).toEqual([])
    expect(load.rejections.length).toBeGreaterThan(0)
    for (const error of load.rejections) {
      expect(error.message).toMatch(
        /^Too many Cluster redirections|^CLUSTERDOWN|^Connection is closed/,
      )
      if (error.name === 'ReplyError') continue
      expect(typeof error.mayHaveRun).toBe('boolean')
      expect(error.address).toMatch(/^127\.0\.0\.1:/)
      expect(error.command).toHaveProperty('name')
    }
    await expectAllWell(cluster)
  },
  limitMs,
)

it(
  'each value is right while slots move (CLU-7)',
  async () => {
    const cluster = await connect()
    const [source, , target] = (await servers.masters()) as [RedisServer, RedisServer, RedisServer]
    // Slot 5 061 is of the first master.
    const keys = Array.from({ length: 20 }, (_, index) => `{bar}:${index}`)
    let stopped = false
    let counted = 0
    const wrong: string[] = []
    /** Nobody else counts on this key, and nothing is sent twice: each number comes once, in order. */
    const count = async (key: string): Promise<number> => {
      let expected = 0
      while (!stopped) {
        expected += 1
        const value = await cluster.incr(key)
        if (value !== expected) wrong.push(`${key}: ${value} instead of ${expected}`)
        const read = await cluster.get(key)
        if (read !== `${expected}`) wrong.push(`${key}: read ${read} instead of ${expected}`)
        counted += 1
      }
      return expected
    }
    const counts = keys.map(count)
    const load = writeAndRead(cluster)
    const more = async (): Promise<void> => {
      const before = counted
      await until('the counts go on', () => counted > before + 200)
    }
    await more()
    for (const [from, to] of [
      [source, target],
      [target, source],
    ] as const) {
      const open = await servers.openSlot(5_061, from.port, to.port)
      await more()
      // Half of the keys are asked for at the target, the other half at the source.
      await open.migrate(10)
      await more()
      await open.migrate()
      await more()
      await open.finish()
      await more()
    }
    stopped = true
    const totals = await Promise.all(counts)
    await load.stop()
    expect(wrong).toEqual([])
    expect(load.wrong).toEqual([])
    expect(load.rejections).toEqual([])
    expect(await Promise.all(keys.map((key) => cluster.get(key)))).toEqual(totals.map(String))
  },
  limitMs,
)
