// BullMQ and rate-limiter-flexible, unchanged, on our Cluster.
import { type RedisCluster, startRedisCluster } from '@celeris/test-support'
import { Queue, QueueEvents, Worker } from 'bullmq'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Cluster } from '../../src/index.ts'
import { killConnections } from './support.ts'

let cluster: RedisCluster
let redis: Cluster

beforeAll(async () => {
  cluster = await startRedisCluster({ masters: 3, replicas: 0 })
  redis = new Cluster([...cluster.startupNodes], {
    redisOptions: { maxRetriesPerRequest: null, socketTimeout: 10_000 },
  })
  redis.on('error', () => undefined)
}, 90_000)
afterAll(async () => {
  redis?.disconnect()
  await cluster?.stop()
})

it('runs the jobs of a queue, also after every connection was cut (SUITE-5, CLU-1)', async () => {
  const names = { prefix: '{jobs}', connection: redis }
  const queue = new Queue('squares', names)
  const events = new QueueEvents('squares', { ...names, lastEventId: '0-0' })
  const worker = new Worker('squares', async (job) => job.data.n ** 2, { ...names, concurrency: 4 })
  // Each job that is waited for listens.
  queue.setMaxListeners(100)
  const square = async (n: number): Promise<unknown> => {
    const job = await queue.add('square', { n }, { attempts: 5 })
    return job.waitUntilFinished(events, 25_000)
  }
  try {
    await events.waitUntilReady()
    const results = await Promise.all(Array.from({ length: 20 }, (_, n) => square(n)))
    expect(results).toEqual(Array.from({ length: 20 }, (_, n) => n ** 2))
    for (const node of cluster.nodes) await killConnections(node)
    expect(await square(12)).toBe(144)
  } finally {
    await Promise.all([worker.close(), events.close(), queue.close()])
  }
}, 60_000)

it('limits keys of all slots (SUITE-5, CLU-1)', async () => {
  const limits = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: 'limits',
    points: 3,
    duration: 60,
  })
  const users = Array.from({ length: 30 }, (_, n) => `user-${n}`)
  const attempts = users.flatMap((user) => [user, user, user, user])
  const results = await Promise.allSettled(attempts.map((user) => limits.consume(user)))
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(90)
  expect((await limits.get('user-7'))?.consumedPoints).toBe(4)
}, 60_000)
