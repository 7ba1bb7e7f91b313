// Sentinels, a master and replicas enough for a failover in each test that makes one.
import { once } from 'node:events'
import {
  type Failover,
  type RedisSentinel,
  type RedisServer,
  startFaultProxy,
  startRedis,
  startRedisSentinel,
  until,
} from '@celeris/test-support'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import Redis, { type RedisOptions } from '../src/index.ts'

const PASSWORD = 'of-the-servers'
const limitMs = 60_000

let set: RedisSentinel
beforeAll(async () => {
  set = await startRedisSentinel({ requirepass: PASSWORD, replicas: 3 })
}, 90_000)
afterAll(() => set?.stop())

const addressOf = ({ host, port }: RedisServer) => ({ host, port })

/** A client of the watched master, closed behind the test. */
async function connect(options: RedisOptions = {}): Promise<Redis> {
  const redis = new Redis({
    sentinels: set.sentinels.map(addressOf),
    name: set.name,
    password: PASSWORD,
    retryStrategy: () => 50,
    sentinelRetryStrategy: () => 50,
    maxRetriesPerRequest: null,
    ...options,
  } as object)
  // Connections are lost on purpose.
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  if (redis.status !== 'ready') await once(redis, 'ready')
  expect(redis.fastPath).toEqual({ active: true })
  return redis
}

const portOf = (redis: Redis): number | undefined => redis.stream.remotePort as number | undefined

/** Awaits that a client with a failover detector listens to so many sentinels. */
async function detectorsListen(count: number): Promise<void> {
  await until(`${count} sentinels are listened to`, async () => {
    const lists = await Promise.all(set.sentinels.map((each) => each.command('CLIENT', 'LIST')))
    return lists.filter((list) => String(list).includes(' sub=1 ')).length === count
  })
}

