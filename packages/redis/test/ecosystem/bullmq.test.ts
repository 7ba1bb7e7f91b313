// BullMQ, unchanged, on connections of our class: scripts, blocking pops, streams, duplicates.
import { type RedisServer, startRedis, until } from '@celeris/test-support'
import { FlowProducer, type Job, Queue, QueueEvents, Worker } from 'bullmq'
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import Redis from '../../src/index.ts'
import { gate, killConnections } from './support.ts'

let server: RedisServer
let connection: Redis
let queueNumber = 0

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const connect = (): Redis => {
  const redis = new Redis({
    host: server.host,
    port: server.port,
    socketTimeout: 10_000,
    maxRetriesPerRequest: null,
  })
  expect(redis.fastPath).toEqual({ active: true })
  onTestFinished(() => redis.disconnect())
  return redis
}

/** A queue of its own with its worker and its events, closed behind the test. */
async function open<Data, Result>(
  work: (job: Job<Data, Result>) => Promise<Result>,
  { concurrency = 1, paused = false } = {},
) {
  connection = connect()
  queueNumber += 1
  const name = `queue-${queueNumber}`
  const queue = new Queue<Data, Result>(name, { connection })
  // From the start of its stream: by default it misses what happens before its first read.
  const events = new QueueEvents(name, { connection, lastEventId: '0-0' })
  const worker = new Worker<Data, Result>(name, work, { connection, concurrency, autorun: !paused })
  // Each job that is waited for listens.
  queue.setMaxListeners(100)
  const problems: Error[] = []
  const note = (error: Error) => problems.push(error)
  queue.on('error', note)
  events.on('error', note)
  worker.on('error', note)
  onTestFinished(async () => {
    await Promise.all([worker.close(), events.close(), queue.close()])
  })
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady()])
  return { name, queue, events, worker, problems }
}

const limitMs = 20_000

afterEach(() => {
  vi.restoreAllMocks()
})

it('runs jobs and tells their results through QueueEvents (SUITE-5)', async () => {
  const { queue, events, problems } = await open<{ n: number }, number>(
    async (job) => {
      await job.updateProgress({ half: true })
      await job.log(`square of ${job.data.n}`)
      return job.data.n ** 2
    },
    { concurrency: 8 },
  )
  const jobs = await queue.addBulk(
    Array.from({ length: 50 }, (_, n) => ({ name: 'square', data: { n } })),
  )
  const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events, limitMs)))
  expect(results).toEqual(Array.from({ length: 50 }, (_, n) => n ** 2))
  expect(await queue.getJobCounts('completed', 'failed', 'active', 'waiting')).toEqual({
    completed: 50,
    failed: 0,
    active: 0,
    waiting: 0,
  })
  const [first] = jobs
  expect(await queue.getJobLogs(first?.id ?? '')).toEqual({ logs: ['square of 0'], count: 1 })
  expect((await queue.getJob(first?.id ?? ''))?.progress).toEqual({ half: true })
  expect(problems).toEqual([])
})

it('keeps the order of priorities (SUITE-5)', async () => {
  const order: string[] = []
  const { queue, events, worker } = await open<unknown, void>(
    async (job) => {
      order.push(job.name)
    },
    { paused: true },
  )
  const jobs = [
    await queue.add('last', {}, { priority: 9 }),
    await queue.add('second', {}, { priority: 2 }),
    await queue.add('third', {}, { priority: 5 }),
    await queue.add('first', {}),
  ]
  worker.run().catch(() => undefined)
  await Promise.all(jobs.map((job) => job.waitUntilFinished(events, limitMs)))
  expect(order).toEqual(['first', 'second', 'third', 'last'])
})

