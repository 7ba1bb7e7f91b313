// Random programs of calls and failures: each call is answered once, with its own answer.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import {
  type FaultProxy,
  fuzzBudget,
  fuzzTimeoutMs,
  type RedisServer,
  startFaultProxy,
  startRedis,
  until,
} from '@celeris/test-support'
import { afterAll, beforeAll, expect, it } from 'vitest'
import Redis, { type RedisOptions } from '../src/index.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

type Random = (below: number) => number

/** Numbers from a seed (mulberry32). */
function randomOf(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

/** A call, and what it was answered. */
interface Call {
  readonly what: string
  answers: number
  wrong?: string
}

/** Calls of every kind. Each knows its answer, so that one that went to another call is seen. */
const KINDS: ((redis: Redis, token: string, answer: (value: unknown) => void) => unknown)[] = [
  (redis, token) => redis.echo(token),
  (redis, token) => redis.echoBuffer(token).then(String),
  (redis, token) => redis.call('ECHO', token),
  (redis, token, answer) => {
    redis.echo(token, (error, value) => answer(error ?? value))
  },
  (redis, token) => redis.eval('return ARGV[1]', 0, token),
  (redis, token) => (redis as unknown as { same(token: string): unknown }).same(token),
  (redis, token) => redis.set(`key:${token}`, token, 'GET').then((old) => old ?? token),
  async (redis, token) => {
    await redis.mset({ [`key:${token}`]: token })
    return token
  },
  (redis, token) => redis.withSignal(new AbortController().signal).echo(token),
  (redis, token) => redis.blpop(`none:${token}`, 0.02).then((popped) => popped ?? token),
  (redis, token) =>
    redis
      .pipeline()
      .echo(token)
      .echo(token)
      .exec()
      .then((results) => resultOf(results, token, 2)),
  (redis, token) =>
    redis
      .pipeline()
      .echo(token)
      .mset({ [`key:${token}`]: token })
      .exec()
      .then((results) => resultOf([results?.[0] as [Error | null, unknown]], token, 1)),
  (redis, token) =>
    redis
      .multi()
      .echo(token)
      .echo(token)
      .exec()
      .then((results) => resultOf(results, token, 2)),
]

/** The token, if all results are that, or the first error. */
function resultOf(
  results: [error: Error | null, result: unknown][] | null,
  token: string,
  count: number,
): unknown {
  if (results?.length !== count) throw new Error(`${results?.length} results`)
  for (const [error, value] of results) {
    if (error) throw error
    if (value !== token) return value
  }
  return token
}

/** What may go wrong with a connection, or be done to a client. */
const EVENTS: ((redis: Redis, proxy: FaultProxy, random: Random) => unknown)[] = [
  (_, proxy) => proxy.cut(),
  (_, proxy) => proxy.end(),
  async (_, proxy, random) => {
    const direction = random(2) === 0 ? 'requests' : 'replies'
    proxy.stall(direction)
    await sleep(random(30))
    proxy.resume(direction)
  },
  (_, proxy, random) =>
    proxy.splitReplies(random(2) === 0 ? 1 + random(9) : Number.POSITIVE_INFINITY),
  (_, proxy, random) => proxy.cutAfterReplyBytes(1 + random(200), { once: true }),
  (_, proxy, random) => proxy.cutAfterRequestBytes(1 + random(200), { once: true }),
  async (_, __, random) => {
    server.pause()
    await sleep(random(30))
    server.resume()
  },
  (redis) => redis.disconnect(true),
  (redis) => redis.disconnect(),
  (redis) => void redis.quit().catch(() => {}),
  (redis) => redis.stream?.destroy(new Error('destroyed')),
  (redis) => void redis.connect().catch(() => {}),
  (redis) => redis.flush(),
]

function optionsOf(random: Random): RedisOptions {
  const pick = <T>(...values: T[]): T => values[random(values.length)] as T
  return {
    retryStrategy: pick<(n: number) => number | null>(
      () => 0,
      () => 5,
      (attempt) => (attempt > 3 ? null : 2),
    ),
    maxRetriesPerRequest: pick(null, 0, 1, 20),
    autoResendUnfulfilledCommands: pick(true, true, false),
    protocol: pick(2, 3),
    db: pick(0, 0, 1),
    enableReadyCheck: pick(true, false),
    ...pick<RedisOptions>({}, {}, { commandTimeout: 40 }, { socketTimeout: 60 }),
    ...pick<RedisOptions>({}, {}, { maxQueuedCommands: 30 }),
    ...pick<RedisOptions>({}, {}, { enableAutoPipelining: true }),
  }
}

/** Runs one program; what was not answered rightly. */
async function run(seed: number): Promise<string[]> {
  const random = randomOf(seed)
  const proxy = await startFaultProxy({ port: server.port })
  const options = optionsOf(random)
  const redis = new Redis({ host: proxy.host, port: proxy.port, ...options } as object)
  redis.on('error', () => {})
  redis.defineCommand('same', { numberOfKeys: 0, lua: 'return ARGV[1]' })
  const calls: Call[] = []

  const issue = (): void => {
    const kind = random(KINDS.length)
    const token = `${seed}:${calls.length}`
    const call: Call = { what: `call ${calls.length} of kind ${kind}`, answers: 0 }
    calls.push(call)
    const answer = (value: unknown): void => {
      call.answers++
      if (!(value instanceof Error) && value !== token) call.wrong = `${value}, not ${token}`
    }
    const result = KINDS[kind]?.(redis, token, answer)
    if (result !== undefined) void (result as Promise<unknown>).then(answer, answer)
  }

  for (let step = 0; step < 60; step++) {
    for (let count = random(12); count > 0; count--) issue()
    if (random(3) === 0) void EVENTS[random(EVENTS.length)]?.(redis, proxy, random)
    if (random(2) === 0) await nextTurn()
    if (random(4) === 0) await sleep(random(8))
  }
  // All is well again, or the client is closed: either way each call is answered.
  proxy.splitReplies(Number.POSITIVE_INFINITY)
  proxy.cutAfterReplyBytes(Number.POSITIVE_INFINITY)
  proxy.cutAfterRequestBytes(Number.POSITIVE_INFINITY)
  await sleep(40)
  proxy.resume()
  server.resume()
  if (random(2) === 0) redis.disconnect()
  const left = (): Call[] => calls.filter(({ answers }) => answers === 0)
  await until('all are answered', () => left().length === 0, { deadlineMs: 10_000 }).catch(() => {})
  const problems = calls.flatMap(({ what, answers, wrong }) => {
    if (answers !== 1) return [`${what} was answered ${answers} times`]
    return wrong === undefined ? [] : [`${what} was answered ${wrong}`]
  })
  if (problems.length > 0) problems.push(`status ${redis.status}, ${JSON.stringify(options)}`)
  if (redis.queued.commands + redis.queued.offline > 0 && redis.status === 'end') {
    problems.push(`${JSON.stringify(redis.queued)} in status ${redis.status}`)
  }
  redis.disconnect()
  await proxy.stop()
  return problems
}

it(
  'answers each call once and with its own answer, whatever happens (DELIV-1, SUITE-4)',
  async () => {
    const { seed, seconds } = fuzzBudget()
    const rejections: unknown[] = []
    const note = (reason: unknown): void => {
      rejections.push(reason)
    }
    process.on('unhandledRejection', note)
    const end = performance.now() + (seconds ?? 0) * 1_000
    for (let round = 0; seconds === null ? round < 25 : performance.now() < end; round++) {
      expect({ seed: seed + round, problems: await run(seed + round) }).toEqual({
        seed: seed + round,
        problems: [],
      })
    }
    await sleep(20)
    process.off('unhandledRejection', note)
    expect(rejections).toEqual([])
  },
  fuzzTimeoutMs(),
)