/** Callers that write and read keys of their own, while `change` happens and until all is well. */
async function underLoad(redis: Redis, change: () => Promise<unknown>): Promise<unknown[]> {
  let stopped = false
  let answered = 0
  const wrong: string[] = []
  const rejections: unknown[] = []
  const caller = async (id: number): Promise<void> => {
    for (let turn = 0; !stopped; turn++) {
      const key = `caller:${id}`
      try {
        await redis.set(key, `${key}=${turn}`)
        const read = id % 2 ? await redis.get(key) : String(await redis.getBuffer(key))
        answered += 2
        // Writes may be lost with the master that took them: older is right, another's is not.
        const [name, value] = String(read).split('=')
        const isOwn = String(read) === 'null' || (name === key && Number(value) <= turn)
        if (!isOwn) wrong.push(`${key}=${turn}: ${read}`)
      } catch (error) {
        rejections.push(error)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }
  const callers = Array.from({ length: 16 }, (_, id) => caller(id))
  await until('there is load', () => answered > 500)
  await change()
  const before = answered
  await until('the load goes on', () => answered > before + 500)
  stopped = true
  await Promise.all(callers)
  expect(wrong).toEqual([])
  return rejections
}

it('are asked for the master by name (SEN-1, TRA-4)', async () => {
  const redis = await connect()
  expect(portOf(redis)).toBe((await set.master()).port)
  expect(await redis.set('key', 'value')).toBe('OK')
  expect(await redis.get('key')).toBe('value')
})

it('name a replica for role slave, preferred ones first (SEN-1)', async () => {
  const master = await set.master()
  const redis = await connect({ role: 'slave' })
  expect(portOf(redis)).not.toBe(master.port)
  await until('the replica has it', async () => (await redis.get('key')) === 'value')
  await expect(redis.set('key', 'other')).rejects.toThrow('READONLY')
  for (const replica of set.servers.filter((server) => server !== master)) {
    const preferred = { ip: replica.host, port: `${replica.port}` }
    const chosen = await connect({ role: 'slave', preferredSlaves: [preferred] })
    expect(portOf(chosen)).toBe(replica.port)
  }
})

it('and their servers are reached through natMap (SEN-1)', async () => {
  const proxies = await Promise.all(set.servers.map(({ port }) => startFaultProxy({ port })))
  onTestFinished(async () => {
    for (const proxy of proxies) await proxy.stop()
  })
  const natMap = Object.fromEntries(
    set.servers.map(({ host, port }, index) => {
      const { host: to, port: toPort } = proxies[index] as (typeof proxies)[0]
      return [`${host}:${port}`, { host: to, port: toPort }]
    }),
  )
  const redis = await connect({ natMap })
  expect(proxies.map(({ port }) => port)).toContain(portOf(redis))
  expect(await redis.get('key')).toBe('value')
})

it('may want a user and a password of their own (SEN-1)', async () => {
  for (const sentinel of set.sentinels) {
    await sentinel.command('ACL', 'SETUSER', 'client', 'on', '>of the sentinels', '&*', '+@all')
  }
  const options = { sentinelUsername: 'client', sentinelPassword: 'of the sentinels' }
  const redis = await connect(options)
  expect(await redis.get('key')).toBe('value')
  const strange = {
    sentinels: set.sentinels.map(addressOf),
    name: set.name,
    sentinelUsername: 'client',
    sentinelPassword: 'wrong',
    sentinelRetryStrategy: null,
    retryStrategy: null,
    lazyConnect: true,
  } as object
  const stranger = new Redis(strange)
  stranger.on('error', () => {})
  await expect(stranger.connect()).rejects.toThrow(/All sentinels are unreachable.*WRONGPASS/)
})

it.each(['command', 'kill'] as const)(
  'promote a replica under load (%s), and every command is answered (SEN-2, DELIV-1)',
  async (cause) => {
    const redis = await connect({
      connectionName: 'load',
      reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    })
    let failover: Failover | undefined
    const rejections = await underLoad(redis, async () => {
      failover = await set.failover(cause)
    })
    expect(rejections).toEqual([])
    const { old, promoted } = failover as Failover
    expect(portOf(redis)).toBe(promoted.port)
    if (cause === 'kill') await old.restart()
    // The old master is there, and nobody of ours has a connection to it.
    expect(await old.command('CLIENT', 'LIST')).not.toContain('name=load')
    expect(await promoted.command('CLIENT', 'LIST')).toContain('name=load')
  },
  limitMs,
)

it(
  'tell failoverDetector, which leaves a master that hangs (SEN-2)',
  async () => {
    const redis = await connect({ failoverDetector: true, disconnectTimeout: 100 })
    const old = await set.master()
    await detectorsListen(3)
    old.pause()
    // Sent to the old master, which will never answer: it goes to the new one.
    const pending = redis.set('hung', 'answered')
    expect(await pending).toBe('OK')
    expect(portOf(redis)).not.toBe(old.port)
    old.resume()
    expect(await redis.get('hung')).toBe('answered')
    // No connection to a sentinel is left to keep the process alive (TRA-9).
    await redis.quit()
    await detectorsListen(0)
  },
  limitMs,
)

it('tell of each other, which helps when the first one is down (SEN-1)', async () => {
  const [first, ...others] = set.sentinels as [RedisServer, ...RedisServer[]]
  const redis = await connect({ sentinels: [addressOf(first)] })
  const alone = await connect({ sentinels: [addressOf(first)], updateSentinels: false })
  const inAnyOrder = await connect({ sentinels: [first, ...others].map(addressOf) })
  await first.kill()
  const unreachable = once(alone, 'error')
  await (await set.master()).command('CLIENT', 'KILL', 'TYPE', 'normal')
  expect(await redis.get('key')).toBe('value')
  expect(await inAnyOrder.get('key')).toBe('value')
  expect(String(await unreachable)).toContain('All sentinels are unreachable')
  await first.restart()
  expect(await alone.get('key')).toBe('value')
})

it.each([
  [1, 'READONLY'],
  [2, 'OK'],
] as const)(
  'with reconnectOnError %s, READONLY connects anew and gives %s (SEN-2, SAME-12)',
  async (action, expected) => {
    const [master, replica] = await Promise.all([startRedis(), startRedis()])
    onTestFinished(async () => {
      await Promise.all([master.stop(), replica.stop()])
    })
    await replica.command('REPLICAOF', master.host, master.port)
    const errors: string[] = []
    const redis = new Redis({
      port: replica.port,
      retryStrategy: () => 10,
      reconnectOnError: ({ message }) => {
        errors.push(message.slice(0, 8))
        return action
      },
    })
    onTestFinished(() => redis.disconnect())
    await once(redis, 'ready')
    // As a failover does: what it connects to next is a master.
    const reconnected = once(redis, 'reconnecting').then(() =>
      replica.command('REPLICAOF', 'NO', 'ONE'),
    )
    const outcomes = await Promise.allSettled([redis.set('key', 1), redis.set('key', 2)])
    await reconnected
    const told = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason.message).slice(0, 8),
    )
    expect(errors[0]).toBe('READONLY')
    expect(told[0]).toBe(expected)
    if (redis.status !== 'ready') await once(redis, 'ready')
    await until(
      'it is a master',
      async () => (await replica.command('ROLE'))?.[0 as never] === 'master',
    )
    expect(await redis.set('key', 3)).toBe('OK')
  },
)