it('holds delayed jobs back until their time (SUITE-5)', async () => {
  const started = new Map<string, number>()
  const { queue, events } = await open<unknown, string>(async (job) => {
    started.set(job.name, Date.now())
    return job.name
  })
  const added = Date.now()
  const later = await queue.add('later', {}, { delay: 300 })
  expect(await later.getState()).toBe('delayed')
  expect(await later.waitUntilFinished(events, limitMs)).toBe('later')
  expect(started.get('later')).toBeGreaterThanOrEqual(added + 299)
})

it('retries a job that fails, with backoff, and gives up at the last attempt (SUITE-5)', async () => {
  const { queue, events } = await open<{ failures: number }, number>(async (job) => {
    if (job.attemptsMade < job.data.failures) throw new Error(`attempt ${job.attemptsMade}`)
    return job.attemptsMade
  })
  const backoff = { type: 'fixed', delay: 20 }
  const heals = await queue.add('heals', { failures: 2 }, { attempts: 3, backoff })
  const fails = await queue.add('fails', { failures: 9 }, { attempts: 2, backoff })
  expect(await heals.waitUntilFinished(events, limitMs)).toBe(2)
  await expect(fails.waitUntilFinished(events, limitMs)).rejects.toThrow('attempt 1')
  expect(await fails.getState()).toBe('failed')
})

it('finishes the children of a flow before their parent (SUITE-5)', async () => {
  const { name, events } = await open<{ n: number }, number>(
    async (job) => {
      const children = Object.values(await job.getChildrenValues<number>())
      return job.data.n + children.reduce((sum, value) => sum + value, 0)
    },
    { concurrency: 4 },
  )
  const flows = new FlowProducer({ connection })
  onTestFinished(() => flows.close())
  const child = (n: number) => ({ name: 'leaf', queueName: name, data: { n } })
  const { job } = await flows.add({
    ...child(100),
    children: [child(1), child(2), { ...child(10), children: [child(20), child(30)] }],
  })
  expect(await job.waitUntilFinished(events, limitMs)).toBe(163)
})

it('lets what it duplicates be of our class (SUITE-5, API-3)', async () => {
  const redis = connect()
  const duplicate = vi.spyOn(redis, 'duplicate')
  const worker = new Worker('classes', async () => undefined, { connection: redis })
  onTestFinished(() => worker.close())
  await worker.waitUntilReady()
  expect(duplicate).toHaveBeenCalled()
  for (const { value } of duplicate.mock.results) {
    expect(value).toBeInstanceOf(Redis)
    expect((value as Redis).fastPath).toEqual({ active: true })
    expect((value as Redis).options.maxRetriesPerRequest).toBeNull()
  }
})

it('goes on when every connection is killed in the middle (SUITE-5, DELIV-2)', async () => {
  const release = gate()
  const running = new Set<string>()
  const { queue, events, worker } = await open<{ n: number }, number>(
    async (job) => {
      running.add(job.name)
      await release.opened
      return job.data.n
    },
    { concurrency: 4 },
  )
  const completed: string[] = []
  worker.on('completed', (job) => completed.push(job.name))
  const jobs = await queue.addBulk(
    Array.from({ length: 20 }, (_, n) => ({ name: `job-${n}`, data: { n } })),
  )
  await until('four jobs run', () => running.size === 4)
  // The worker's blocking pop, the stream of the events and the shared connection are all cut.
  const closed = new Promise<void>((resolve) => connection.once('close', () => resolve()))
  expect(await killConnections(server)).toBeGreaterThanOrEqual(3)
  await closed
  release.open()
  await until('all jobs are done', () => completed.length === jobs.length)
  const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events, limitMs)))
  expect(results).toEqual(jobs.map(({ data }) => data.n))
  const after = await queue.add('after', { n: 42 })
  expect(await after.waitUntilFinished(events, limitMs)).toBe(42)
  // The idle worker waits in its blocking pop now: cut it there, too.
  await killConnections(server)
  const again = await queue.add('again', { n: 43 })
  expect(await again.waitUntilFinished(events, limitMs)).toBe(43)
})
