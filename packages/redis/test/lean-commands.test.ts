// What a lean command must keep although ioredis never saw it being made.
import { type AddressInfo, createServer } from 'node:net'
import { inspect } from 'node:util'
import { type RedisServer, startRedis } from '@celeris/test-support'
import { Command, Redis as Stock } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { Redis } from '../src/index.ts'
import { clientOf, failureOf, proxyOf, readyClientOf } from './faults-support.ts'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

describe('a command that is sent again (LEAN-7)', () => {
  it('gives what it gives without: strings, Buffers, maps, pairs, numbers', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy)
    await redis.set('again:text', 'é')
    await redis.hset('again:hash', { a: '1', é: '2' })
    await redis.zadd('again:sorted', 1.5, 'a', 2, 'b')
    await redis.xadd('again:stream', '1-1', 'field', 'value')
    const read = (): Promise<unknown[]> =>
      Promise.all([
        redis.get('again:text'),
        redis.getBuffer('again:text'),
        redis.hgetall('again:hash'),
        redis.hgetallBuffer('again:hash'),
        redis.zrange('again:sorted', 0, '-1', 'WITHSCORES'),
        redis.xrange('again:stream', '-', '+'),
        redis.mget('again:text', 'again:none'),
        redis.strlen('again:text'),
        redis.pipeline().get('again:text').hgetall('again:hash').getBuffer('again:text').exec(),
      ])
    const expected = await read()
    for (const after of [0, 1, 30, 100]) {
      proxy.cutAfterReplyBytes(after, { once: true })
      expect(await read()).toEqual(expected)
    }
  })

  it('runs in the database it was called in (SAME-9)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy)
    await redis.set('database', 'zero')
    await redis.select(4)
    await redis.set('database', 'four')
    proxy.cutAfterReplyBytes(0, { once: true })
    const values = Promise.all([
      redis.get('database'),
      redis.select(0),
      redis.get('database'),
      redis.select(4),
      redis.get('database'),
    ])
    expect(await values).toEqual(['four', 'OK', 'zero', 'OK', 'four'])
    proxy.cut()
    await new Promise((resolve) => redis.once('ready', resolve))
    expect(await redis.get('database')).toBe('four')
  })
})

it('rejects a call that cannot be encoded, and the calls around it are sent as they were (LEAN-8)', async () => {
  const redis = await readyClientOf(server)
  const broken = {
    toString(): string {
      throw new Error('no text')
    },
  }
  const large = 'x'.repeat(100_000)
  for (const args of [[broken], ['a', broken], ['a', broken, 'PX', 10], [broken, large]]) {
    const [before, failed, behind] = await Promise.allSettled([
      redis.set('around:before', large),
      redis.set(...(args as [string, string])),
      redis.strlen('around:before'),
    ])
    expect([before, behind]).toEqual([
      { status: 'fulfilled', value: 'OK' },
      { status: 'fulfilled', value: 100_000 },
    ])
    expect(failed).toMatchObject({ status: 'rejected', reason: { message: 'no text' } })
  }
  expect(redis.queued).toEqual({ bytes: 0, commands: 0, offline: 0 })
})

it('rejects such a call that waited for the connection, and sends those behind it (LEAN-8)', async () => {
  const redis = clientOf(server)
  const calls = [
    redis.set('offline:before', 1),
    redis.set('offline:broken', Object.create(null) as string),
    redis.get('offline:before'),
  ]
  const [, broken, behind] = await Promise.allSettled(calls)
  expect(broken).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) })
  expect(behind).toEqual({ status: 'fulfilled', value: '1' })
})

