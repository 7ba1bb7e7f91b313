// commandTimeout and socketTimeout: what is given up, what is not, and what becomes of the connection.
import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisServer, startRedis, until } from '@celeris/test-support'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type Redis from '../src/index.ts'
import { clientOf, failureOf, proxyOf, readyClientOf } from './faults-support.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const TIMED_OUT = 'Command timed out'
const STALLED = /^Socket timeout\. Expecting data, but didn't receive any in \d+ms\.$/

/** Timers of the process that keep it running. */
const timers = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

describe('commandTimeout', () => {
  it('rejects lean, stock and pipelined commands, whose late replies go to nobody else (SAME-10)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { commandTimeout: 300 })
    await redis.set('a', 'of a')
    await redis.set('b', 'of b')
    proxy.stall('replies')
    const lean = failureOf(redis.get('a'))
    const stock = failureOf(redis.mset(new Map([['c', 'of c']])))
    const pipeline = redis.pipeline().get('a').mset({ d: '1' }).get('b').exec()
    expect(await lean).toMatchObject({ message: TIMED_OUT, mayHaveRun: true })
    expect(await stock).toMatchObject({ message: TIMED_OUT, mayHaveRun: true })
    const timedOut = [expect.objectContaining({ message: TIMED_OUT, mayHaveRun: true })]
    expect(await pipeline).toEqual([timedOut, timedOut, timedOut])
    expect(redis.queued.commands).toBe(5)
    proxy.resume('replies')
    await until('late replies are swallowed', () => redis.queued.commands === 0)
    expect(await redis.get('b')).toBe('of b')
    expect(await redis.mget('a', 'c')).toEqual(['of a', 'of c'])
  })

  it('times each command from its own call (SAME-10)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { commandTimeout: 400 })
    proxy.stall('replies')
    const settled: string[] = []
    const first = failureOf(redis.get('a')).then(() => settled.push('first'))
    await sleep(200)
    const second = failureOf(redis.get('a')).then(() => settled.push('second'))
    await first
    expect(settled).toEqual(['first'])
    await second
  })

  it('keeps its time over a reconnect (SAME-10)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { commandTimeout: 500 })
    proxy.stall('replies')
    const started = performance.now()
    const failure = failureOf(redis.get('a'))
    await sleep(250)
    proxy.cut()
    expect(await failure).toMatchObject({ message: TIMED_OUT, mayHaveRun: true })
    expect(performance.now() - started).toBeGreaterThan(450)
    proxy.resume('replies')
    await until('swallowed', () => redis.queued.commands === 0)
    expect(await redis.ping()).toBe('PONG')
  })

  it('leaves no timer behind (TRA-9)', async () => {
    const redis = await readyClientOf(server, { commandTimeout: 60_000, socketTimeout: 60_000 })
    await redis.ping()
    const before = timers()
    await redis.get('a')
    await redis.mset({ x: '1' })
    await redis.pipeline().get('a').get('b').exec()
    expect(timers()).toBe(before)
    redis.disconnect()
  })

  it('of a command that waits for a connection means that it is never sent (DELIV-5)', async () => {
    const other = await startRedis()
    await other.kill()
    const redis = clientOf(other, { commandTimeout: 200, maxRetriesPerRequest: null })
    const failure = await failureOf(redis.incr('never'))
    expect(failure).toMatchObject({ message: TIMED_OUT, mayHaveRun: false })
    expect(redis.queued).toEqual({ bytes: 0, commands: 0, offline: 0 })
    await other.restart()
    await until('ready', () => redis.status === 'ready')
    expect(await redis.get('never')).toBe(null)
    await other.stop()
  })
})

