// The transport: over every kind of stream, in order, and nothing of one connection on the next.
import { connect, Socket } from 'node:net'
import { type RedisServer, startRedis } from '@celeris/test-support'
import { AbstractConnector, Redis as Stock } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import Redis, { type RedisOptions } from '../src/index.ts'
import { clientOf, proxyOf, readyClientOf } from './faults-support.ts'

let server: RedisServer
let encrypted: RedisServer

beforeAll(async () => {
  server = await startRedis({ unixSocket: true, users: ['ada on >secret ~ada:* +@all'] })
  encrypted = await startRedis({ tls: true })
})
afterAll(async () => {
  await Promise.all([server.stop(), encrypted.stop()])
})

/** What a connection has to be good for: calls, Buffers, large values, pipelines, scripts, messages. */
async function use(redis: Redis, key: string): Promise<void> {
  const subscriber = redis.duplicate()
  onTestFinished(() => subscriber.disconnect())
  const message = new Promise((resolve) =>
    subscriber.once('message', (channel, text) => resolve([channel, text])),
  )
  await subscriber.subscribe(`${key}:news`)
  const large = Buffer.alloc(1_000_000, key)
  const calls = [
    redis.set(key, 'é'),
    redis.get(key),
    redis.set(`${key}:large`, large),
    redis.getBuffer(`${key}:large`),
    redis.pipeline().incr(`${key}:n`).hset(`${key}:h`, { a: 1 }).hgetall(`${key}:h`).exec(),
    redis.multi().incr(`${key}:n`).get(`${key}:n`).exec(),
    redis.eval('return {KEYS[1], ARGV[1]}', 1, key, 'x'),
    redis.publish(`${key}:news`, 'hello'),
  ]
  const [set, get, , bytes, piped, transaction, script] = await Promise.all(calls)
  expect([set, get]).toEqual(['OK', 'é'])
  expect(large.equals(bytes as Buffer)).toBe(true)
  expect(piped).toEqual([
    [null, 1],
    [null, 1],
    [null, { a: '1' }],
  ])
  expect(transaction).toEqual([
    [null, 2],
    [null, '2'],
  ])
  expect(script).toEqual([key, 'x'])
  expect(await message).toEqual([`${key}:news`, 'hello'])
  expect(redis.fastPath).toEqual({ active: true })
}

describe('as ioredis sets a connection up (SAME-11)', () => {
  /** Opens streams that tell how they were set up. */
  const connectorOf = (open: () => Socket, calls: unknown[]) =>
    class extends AbstractConnector {
      constructor() {
        super(1_000)
      }
      connect(): Promise<Socket> {
        const stream = open()
        for (const name of ['setKeepAlive', 'setNoDelay'] as const) {
          const original = stream[name].bind(stream) as (...args: unknown[]) => Socket
          stream[name] = (...args: unknown[]) => {
            calls.push([name, ...args])
            return original(...args)
          }
        }
        this.stream = stream
        return Promise.resolve(stream)
      }
    }

  it('keepAlive and noDelay', async () => {
    for (const options of [{}, { keepAlive: 5_000 }, { noDelay: false }]) {
      const [ours, theirs] = await Promise.all(
        [Redis as unknown as typeof Stock, Stock].map(async (Client) => {
          const calls: unknown[] = []
          const Connector = connectorOf(() => connect(server.port, server.host), calls)
          const client = new Client({ ...options, Connector } as object)
          onTestFinished(() => client.disconnect())
          await client.ping()
          return calls
        }),
      )
      expect(ours).toEqual(theirs)
    }
  })

  it('connectTimeout', async () => {
    const silent = (): Socket => Object.defineProperty(new Socket(), 'connecting', { value: true })
    const redis = new Redis({
      Connector: connectorOf(silent, []),
      connectTimeout: 20,
      retryStrategy: () => null,
    } as object)
    const failed = new Promise<Error>((resolve) => redis.once('error', resolve))
    await expect(redis.get('a')).rejects.toThrow('Connection is closed.')
    expect((await failed).message).toBe('connect ETIMEDOUT')
  })

  it('blockingTimeout', async () => {
    const options = { blockingTimeout: 50, blockingTimeoutGrace: 10 }
    const redis = await readyClientOf(server, options)
    expect(await redis.blpop('ada:nothing', 0)).toBeNull()
  })
})

describe('serves (TRA-4)', () => {
  const start = (options: RedisOptions): Redis => {
    const redis = new Redis(options as object)
    onTestFinished(() => redis.disconnect())
    return redis
  }

  it('over TCP', () => use(start({ host: server.host, port: server.port }), 'ada:tcp'))

  it('over a Unix socket', () => use(start({ path: server.path as string }), 'ada:unix'))

  it('over TLS', () => {
    const tls = { ca: encrypted.ca }
    return use(start({ host: 'localhost', port: encrypted.port, tls }), 'ada:tls')
  })

  it("over the stream of a user's connector", () => {
    class Own extends AbstractConnector {
      readonly streams: Socket[] = []
      constructor() {
        super(1_000)
      }
      connect(): Promise<Socket> {
        const stream = connect(server.port, server.host)
        this.stream = stream
        return Promise.resolve(stream)
      }
    }
    return use(start({ Connector: Own }), 'ada:connector')
  })

  it('a user of the access list, by name, in a database, with RESP2 and RESP3 (SAME-8)', async () => {
    for (const protocol of [2, 3] as const) {
      const redis = start({
        host: server.host,
        port: server.port,
        username: 'ada',
        password: 'secret',
        connectionName: 'engine',
        clientInfoTag: 'analytical',
        db: 3,
        protocol,
      })
      expect(await redis.set('ada:x', protocol)).toBe('OK')
      await expect(redis.set('x', 1)).rejects.toThrow('NOPERM')
      const info = (await redis.client('INFO')) as string
      expect(info).toMatch(/ name=engine .* db=3 .* user=ada /)
      expect(info).toMatch(new RegExp(` resp=${protocol}`))
    }
  })
})

