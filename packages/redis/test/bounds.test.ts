// What may wait in a client, with the server stopped, gone, or slow.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type RedisServer, startRedis, until } from '@celeris/test-support'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type Redis from '../src/index.ts'
import { QueueFullError } from '../src/index.ts'
import { clientOf, type Failure, failureOf, proxyOf, readyClientOf } from './faults-support.ts'

let server: RedisServer
beforeEach(async () => {
  server = await startRedis()
})
afterEach(() => server.stop())

const NOTHING = { bytes: 0, commands: 0, offline: 0 }
const KIB = 1024
const MIB = 1024 * KIB

const isFull = (error: unknown): boolean => error instanceof QueueFullError

/** Calls, a turn of the event loop each, until one call is refused in its own turn. */
async function fill(
  call: (i: number) => Promise<unknown>,
): Promise<{ accepted: Promise<unknown>[]; refusal: Failure }> {
  const accepted: Promise<unknown>[] = []
  while (accepted.length < 20_000) {
    const promise = call(accepted.length)
    let refusal: Failure | undefined
    promise.catch((error: Failure) => {
      refusal = error
    })
    await nextTurn()
    if (refusal !== undefined) return { accepted, refusal }
    accepted.push(promise)
  }
  throw new Error('nothing is refused')
}

describe('maxQueuedBytes', () => {
  it('holds against a server that stopped: kernel, segments, bound (BOUND-1, BOUND-2, BOUND-6)', async () => {
    const redis = await readyClientOf(server, { maxQueuedBytes: 8 * MIB })
    await redis.ping()
    expect(redis.queued).toEqual(NOTHING)
    server.pause()
    const value = 'v'.repeat(32 * KIB)
    const { accepted, refusal } = await fill((i) => redis.set(`key:${i}`, value))
    expect(isFull(refusal)).toBe(true)
    expect(refusal).toMatchObject({
      code: 'CELERIS_REDIS_QUEUE_FULL',
      command: { name: 'set' },
      address: `${server.host}:${server.port}`,
      state: 'ready',
      mayHaveRun: false,
      limit: 8 * MIB,
    })
    expect(refusal.message).toMatch(/^\d+ bytes wait for Redis and maxQueuedBytes is 8388608:/)
    expect(redis.queued.bytes).toBeGreaterThanOrEqual(8 * MIB)
    expect(redis.queued.bytes).toBeLessThan(9 * MIB)
    server.resume()
    expect(new Set(await Promise.all(accepted))).toEqual(new Set(['OK']))
    expect(redis.queued).toEqual(NOTHING)
    expect(await redis.get(`key:${accepted.length - 1}`)).toBe(value)
  })

  it.each([
    ['lean', (redis: Redis, key: string) => redis.set(key, 'v'.repeat(100))],
    ['stock', (redis: Redis, key: string) => redis.mset({ [key]: 'v'.repeat(100) })],
  ])('refuses %s commands alike (BOUND-2)', async (_, call) => {
    const redis = await readyClientOf(server, { maxQueuedBytes: 64 * KIB })
    server.pause()
    const { accepted, refusal } = await fill((i) => call(redis, `key:${i}`))
    expect(isFull(refusal)).toBe(true)
    expect(accepted.length).toBeGreaterThan(100)
    expect(accepted.length).toBeLessThan(300)
    server.resume()
    await Promise.all(accepted)
    expect(redis.queued).toEqual(NOTHING)
  })

  it('takes a command larger than the bound when nothing waits (BOUND-2)', async () => {
    const redis = await readyClientOf(server, { maxQueuedBytes: KIB })
    expect(await redis.set('large', 'v'.repeat(MIB))).toBe('OK')
    expect(await redis.strlen('large')).toBe(MIB)
  })

  it('holds offline, and what was accepted is sent in order (BOUND-1, BOUND-2, BOUND-7)', async () => {
    const redis = await readyClientOf(server, {
      maxQueuedBytes: 256 * KIB,
      maxRetriesPerRequest: null,
    })
    await server.kill()
    await until('closed', () => redis.status === 'reconnecting')
    const value = 'v'.repeat(KIB)
    const { accepted, refusal } = await fill((i) => redis.rpush('list', `${i}:${value}`))
    expect(isFull(refusal)).toBe(true)
    expect(refusal.cause).toBeInstanceOf(Error)
    expect(redis.queued.offline).toBe(accepted.length)
    expect(redis.queued.bytes).toBeGreaterThanOrEqual(256 * KIB)
    expect(redis.queued.bytes).toBeLessThan(260 * KIB)
    await server.restart()
    expect(await Promise.all(accepted)).toEqual(accepted.map((_, i) => i + 1))
    expect(redis.queued).toEqual(NOTHING)
    expect(await redis.llen('list')).toBe(accepted.length)
  })

  it('holds while a server accepts connections and answers nothing (BOUND-1, BOUND-4)', async () => {
    server.pause()
    const redis = clientOf(server, { maxQueuedBytes: 64 * KIB })
    await new Promise((resolve) => redis.once('connect', resolve))
    const { accepted, refusal } = await fill((i) => redis.set(`key:${i}`, 'v'.repeat(100)))
    expect(isFull(refusal)).toBe(true)
    // The handshake is not refused, although more waits than may.
    server.resume()
    await Promise.all(accepted)
    expect(redis.queued).toEqual(NOTHING)
  })

  it('does not refuse what ioredis sends to take up its work (BOUND-4)', async () => {
    const redis = await readyClientOf(server, {
      db: 1,
      maxQueuedBytes: 16 * KIB,
      maxRetriesPerRequest: null,
    })
    const messages: string[] = []
    redis.on('message', (_, message) => messages.push(message))
    await redis.subscribe('news')
    await redis.select(2)
    await server.kill()
    await until('closed', () => redis.status === 'reconnecting')
    const selected = redis.select(3)
    const { accepted } = await fill((i) => redis.set(`key:${i}`, '1'))
    await server.restart()
    await Promise.all([selected, ...accepted])
    expect(await redis.get('key:0')).toBe('1')
    expect(await redis.client('INFO')).toContain(' db=3 ')
    await server.command('PUBLISH', 'news', 'heard')
    await until('the subscription is there', () => messages.includes('heard'))
  })

  it('takes or refuses pipelines and transactions whole (BOUND-3)', async () => {
    const redis = await readyClientOf(server, { maxQueuedBytes: 32 * KIB })
    await redis.set('count', 0)
    server.pause()
    const runs: (() => Promise<unknown>)[] = [
      () => redis.pipeline().incr('count').incr('count').incr('count').exec(),
      () => redis.pipeline().incr('count').incr('count').mset({ a: '1' }).incr('count').exec(),
      () => redis.multi().incr('count').incr('count').incr('count').exec(),
    ]
    let taken = 0
    for (const run of runs) {
      const { accepted, refusal } = await fill(run)
      expect(isFull(refusal)).toBe(true)
      taken += accepted.length
    }
    expect(taken).toBeGreaterThan(10)
    server.resume()
    await until('answered', () => redis.queued.commands === 0)
    expect(Number(await redis.get('count'))).toBe(taken * 3)
  })

  it('takes or refuses pipelines whole while offline, with a callback too (BOUND-3)', async () => {
    const redis = await readyClientOf(server, {
      maxQueuedBytes: 16 * KIB,
      maxRetriesPerRequest: null,
    })
    await server.kill()
    await until('closed', () => redis.status === 'reconnecting')
    const pipeline = () => redis.pipeline().incr('count').incr('count').incr('count')
    const { accepted, refusal } = await fill(() => pipeline().exec())
    expect(isFull(refusal)).toBe(true)
    const called = await new Promise((resolve) => {
      void pipeline()
        .exec((error) => resolve(error))
        .catch(() => {})
    })
    expect(isFull(called)).toBe(true)
    await server.restart()
    await Promise.all(accepted)
    expect(await redis.get('count')).toBe(`${accepted.length * 3}`)
  })
})

