// rate-limiter-flexible, unchanged, on our class: a script of its own, MULTI, and its insurance.
import { type RedisServer, startRedis } from '@celeris/test-support'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { afterAll, beforeAll, expect, it } from 'vitest'
import Redis from '../../src/index.ts'
import { killConnections } from './support.ts'

let server: RedisServer
let redis: Redis

beforeAll(async () => {
  server = await startRedis()
  redis = new Redis({ host: server.host, port: server.port, socketTimeout: 10_000 })
  expect(redis.fastPath).toEqual({ active: true })
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

const limiter = (keyPrefix: string, options = {}): RateLimiterRedis =>
  new RateLimiterRedis({ storeClient: redis, keyPrefix, points: 5, duration: 60, ...options })

it('counts points, and refuses above the limit with the time to wait (SUITE-5)', async () => {
  const limits = limiter('count')
  for (const remaining of [4, 3, 2, 1, 0]) {
    const result = await limits.consume('ada')
    expect(result.remainingPoints).toBe(remaining)
    expect(result.isFirstInDuration).toBe(remaining === 4)
  }
  const refused: unknown = await limits.consume('ada').catch((reason: unknown) => reason)
  expect(refused).toBeInstanceOf(RateLimiterRes)
  expect((refused as RateLimiterRes).consumedPoints).toBe(6)
  expect((refused as RateLimiterRes).msBeforeNext).toBeGreaterThan(0)
  expect((await limits.consume('bob')).remainingPoints).toBe(4)
})

it('admits exactly the limit of 50 parallel requests (SUITE-5)', async () => {
  const limits = limiter('parallel', { points: 20 })
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => limits.consume('ada')))
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(20)
  expect((await limits.get('ada'))?.consumedPoints).toBe(50)
})

it('gives penalties and rewards, sets, gets, blocks and deletes (SUITE-5)', async () => {
  const limits = limiter('calls')
  expect(await limits.get('ada')).toBeNull()
  expect((await limits.penalty('ada', 3)).consumedPoints).toBe(3)
  expect((await limits.reward('ada', 2)).consumedPoints).toBe(1)
  expect((await limits.get('ada'))?.consumedPoints).toBe(1)
  expect((await limits.set('ada', 4, 30)).consumedPoints).toBe(4)
  const stored = await limits.get('ada')
  expect(stored?.remainingPoints).toBe(1)
  expect(stored?.msBeforeNext).toBeLessThanOrEqual(30_000)
  await limits.block('ada', 30)
  await expect(limits.consume('ada')).rejects.toBeInstanceOf(RateLimiterRes)
  expect(await limits.delete('ada')).toBe(true)
  expect(await limits.delete('ada')).toBe(false)
  expect((await limits.consume('ada')).remainingPoints).toBe(4)
})

it('blocks for longer than the window when told to (SUITE-5)', async () => {
  const limits = limiter('block', { points: 1, blockDuration: 120 })
  await limits.consume('ada')
  const refused = await limits.consume('ada').catch((reason: unknown) => reason)
  expect((refused as RateLimiterRes).msBeforeNext).toBeGreaterThan(60_000)
  expect(await redis.pttl('block:ada')).toBeGreaterThan(60_000)
})

it('answers for a blocked key from memory (SUITE-5)', async () => {
  const limits = limiter('memory', { points: 1, inMemoryBlockOnConsumed: 1 })
  await limits.consume('ada')
  const refused = await limits.consume('ada').catch((reason: unknown) => reason)
  expect(refused).toBeInstanceOf(RateLimiterRes)
  expect(await redis.get('memory:ada')).toBe('1')
})

it('limits without an end to the window (SUITE-5)', async () => {
  const limits = limiter('forever', { duration: 0 })
  expect((await limits.consume('ada', 2)).remainingPoints).toBe(3)
  expect(await redis.pttl('forever:ada')).toBe(-1)
})

it('counts on after SCRIPT FLUSH and a lost connection (SUITE-5, SAME-6)', async () => {
  const limits = limiter('flushed')
  expect((await limits.consume('ada')).consumedPoints).toBe(1)
  await redis.script('FLUSH')
  expect((await limits.consume('ada')).consumedPoints).toBe(2)
  const closed = new Promise<void>((resolve) => redis.once('close', () => resolve()))
  await killConnections(server)
  await closed
  expect((await limits.consume('ada')).consumedPoints).toBe(3)
})

it('falls back to its insurance when the server is gone (SUITE-5, SAME-7)', async () => {
  const gone = await startRedis()
  const client = new Redis({
    host: '127.0.0.1',
    port: gone.port,
    enableOfflineQueue: false,
    retryStrategy: () => null,
  })
  client.on('error', () => undefined)
  try {
    const insuranceLimiter = new RateLimiterMemory({ points: 1, duration: 60 })
    const limits = limiter('insured', { storeClient: client, insuranceLimiter })
    await new Promise<void>((resolve) => client.once('ready', () => resolve()))
    expect((await limits.consume('ada')).remainingPoints).toBe(4)
    const ended = new Promise<void>((resolve) => client.once('end', () => resolve()))
    await gone.stop()
    await ended
    expect((await limits.consume('ada')).remainingPoints).toBe(0)
    await expect(limits.consume('ada')).rejects.toBeInstanceOf(RateLimiterRes)
  } finally {
    client.disconnect()
    await gone.stop()
  }
})