describe('socketTimeout', () => {
  it('cuts a connection that owes replies, and does not send them again (STALL-1, STALL-3)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { socketTimeout: 300 })
    await redis.set('stalled', 0)
    proxy.stall('replies')
    const lean = failureOf(redis.incr('stalled'))
    const stock = failureOf(redis.mset({ s: '1' }))
    const pipeline = redis.pipeline().incr('stalled').incr('stalled').exec()
    for (const failure of await Promise.all([lean, stock])) {
      expect(failure).toMatchObject({ message: expect.stringMatching(STALLED), mayHaveRun: true })
    }
    const failed = [expect.objectContaining({ mayHaveRun: true })]
    expect(await pipeline).toEqual([failed, failed])
    proxy.resume('replies')
    expect(await redis.get('stalled')).toBe('3')
    expect(proxy.connections).toBeGreaterThan(1)
  })

  it('does not go on for the connection that takes the place of a lost one (STALL-1, TRA-5)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { socketTimeout: 2000 })
    let closes = 0
    redis.on('close', () => closes++)
    proxy.stall('replies')
    const pong = redis.ping()
    await sleep(50)
    proxy.cut()
    proxy.resume('replies')
    expect(await pong).toBe('PONG')
    await sleep(2400)
    expect(closes).toBe(1)
    expect(redis.status).toBe('ready')
  })

  it('sends what had not left over the next connection (STALL-3)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { socketTimeout: 300 })
    proxy.stall('requests')
    const large = failureOf(redis.set('large', Buffer.alloc(32 * 1024 * 1024)))
    await until('the socket is full', () => redis.stream.writableLength > 0)
    const unsent = [
      redis.set('left', 'lean'),
      redis.mset({ left: 'stock' }),
      redis.pipeline().append('left', '+').get('left').exec(),
    ]
    redis.once('close', () => proxy.resume('requests'))
    expect(await large).toMatchObject({ message: expect.stringMatching(STALLED), mayHaveRun: true })
    expect(await Promise.all(unsent)).toEqual([
      'OK',
      'OK',
      [
        [null, 6],
        [null, 'stock+'],
      ],
    ])
  })

  it('finds a stopped server, during the handshake too (STALL-4)', async () => {
    const other = await startRedis()
    const redis = await readyClientOf(other, { socketTimeout: 300, maxRetriesPerRequest: 1000 })
    other.pause()
    const failure = await failureOf(redis.get('a'))
    expect(failure.message).toMatch(STALLED)
    const waiting = redis.set('after', '1')
    // It is stopped while the client connects again and again.
    let connects = 0
    redis.on('connect', () => connects++)
    await until('two more attempts', () => connects >= 2)
    other.resume()
    expect(await waiting).toBe('OK')
    expect(redis.status).toBe('ready')
    await other.stop()
  })

  it.each([
    ['lean', (redis: Redis) => redis.ping()],
    ['stock', (redis: Redis) => redis.mset({ a: '1' })],
  ])('counts from a %s command, not from the last byte before it (STALL-1)', async (_, call) => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { socketTimeout: 1_500 })
    let closes = 0
    redis.on('close', () => closes++)
    await call(redis)
    await sleep(1_200)
    // Whoever goes by the time of the last reply cuts it 300 ms after it was sent.
    proxy.delay({ ms: 700 })
    await call(redis)
    expect(closes).toBe(0)
  })

  it('cuts neither an idle connection nor one that waits in BLPOP (STALL-2)', async () => {
    const redis = await readyClientOf(server, { socketTimeout: 400 })
    const waiting = await readyClientOf(server, { socketTimeout: 400 })
    let closes = 0
    for (const client of [redis, waiting]) client.on('close', () => closes++)
    const popped = waiting.blpop('list', 0)
    const monitor = await redis.monitor()
    monitor.on('close', () => closes++)
    await sleep(1_200)
    expect(closes).toBe(0)
    await redis.rpush('list', 'x')
    expect(await popped).toEqual(['list', 'x'])
    monitor.disconnect()
  })

  it('gives a blocking command its time and then the timeout (STALL-2)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { socketTimeout: 200 })
    proxy.stall('replies')
    const started = performance.now()
    const failure = await failureOf(redis.blpop('nothing', 1))
    expect(failure.message).toMatch(STALLED)
    expect(performance.now() - started).toBeGreaterThan(1_150)
  })

  it('cuts a command that is owed before a blocking one (STALL-1)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { socketTimeout: 200 })
    proxy.stall('replies')
    const failures = await Promise.all([failureOf(redis.get('a')), failureOf(redis.blpop('q', 0))])
    for (const failure of failures) expect(failure.message).toMatch(STALLED)
  })

  it('lets a reply flow that takes longer than the timeout (STALL-1)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { socketTimeout: 400 })
    let closes = 0
    redis.on('close', () => closes++)
    const value = 'x'.repeat(2_000_000)
    await redis.set('big', value)
    proxy.stall('replies')
    const reply = redis.get('big')
    for (let i = 0; i < 8; i++) {
      await sleep(150)
      proxy.splitReplies(100_000)
      proxy.resume('replies')
      await new Promise<void>((resolve) => redis.stream.once('data', () => resolve()))
      proxy.stall('replies')
    }
    proxy.splitReplies(Number.POSITIVE_INFINITY)
    proxy.resume('replies')
    expect(await reply).toBe(value)
    expect(closes).toBe(0)
  })

  it('lets a large value be written that takes longer than the timeout (STALL-1)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { socketTimeout: 2000 })
    const cut = vi.fn()
    redis.on('close', cut)
    proxy.stall('requests')
    const written = redis.set('large', Buffer.alloc(96 * 1024 * 1024, 'x'))
    const unwritten = () =>
      (redis.stream as unknown as { _handle: { writeQueueSize: number } })._handle.writeQueueSize
    for (let i = 0; i < 3; i++) {
      await sleep(900)
      const before = unwritten()
      proxy.resume('requests')
      await until('bytes of the value to leave', () => before === 0 || unwritten() < before)
      proxy.stall('requests')
    }
    proxy.resume('requests')
    expect(await written).toBe('OK')
    expect(cut).not.toHaveBeenCalled()
  })
})