it("gives the server's error as ioredis does, with arguments no logger prints (REPLY-13)", async () => {
  const redis = await readyClientOf(server)
  const stock = new Stock({ host: server.host, port: server.port })
  onTestFinished(() => stock.disconnect())
  await redis.set('secret-key', 'text')
  const call = (client: Stock): Promise<Error> =>
    failureOf(client.lpush('secret-key', 'secret-value'))
  const [ours, theirs] = await Promise.all([call(redis), call(stock)])
  expect(ours.message).toBe(theirs.message)
  expect(ours.name).toBe(theirs.name)
  expect(ours.constructor).toBe(theirs.constructor)
  expect((ours as Error & { command: object }).command).toEqual({
    name: 'lpush',
    args: ['secret-key', 'secret-value'],
  })
  expect(Object.keys(ours)).not.toContain('command')
  expect(JSON.stringify(ours) + inspect(ours)).not.toMatch(/secret/)
})

it('takes objects and Maps where ioredis does (WIRE-5)', async () => {
  const redis = await readyClientOf(server)
  await redis.mset({ 'map:a': 1, 'map:b': 'é' })
  await redis.mset(new Map([['map:c', '3']]))
  await redis.hset('map:hash', { a: 1 })
  await redis.hset('map:hash', new Map([['b', '2']]))
  await redis.hmset('map:hash', { c: 3 })
  await redis.pipeline().hset('map:hash', { d: 4 }).mset({ 'map:d': 5 }).exec()
  expect(await redis.mget('map:a', 'map:b', 'map:c', 'map:d')).toEqual(['1', 'é', '3', '5'])
  expect(await redis.hgetall('map:hash')).toEqual({ a: '1', b: '2', c: '3', d: '4' })
  expect(await redis.msetnx({ 'map:a': 2, 'map:e': 2 })).toBe(0)
})

describe('a pipeline', () => {
  it('gives results, errors and order as ioredis, whatever is in it (LPL-2, LPL-3)', async () => {
    const redis = await readyClientOf(server)
    const stock = new Stock({ host: server.host, port: server.port })
    onTestFinished(() => stock.disconnect())
    for (const client of [redis, stock]) {
      client.defineCommand('twice', { numberOfKeys: 1, lua: 'return {KEYS[1], KEYS[1]}' })
    }
    const run = async (client: Stock): Promise<unknown> => {
      await client.flushdb()
      const seen: unknown[] = []
      const pipeline = client.pipeline()
      pipeline.set('k', 'é').getBuffer('k').lpush('k', 'wrong').incr('n')
      pipeline.get('k', (error, value) => seen.push([error, value]))
      ;(pipeline as unknown as { twice(key: string): void }).twice('k')
      pipeline.hset('h', { a: 1 }).hgetall('h').call('GET', 'n')
      const transaction = pipeline as unknown as Stock
      transaction.multi().incr('n').get('k').exec()
      pipeline.call('SET', 'k')
      const results = (await pipeline.exec()) as [Error | null, unknown][]
      return [seen, results.map(([error, value]) => [error?.name, error?.message, value])]
    }
    expect(await run(redis)).toEqual(await run(stock))
  })

  it('makes no promise of a command, but one of the whole (LPL-1)', async () => {
    const redis = await readyClientOf(server)
    const pipeline = redis.pipeline()
    expect(pipeline.get('a')).toBe(pipeline)
    expect(pipeline).toBeInstanceOf(Stock.prototype.pipeline.call(redis).constructor)
    expect(await pipeline.exec()).toHaveLength(1)
  })

  it('that is cut before its first reply is sent again whole, else the rest is aborted (LPL-5)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy)
    await redis.del('whole')
    const run = () => redis.pipeline().incr('whole').incr('whole').incr('whole').exec()
    proxy.cutAfterReplyBytes(0, { once: true })
    expect(await run()).toEqual([
      [null, 4],
      [null, 5],
      [null, 6],
    ])
    // `:7`, CRLF.
    proxy.cutAfterReplyBytes(4, { once: true })
    const aborted = expect.objectContaining({
      message: 'Command aborted due to connection close',
      mayHaveRun: true,
    })
    expect(await run()).toEqual([[null, 7], [aborted], [aborted]])
    expect(await redis.get('whole')).toBe('9')
  })

  it('that is cut and may not be sent again rejects each command not answered (LPL-5, DELIV-3)', async () => {
    const proxy = await proxyOf(server)
    const redis = clientOf(proxy, { autoResendUnfulfilledCommands: false })
    await redis.set('once', 0)
    proxy.cutAfterReplyBytes(4, { once: true })
    const results = await redis
      .pipeline()
      .incr('once')
      .incr('once')
      .exec()
      .catch((error: Error) => error)
    expect(inspect(results)).toMatch(/Command aborted due to connection close/)
    expect(await redis.get('once')).toBe('2')
  })
})