describe('maxQueuedCommands', () => {
  it('bounds replies outstanding and commands that wait for a connection (BOUND-5)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { maxQueuedCommands: 100, maxRetriesPerRequest: null })
    proxy.stall('replies')
    const online = await fill(() => redis.incr('count'))
    expect(online.accepted).toHaveLength(100)
    expect(online.refusal.message).toBe(
      '100 commands wait for Redis and maxQueuedCommands is 100: the server does not keep up. ' +
        'Send less, retry later, or raise maxQueuedCommands.',
    )
    proxy.resume('replies')
    await Promise.all(online.accepted)
    await server.kill()
    await until('closed', () => redis.status === 'reconnecting')
    const offline = await fill(() => redis.incr('count'))
    // The proxy accepts connections: a handshake may be under way.
    expect(offline.accepted.length).toBeGreaterThan(90)
    expect(offline.accepted.length).toBeLessThanOrEqual(100)
    await server.restart()
    await Promise.all(offline.accepted)
    expect(redis.queued).toEqual(NOTHING)
  })

  it('counts what waits to be sent again (BOUND-5, BOUND-6)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { maxQueuedCommands: 10, maxRetriesPerRequest: null })
    proxy.stall('replies')
    const pending = Array.from({ length: 10 }, () => redis.incr('count'))
    // The next connection stalls in its handshake.
    proxy.cut()
    await until('another connection', () => proxy.connections > 1 && redis.status === 'connect')
    expect(redis.queued.offline).toBe(10)
    expect(isFull(await failureOf(redis.get('count')))).toBe(true)
    proxy.resume('replies')
    await Promise.all(pending)
    expect(redis.queued).toEqual(NOTHING)
  })
})

it('keeps its memory while the server is down and commands come without pause (BOUND-7)', async () => {
  const redis = await readyClientOf(server, { maxQueuedBytes: 4 * MIB, maxRetriesPerRequest: null })
  await server.kill()
  await until('closed', () => redis.status === 'reconnecting')
  const accepted: Promise<unknown>[] = []
  let refused = 0
  const value = 'v'.repeat(KIB)
  let heapAfterFill = 0
  for (let turn = 0; turn < 100; turn++) {
    for (let i = 0; i < 300; i++) {
      const call = redis.set(`key:${turn}:${i}`, value)
      if (refused === 0) accepted.push(call)
      call.catch(() => refused++)
    }
    await nextTurn()
    if (turn === 30) heapAfterFill = process.memoryUsage().heapUsed
    expect(redis.queued.bytes).toBeLessThan(4 * MIB + 4 * KIB)
  }
  expect(refused).toBeGreaterThan(20_000)
  // 20 000 values of 1 KiB came on top: none of them is kept.
  expect(process.memoryUsage().heapUsed - heapAfterFill).toBeLessThan(16 * MIB)
  await server.restart()
  await until('ready', () => redis.status === 'ready')
  expect(await redis.set('after', '1')).toBe('OK')
  const results = await Promise.allSettled(accepted)
  expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(1_500)
})
