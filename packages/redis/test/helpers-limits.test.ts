// The limits with every client they are for, on real servers and their clock.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type RedisCluster,
  type RedisServer,
  startRedis,
  startRedisCluster,
} from '@celeris/test-support'
import { Cluster as StockCluster, Redis as StockRedis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  type LimitPolicy,
  luaScript,
  RedisHelperError,
  refundUnits,
  runScript,
  slidingWindow,
  takeUnits,
  tokenBucket,
} from '../src/helpers/index.ts'
import { Cluster, Redis } from '../src/index.ts'

let server: RedisServer
let cluster: RedisCluster

beforeAll(async () => {
  ;[server, cluster] = await Promise.all([startRedis(), startRedisCluster({ replicas: 0 })])
}, 90_000)
afterAll(() => Promise.all([server?.stop(), cluster?.stop()]))

type Client = Redis | StockRedis | Cluster | StockCluster

/** Ends with the test. */
function ending<T extends Client>(client: T): T {
  onTestFinished(() => client.disconnect())
  return client
}

const clients: Record<string, () => Client> = {
  'ioredis, RESP3': () => new StockRedis({ port: server.port }),
  'ioredis, RESP2': () => new StockRedis({ port: server.port, protocol: 2 }),
  'ioredis, numbers as strings': () => new StockRedis({ port: server.port, stringNumbers: true }),
  'ioredis Cluster': () => new StockCluster([...cluster.startupNodes]),
  'ours, RESP3': () => new Redis({ port: server.port }),
  'ours, RESP2': () => new Redis({ port: server.port, protocol: 2 }),
  'ours Cluster': () => new Cluster([...cluster.startupNodes]),
}

const hour = 3_600_000
const policies: LimitPolicy[] = [
  { name: 'bucket', algorithm: 'gcra', limit: 12, windowMs: hour },
  { name: 'window', algorithm: 'sliding-window', limit: 11, windowMs: hour },
  { name: 'fixed', algorithm: 'fixed-window', limit: 13, windowMs: hour },
  { name: 'log', algorithm: 'sliding-log', limit: 10, windowMs: hour },
]

/** Answers as of `asked` times, all issued at once. */
const atOnce = <T>(asked: number, ask: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: asked }, ask))
const admitted = (answers: readonly { allowed: boolean }[]): number =>
  answers.filter(({ allowed }) => allowed).length

describe.each(Object.entries(clients))('%s (HELP-1)', (name, connect) => {
  const key = (what: string) => `${name}:${what}`

  it('a bucket and a window give what is left, in integers (HELP-7)', async () => {
    const client = ending(connect())
    const bucket = { key: key('bucket'), capacity: 5, refillPerMs: 5 / hour }
    const first = await tokenBucket(client, { ...bucket, cost: 2 })
    expect(first).toEqual({ allowed: true, remaining: 3, retryAfterMs: 0, resetMs: 1_440_000 })
    const refused = await tokenBucket(client, { ...bucket, cost: 4 })
    expect(refused).toMatchObject({ allowed: false, remaining: 3 })
    expect(refused.retryAfterMs).toBeGreaterThan(0)
    expect(refused.retryAfterMs).toBeLessThanOrEqual(720_000)
    expect(await tokenBucket(client, { ...bucket, cost: 6 })).toMatchObject({
      allowed: false,
      retryAfterMs: Number.POSITIVE_INFINITY,
    })
    const window = { key: key('window'), limit: 2, windowMs: hour }
    expect(await slidingWindow(client, window)).toEqual({
      allowed: true,
      remaining: 1,
      retryAfterMs: 0,
      resetMs: 2 * hour,
    })
    // Looking is free, and makes nothing.
    expect(await slidingWindow(client, { ...window, key: key('looked'), cost: 0 })).toEqual({
      allowed: true,
      remaining: 2,
      retryAfterMs: 0,
      resetMs: 0,
    })
    expect(Number(await client.exists(key('looked')))).toBe(0)
  })

  it('50 callers at once never get more than there is (HELP-5, HELP-6)', async () => {
    const client = ending(connect())
    const bucket = { key: key('many'), capacity: 7, refillPerMs: 1 / hour }
    expect(admitted(await atOnce(50, () => tokenBucket(client, bucket)))).toBe(7)
    const window = { key: Buffer.from(key('many')), limit: 9, windowMs: hour }
    expect(admitted(await atOnce(50, () => slidingWindow(client, window)))).toBe(9)
    const asked = { key: key('policies'), policies }
    expect(admitted(await atOnce(50, () => takeUnits(client, asked)))).toBe(10)
  })

  it('charges all policies of a request or none, and gives back to all', async () => {
    const client = ending(connect())
    const ask = (cost: number) => takeUnits(client, { key: key('all'), policies, cost })
    const left = (decision: Awaited<ReturnType<typeof ask>>) =>
      decision.policies.map(({ remaining }) => remaining)
    expect(left(await ask(8))).toEqual([4, 3, 5, 2])
    const refused = await ask(3)
    expect(refused.allowed).toBe(false)
    expect(refused.policies.map(({ allowed }) => allowed)).toEqual([true, true, true, false])
    expect(refused.retryAfterMs).toBe(refused.policies[3]?.retryAfterMs)
    expect(left(refused)).toEqual([4, 3, 5, 2])
    await refundUnits(client, { key: key('all'), policies, cost: 5 })
    expect(left(await ask(0))).toEqual([9, 8, 10, 7])
    await refundUnits(client, { key: key('all'), policies, cost: 500 })
    expect(left(await ask(0))).toEqual([12, 11, 13, 10])
  })

  it('finds its script again after SCRIPT FLUSH (HELP-8)', async () => {
    const client = ending(connect())
    const bucket = { key: key('flushed'), capacity: 3, refillPerMs: 1 / hour }
    await tokenBucket(client, bucket)
    const nodes = client instanceof StockCluster ? cluster.nodes : [server]
    await Promise.all(nodes.map((node) => node.command('SCRIPT', 'FLUSH')))
    const answers = await atOnce(5, () => tokenBucket(client, bucket))
    expect(admitted(answers)).toBe(2)
  })
})

