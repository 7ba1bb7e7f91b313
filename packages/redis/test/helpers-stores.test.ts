// getAndTouch, putWithTtl and remove with every client they are for, on real servers.
import {
  type RedisCluster,
  type RedisServer,
  startRedis,
  startRedisCluster,
} from '@celeris/test-support'
import { Cluster as StockCluster, Redis as StockRedis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  getAndTouch,
  getAndTouchBuffer,
  putWithTtl,
  RedisHelperError,
  remove,
} from '../src/helpers/index.ts'
import { Cluster, Redis } from '../src/index.ts'

let server: RedisServer
let old: RedisServer
let cluster: RedisCluster

beforeAll(async () => {
  // As a server that is older than both commands answers.
  const args = ['--rename-command', 'GETEX', '', '--rename-command', 'UNLINK', '']
  ;[server, old, cluster] = await Promise.all([
    startRedis(),
    startRedis({ args }),
    startRedisCluster({ replicas: 0 }),
  ])
}, 90_000)
afterAll(() => Promise.all([server?.stop(), old?.stop(), cluster?.stop()]))

type Client = Redis | StockRedis | Cluster | StockCluster

/** Ends with the test. */
function ending<T extends Client>(client: T): T {
  onTestFinished(() => client.disconnect())
  return client
}

const clients: Record<string, () => Client> = {
  'ioredis, RESP3': () => new StockRedis({ port: server.port }),
  'ioredis, RESP2': () => new StockRedis({ port: server.port, protocol: 2 }),
  'ioredis, an old server': () => new StockRedis({ port: old.port }),
  'ioredis, key prefix': () => new StockRedis({ port: server.port, keyPrefix: 'p:' }),
  'ioredis Cluster': () => new StockCluster([...cluster.startupNodes]),
  'ours, RESP3': () => new Redis({ port: server.port }),
  'ours, RESP2': () => new Redis({ port: server.port, protocol: 2 }),
  'ours, an old server': () => new Redis({ port: old.port }),
  'ours Cluster': () => new Cluster([...cluster.startupNodes]),
}

describe.each(Object.entries(clients))('%s (HELP-1)', (name, connect) => {
  const key = (what: string) => `${name}:${what}`

  it('getAndTouch gives the value and renews its life (HELP-2)', async () => {
    const client = ending(connect())
    await client.set(key('text'), 'grüße\r\n', 'PX', 60_000)
    expect(await getAndTouch(client, key('text'), 600_000)).toBe('grüße\r\n')
    expect(await client.pttl(key('text'))).toBeGreaterThan(500_000)
    expect(await getAndTouch(client, Buffer.from(key('text')), 60_000)).toBe('grüße\r\n')
    expect(await client.pttl(key('text'))).toBeLessThanOrEqual(60_000)
  })

  it('getAndTouch makes no key that is absent, and rejects for another type (HELP-2)', async () => {
    const client = ending(connect())
    expect(await getAndTouch(client, key('absent'), 60_000)).toBe(null)
    expect(await getAndTouchBuffer(client, key('absent'), 60_000)).toBe(null)
    expect(await client.exists(key('absent'))).toBe(0)
    await client.sadd(key('set'), 'member')
    await expect(getAndTouch(client, key('set'), 60_000)).rejects.toThrow(/^WRONGTYPE/)
  })

  it('bytes come back as they were put, empty ones too (HELP-2, HELP-3)', async () => {
    const client = ending(connect())
    const bytes = Uint8Array.from({ length: 1_024 }, (_, index) => index * 7)
    const view = new Uint8Array(bytes.buffer, 3, 700)
    expect(await putWithTtl(client, key('bytes'), view, 60_000)).toBe(true)
    const read = await getAndTouchBuffer(client, key('bytes'), 600_000)
    expect(read).toBeInstanceOf(Buffer)
    expect(read?.equals(view)).toBe(true)
    expect(await client.pttl(key('bytes'))).toBeGreaterThan(500_000)
    expect(await putWithTtl(client, key('bytes'), '', 60_000)).toBe(true)
    expect(await getAndTouch(client, key('bytes'), 60_000)).toBe('')
  })

  it('putWithTtl creates, updates or does either, and says whether it did (HELP-3)', async () => {
    const client = ending(connect())
    const put = (mode: 'create' | 'update' | 'upsert', ttlMs: number) =>
      putWithTtl(client, key('put'), `${mode} ${ttlMs}`, ttlMs, mode)
    expect(await put('update', 60_000)).toBe(false)
    expect(await client.exists(key('put'))).toBe(0)
    expect(await put('create', 60_000)).toBe(true)
    expect(await put('create', 600_000)).toBe(false)
    expect(await client.get(key('put'))).toBe('create 60000')
    expect(await client.pttl(key('put'))).toBeLessThanOrEqual(60_000)
    expect(await put('update', 600_000)).toBe(true)
    expect(await client.pttl(key('put'))).toBeGreaterThan(500_000)
    expect(await put('upsert', 60_000)).toBe(true)
    expect(await client.get(key('put'))).toBe('upsert 60000')
  })

  it('remove says whether the key was there, and no late update revives it (HELP-3, HELP-4)', async () => {
    const client = ending(connect())
    await putWithTtl(client, key('gone'), 'value', 60_000)
    expect(await remove(client, key('gone'))).toBe(true)
    expect(await remove(client, Buffer.from(key('gone')))).toBe(false)
    expect(await putWithTtl(client, key('gone'), 'late', 60_000, 'update')).toBe(false)
    expect(await client.exists(key('gone'))).toBe(0)
  })

  it('of 50 that create at once, one does (HELP-3)', async () => {
    const client = ending(connect())
    const create = (_: unknown, n: number) =>
      putWithTtl(client, key('race'), `${n}`, 60_000, 'create')
    const created = await Promise.all(Array.from({ length: 50 }, create))
    expect(created.filter(Boolean)).toHaveLength(1)
    expect(await client.get(key('race'))).toBe(`${created.indexOf(true)}`)
  })
})