it('is an instance of Command for whoever looks into the queue (LEAN-2)', async () => {
  const redis = await readyClientOf(server)
  const reply = redis.set('queued', 'value', 'EX', 60)
  const queue = (redis as unknown as { commandQueue: { peekBack(): { command: Command } } })
    .commandQueue
  const { command } = queue.peekBack()
  expect(command).toBeInstanceOf(Command)
  expect([command.name, command.args]).toEqual(['set', ['queued', 'value', 'EX', '60']])
  await reply
})

it('shapes replies by name as ioredis, in string and Buffer form (REPLY-15)', async () => {
  const redis = await readyClientOf(server)
  const stock = new Stock({ host: server.host, port: server.port })
  onTestFinished(() => stock.disconnect())
  await redis.hset('shape:h', { a: 'é', __proto__x: '2' })
  await redis.call('HSET', 'shape:h', '__proto__', 'own', 'constructor', 'own')
  await redis.zadd('shape:z', 1.5, 'a', Number.POSITIVE_INFINITY, 'b')
  await redis.xadd('shape:x', '1-1', 'f', 'v')
  await redis.geoadd('shape:g', 13.4, 52.5, 'berlin')
  const calls: [string, ...(string | number)[]][] = [
    ['hgetall', 'shape:h'],
    ['hgetall', 'shape:none'],
    ['hrandfield', 'shape:none', 2],
    ['zrange', 'shape:z', 0, -1, 'WITHSCORES'],
    ['zrangebyscore', 'shape:z', '-inf', '+inf', 'WITHSCORES'],
    ['zscore', 'shape:z', 'b'],
    ['zmscore', 'shape:z', 'a', 'none'],
    ['xrange', 'shape:x', '-', '+'],
    ['xread', 'COUNT', 1, 'STREAMS', 'shape:x', '0'],
    ['xinfo', 'STREAM', 'shape:x'],
    ['geopos', 'shape:g', 'berlin', 'none'],
    ['config', 'GET', 'maxmemory'],
    ['mget', 'shape:none', 'shape:none'],
  ]
  type Calls = Record<string, (...args: unknown[]) => Promise<unknown>>
  for (const [name, ...args] of calls) {
    for (const form of [name, `${name}Buffer`]) {
      const [ours, theirs] = await Promise.all(
        [redis, stock].map((client) => (client as unknown as Calls)[form]?.(...args)),
      )
      expect(inspect(ours, { depth: 9 }), form).toBe(inspect(theirs, { depth: 9 }))
    }
  }
  expect(Object.hasOwn(await redis.hgetall('shape:h'), '__proto__')).toBe(true)
})

it('reports a reply that nobody asked for as ioredis does (REPLY-14)', async () => {
  const wrong = createServer((socket) => {
    socket.once('data', () => socket.write('+PONG\r\n+NOBODY\r\n'))
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => wrong.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void wrong.close())
  const { port } = wrong.address() as AddressInfo
  const seen: string[] = []
  for (const Client of [Stock, Redis as unknown as typeof Stock]) {
    const client = new Client({
      host: '127.0.0.1',
      port,
      protocol: 2,
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => null,
    })
    onTestFinished(() => client.disconnect())
    const failed = new Promise<Error>((resolve) => client.once('error', resolve))
    expect(await client.ping()).toBe('PONG')
    seen.push((await failed).message)
  }
  expect(seen[0]).toMatch(/^Command queue state error/)
  expect(seen[1]).toBe(seen[0])
})