describe('on the clock of the server', () => {
  it('a wait that was told is enough, and the state expires when all is full (HELP-7)', async () => {
    const client = ending(new StockRedis({ port: server.port }))
    const asks = [
      () => tokenBucket(client, { key: 'real-bucket', capacity: 2, refillPerMs: 2 / 300 }),
      () => slidingWindow(client, { key: 'real-window', limit: 2, windowMs: 150 }),
    ]
    for (const ask of asks) {
      for (let refused = 0; refused < 3; ) {
        const waits = (await atOnce(4, ask)).map(({ retryAfterMs }) => retryAfterMs)
        const longest = Math.max(...waits)
        if (longest === 0) continue
        refused++
        expect(longest).toBeLessThanOrEqual(300)
        // The time the server asked for. A timer starts at the time the loop last looked: it may be early.
        const due = performance.now() + longest
        while (performance.now() <= due) await sleep(1)
        expect((await ask()).allowed).toBe(true)
      }
    }
    const { resetMs } = await tokenBucket(client, {
      key: 'real-bucket',
      capacity: 2,
      refillPerMs: 2 / 300,
      cost: 0,
    })
    expect(await client.pttl('real-bucket')).toBeLessThanOrEqual(resetMs + 1)
    expect(resetMs).toBeLessThanOrEqual(300)
  })

  it('clocks of clients do not matter', async () => {
    const client = ending(new StockRedis({ port: server.port }))
    const real = Date.now
    onTestFinished(() => {
      Date.now = real
    })
    const bucket = { key: 'clocks', capacity: 1, refillPerMs: 1 / hour }
    await tokenBucket(client, bucket)
    Date.now = () => real() + 24 * hour
    expect((await tokenBucket(client, bucket)).allowed).toBe(false)
  })

  it('rejects for a key that holds something else, and leaves it alone', async () => {
    const client = ending(new StockRedis({ port: server.port }))
    await client.set('text', 'value')
    const refused = tokenBucket(client, { key: 'text', capacity: 1, refillPerMs: 1 })
    await expect(refused).rejects.toThrow(/WRONGTYPE/)
    expect(await client.get('text')).toBe('value')
  })
})

describe('one script (HELP-8)', () => {
  it('is one round trip, and defines nothing on the client', async () => {
    const client = ending(new StockRedis({ port: server.port }))
    await client.ping()
    const names = Object.keys(client).sort()
    await takeUnits(client, { key: 'trips', policies })
    const watcher = ending(new StockRedis({ port: server.port }))
    // Its own handshake is over: nothing of it is seen below.
    await watcher.ping()
    const monitor = ending(await watcher.monitor())
    const seen: string[] = []
    const end = new Promise<void>((resolve) => {
      monitor.on('monitor', (_time: string, args: string[], source: string) => {
        if (args[0]?.toLowerCase() === 'ping') resolve()
        else if (source !== 'lua') seen.push(args[0] ?? '')
      })
    })
    await takeUnits(client, { key: 'trips', policies })
    await tokenBucket(client, { key: 'trips', capacity: 3, refillPerMs: 1 })
    await slidingWindow(client, { key: 'trips', limit: 3, windowMs: 10 })
    await client.ping()
    await end
    expect(seen).toEqual(['evalsha', 'evalsha', 'evalsha'])
    expect(Object.keys(client).sort()).toEqual(names)
  })

  it('runs other scripts too, by a hash of their text', async () => {
    const client = ending(new Redis({ port: server.port }))
    const script = luaScript('return {KEYS[1], ARGV[1], #ARGV}')
    const other = luaScript('return {KEYS[1], ARGV[1], #ARGV} ')
    expect(script.sha1).toMatch(/^[0-9a-f]{40}$/)
    expect(other.sha1).not.toBe(script.sha1)
    for (let time = 0; time < 2; time++) {
      expect(await runScript(client, script, ['{a}1'], ['x', 2])).toEqual(['{a}1', 'x', 2])
    }
    await expect(runScript(client, luaScript('return {'), [], [])).rejects.toThrow(/compiling/)
  })

  it('writes reach replicas as plain effects', async () => {
    const replica = await startRedis({ args: ['--replicaof', server.host, `${server.port}`] })
    onTestFinished(() => replica.stop())
    const client = ending(new StockRedis({ port: server.port }))
    await takeUnits(client, { key: 'replicated', policies })
    const reader = ending(new StockRedis({ port: replica.port }))
    await expect
      .poll(() => reader.hgetall('replicated'), { timeout: 30_000 })
      .toEqual(await client.hgetall('replicated'))
    expect(await reader.pttl('replicated')).toBeGreaterThan(0)
  })
})