describe('a server before 6.2 (HELP-2, HELP-4)', () => {
  const errorCount = async () => {
    const stats = `${await old.command('INFO', 'errorstats')}`
    return Number(/errorstat_ERR:count=(\d+)/.exec(stats)?.[1] ?? 0)
  }

  it.each([
    ['ioredis', () => new StockRedis({ port: old.port })],
    ['ours', () => new Redis({ port: old.port })],
  ])('is learned once per client from its refusal: %s', async (name, connect) => {
    const client = ending(connect())
    const key = `once:${name}`
    await client.set(key, 'value')
    const before = await errorCount()
    for (let time = 0; time < 5; time++) {
      expect(await getAndTouch(client, key, 60_000)).toBe('value')
      expect((await getAndTouchBuffer(client, key, 60_000))?.toString()).toBe('value')
    }
    expect(await errorCount()).toBe(before + 1)
    for (let time = 0; time < 5; time++) await remove(client, key)
    expect(await errorCount()).toBe(before + 2)
    const other = ending(connect())
    await other.ping()
    const beforeOther = await errorCount()
    expect(await getAndTouch(other, key, 60_000)).toBe(null)
    expect(await errorCount()).toBe(beforeOther + 1)
  })

  it('GET and PEXPIRE travel in one pipeline', async () => {
    const client = ending(new StockRedis({ port: old.port }))
    await client.set('pipelined', 'value')
    await getAndTouch(client, 'pipelined', 60_000)
    const watcher = ending(new StockRedis({ port: old.port }))
    // Its own handshake is over: nothing of it is seen below.
    await watcher.ping()
    const monitor = ending(await watcher.monitor())
    const seen: string[] = []
    const end = new Promise<void>((resolve) => {
      monitor.on('monitor', (_time: string, args: string[]) => {
        if (args[0]?.toLowerCase() === 'ping') resolve()
        else seen.push(args.join(' '))
      })
    })
    expect(await getAndTouch(client, 'pipelined', 60_000)).toBe('value')
    await client.ping()
    await end
    expect(seen).toEqual(['get pipelined', 'pexpire pipelined 60000'])
  })

  it('missing rights are no old age: the refusal reaches the caller', async () => {
    await server.command('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '+@all', '-getex')
    const client = ending(
      new StockRedis({ port: server.port, username: 'reader', password: 'secret' }),
    )
    await client.set('rights', 'value')
    await expect(getAndTouch(client, 'rights', 60_000)).rejects.toThrow(/^NOPERM/)
  })
})

describe('arguments (HELP-9)', () => {
  const wrong: [string, (client: StockRedis) => Promise<unknown>, string][] = [
    ['no ttl', (c) => getAndTouch(c, 'k', undefined as never), 'ttlMs'],
    ['a ttl of 0', (c) => getAndTouch(c, 'k', 0), 'ttlMs'],
    ['a negative ttl', (c) => getAndTouchBuffer(c, 'k', -1), 'ttlMs'],
    ['half a millisecond', (c) => putWithTtl(c, 'k', 'v', 1.5), 'ttlMs'],
    ['a ttl above 2^53 - 1', (c) => putWithTtl(c, 'k', 'v', 2 ** 53), 'ttlMs'],
    ['NaN', (c) => putWithTtl(c, 'k', 'v', Number.NaN), 'ttlMs'],
    ['an empty key', (c) => getAndTouch(c, '', 1), 'key'],
    ['a key that is a number', (c) => remove(c, 7 as never), 'key'],
    ['a key that is no Buffer', (c) => remove(c, new Uint8Array(3) as never), 'key'],
    ['a value that is an object', (c) => putWithTtl(c, 'k', {} as never, 1), 'value'],
    ['an unknown mode', (c) => putWithTtl(c, 'k', 'v', 1, 'replace' as never), 'mode'],
  ]

  it.each(wrong)('%s is refused before anything is sent', async (_, call, option) => {
    // It would try to connect if a command were issued.
    const client = ending(new StockRedis({ port: 1, lazyConnect: true }))
    const error = await call(client).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(RedisHelperError)
    expect(error).toMatchObject({ code: 'CELERIS_REDIS_HELPER_OPTIONS', option })
    expect(client.status).toBe('wait')
  })

  it('the message names the argument and the range, never a value', async () => {
    const client = ending(new StockRedis({ port: 1, lazyConnect: true }))
    await expect(putWithTtl(client, 'k', 'secret', 0)).rejects.toThrow(
      'ttlMs is 0; it must be an integer from 1 to 9007199254740991',
    )
    const refused = putWithTtl(client, 'k', ['secret'] as never, 1)
    await expect(refused).rejects.toThrow(
      'value is an array of 1; it must be a string or a Uint8Array',
    )
  })

  it('the class holds across copies of the module', () => {
    const copy = Object.assign(new Error('other copy'), {
      [Symbol.for('celeris.RedisHelperError')]: true,
    })
    expect(copy).toBeInstanceOf(RedisHelperError)
    expect(new Error('plain')).not.toBeInstanceOf(RedisHelperError)
  })

  it('a server that is away rejects with the error of the client', async () => {
    const client = ending(
      new StockRedis({ port: 1, retryStrategy: () => null, maxRetriesPerRequest: 0 }),
    )
    client.on('error', () => {})
    await expect(getAndTouch(client, 'k', 1_000)).rejects.toThrow()
    await expect(remove(client, 'k')).rejects.toThrow()
  })
})