it('keeps the order of lean calls, calls of ioredis, pipelines and transactions (TRA-1, SAME-1)', async () => {
  const redis = await readyClientOf(server)
  await redis.del('ada:log')
  const settled: number[] = []
  const calls: Promise<unknown>[] = []
  const note = (promise: Promise<unknown>): void => {
    const index = calls.length
    calls.push(promise.then(() => settled.push(index)))
  }
  for (let round = 0; round < 50; round++) {
    note(redis.rpush('ada:log', `${round}a`))
    note(redis.rpush('ada:log', ...([new Map([['b', 1]])] as never[])))
    note(redis.pipeline().rpush('ada:log', `${round}c`).rpush('ada:log', `${round}d`).exec())
    note(redis.multi().rpush('ada:log', `${round}e`).exec())
    note(redis.eval(`return redis.call('rpush', KEYS[1], '${round}f')`, 1, 'ada:log'))
    note(redis.rpush('ada:log', Buffer.from(`${round}g`)))
    note(redis.call('RPUSH', 'ada:log', `${round}h`) as Promise<unknown>)
  }
  await Promise.all(calls)
  // Behind `exec` of a transaction stand more promises than one, in ioredis as well.
  const single = (index: number): boolean => index % 7 !== 3
  expect(settled.filter(single)).toEqual(calls.map((_, index) => index).filter(single))
  const log = await redis.lrange('ada:log', 0, -1)
  const expected = Array.from({ length: 50 }, (_, round) =>
    [...'acdefgh'].map((letter) => `${round}${letter}`),
  ).flat()
  expect(log.filter((entry) => /^\d+[a-h]$/.test(entry))).toEqual(expected)
})

it('lets nothing of a closed connection reach the next one, half a reply least of all (TRA-5)', async () => {
  const setter = await readyClientOf(server)
  await setter.set('ada:long', 'x'.repeat(10_000))
  const proxy = await proxyOf(server)
  const redis = clientOf(proxy)
  await redis.ping()
  for (const after of [1, 6, 7, 500, 9_999]) {
    proxy.cutAfterReplyBytes(after, { once: true })
    const replies = await Promise.all([
      redis.get('ada:long'),
      redis.ping(),
      redis.strlen('ada:long'),
    ])
    expect(replies).toEqual(['x'.repeat(10_000), 'PONG', 10_000])
  }
  expect(redis.queued).toEqual({ bytes: 0, commands: 0, offline: 0 })
})

it('settles what waits when a stream fails with bytes unsent, and serves on (TRA-6)', async () => {
  const proxy = await proxyOf(server)
  const redis = await readyClientOf(proxy, { autoResendUnfulfilledCommands: false })
  proxy.stall()
  const large = 'x'.repeat(1_000_000)
  const calls = Array.from({ length: 30 }, (_, n) => redis.set(`ada:fails:${n}`, large))
  await new Promise((resolve) => setImmediate(resolve))
  redis.stream.destroy(new Error('the cable is out'))
  const results = await Promise.allSettled(calls)
  expect(results.every(({ status }) => status === 'rejected')).toBe(true)
  proxy.resume()
  expect(await redis.ping()).toBe('PONG')
})

it('has sent what was called before `end` of the stream, and takes no more (TRA-2)', async () => {
  const redis = await readyClientOf(server, { retryStrategy: () => null })
  const before = redis.set('ada:ending', 'yes').catch(() => 'closed')
  redis.stream.end()
  await new Promise((resolve) => redis.once('end', resolve))
  await before
  const other = await readyClientOf(server)
  expect(await other.get('ada:ending')).toBe('yes')
  await expect(redis.get('ada:ending')).rejects.toThrow('Connection is closed.')
})

it('hands replies that are not for a lean command on as ioredis expects them (TRA-3)', async () => {
  const redis = await readyClientOf(server)
  const patterns = new Promise((resolve) =>
    redis.once('pmessageBuffer', (...args) => resolve(args)),
  )
  await redis.psubscribe('ada:*')
  const publisher = await readyClientOf(server)
  await publisher.publish('ada:x', Buffer.from([0xff, 0]))
  expect(await patterns).toEqual(['ada:*', Buffer.from('ada:x'), Buffer.from([0xff, 0])])
  await redis.punsubscribe('ada:*')
  expect(await redis.ping()).toBe('PONG')
})