describe('arguments (HELP-9)', () => {
  const policy = { name: 'p', algorithm: 'gcra', limit: 1, windowMs: 1_000 } as const
  const take = (changes: object) => (client: StockRedis) =>
    takeUnits(client, { key: 'k', policies: [{ ...policy, ...changes }] })
  const wrong: [string, (client: StockRedis) => Promise<unknown>, string][] = [
    ['no policies', (c) => takeUnits(c, { key: 'k', policies: [] }), 'policies'],
    ['two of one name', (c) => takeUnits(c, { key: 'k', policies: [policy, policy] }), 'policies'],
    ['no name', take({ name: '' }), 'policies[0].name'],
    ['a negative limit', take({ limit: -1 }), 'policies[0].limit'],
    ['a limit of 1.5', take({ limit: 1.5 }), 'policies[0].limit'],
    ['a log of 10 001', take({ algorithm: 'sliding-log', limit: 10_001 }), 'policies[0].limit'],
    ['a window of 0', take({ windowMs: 0 }), 'policies[0].windowMs'],
    ['a window of two years', take({ windowMs: 63_072_000_000 }), 'policies[0].windowMs'],
    ['a burst of 0', take({ burst: 0 }), 'policies[0].burst'],
    ['a burst of centuries', take({ burst: 200, windowMs: 31_536_000_000 }), 'policies[0].burst'],
    ['a burst of a window', take({ algorithm: 'fixed-window', burst: 2 }), 'policies[0].burst'],
    ['an unknown algorithm', take({ algorithm: 'luck' }), 'policies[0].algorithm'],
    ['a negative cost', (c) => takeUnits(c, { key: 'k', policies: [policy], cost: -1 }), 'cost'],
    ['an empty key', (c) => refundUnits(c, { key: '', policies: [policy] }), 'key'],
    ['no capacity', (c) => tokenBucket(c, { key: 'k', capacity: 0, refillPerMs: 1 }), 'capacity'],
    ['no refill', (c) => tokenBucket(c, { key: 'k', capacity: 1, refillPerMs: 0 }), 'refillPerMs'],
    [
      'a refill of NaN',
      (c) => tokenBucket(c, { key: 'k', capacity: 1, refillPerMs: Number.NaN }),
      'refillPerMs',
    ],
    [
      'a refill of centuries',
      (c) => tokenBucket(c, { key: 'k', capacity: 10_000, refillPerMs: 1e-9 }),
      'refillPerMs',
    ],
    [
      'half a unit',
      (c) => slidingWindow(c, { key: 'k', limit: 1, windowMs: 1_000, cost: 0.5 }),
      'cost',
    ],
    [
      'a limit of NaN',
      (c) => slidingWindow(c, { key: 'k', limit: Number.NaN, windowMs: 1 }),
      'limit',
    ],
  ]

  it.each(wrong)('%s is refused before anything is sent', async (_, call, option) => {
    const client = ending(new StockRedis({ port: 1, lazyConnect: true }))
    const error = await call(client).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(RedisHelperError)
    expect(error).toMatchObject({ code: 'CELERIS_REDIS_HELPER_OPTIONS', option })
    expect(client.status).toBe('wait')
  })

  it('a limit of 0 refuses everything and says that no wait helps', async () => {
    const client = ending(new StockRedis({ port: server.port }))
    for (const algorithm of ['gcra', 'sliding-window', 'fixed-window', 'sliding-log'] as const) {
      const none = { key: 'none', policies: [{ ...policy, algorithm, limit: 0 }] }
      for (const cost of [0, 1]) {
        const { allowed, retryAfterMs } = await takeUnits(client, { ...none, cost })
        expect({ allowed, retryAfterMs }).toEqual({
          allowed: false,
          retryAfterMs: Number.POSITIVE_INFINITY,
        })
      }
    }
    expect(await client.exists('none')).toBe(0)
  })
})
