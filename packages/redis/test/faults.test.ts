// The same program over a connection that is split or cut after every byte.
import { once } from 'node:events'
import { type RedisServer, startRedis } from '@celeris/test-support'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type Redis from '../src/index.ts'
import type { RedisOptions } from '../src/index.ts'
import { type Failure, proxyOf, readyClientOf } from './faults-support.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
  const setUp: (string | number)[][] = [
    ['SET', 'text', 'grüße\r\n'],
    ['SET', 'number', 41],
    ['HSET', 'hash', 'a', '1', 'b', 'two'],
    ['ZADD', 'zset', 1.5, 'x', 2, 'y'],
    ['RPUSH', 'list', 'a', '', 'c'],
    ['XADD', 'stream', '1-1', 'field', 'value'],
  ]
  for (const command of setUp) await server.command(...command)
})
afterAll(() => server.stop())

/** Calls of one turn whose replies are of every type; an error is an answer, too. */
const READS: ((redis: Redis) => Promise<unknown>)[] = [
  (redis) => redis.get('text'),
  (redis) => redis.getBuffer('text'),
  (redis) => redis.get('none'),
  (redis) => redis.strlen('text'),
  (redis) => redis.hgetall('hash'),
  (redis) => redis.zrange('zset', '0', '-1', 'WITHSCORES'),
  (redis) => redis.lrange('list', 0, -1),
  (redis) => redis.xrange('stream', '-', '+'),
  (redis) => redis.lpush('text', 'x').catch((error: Error) => error.message),
  (redis) => redis.mget(['text', 'none', 'number']),
  (redis) => redis.eval('return {1, {"two", false}, redis.status_reply("OK")}', 0),
  (redis) => redis.pipeline().get('number').hgetBuffer('hash', 'b').exec(),
  (redis) => redis.multi().get('number').llen('list').exec(),
]

async function readyAgain(redis: Redis): Promise<void> {
  if (redis.status !== 'ready') await once(redis, 'ready')
}

const read = (redis: Redis): Promise<unknown[]> => Promise.all(READS.map((call) => call(redis)))

const MODES: [string, RedisOptions & { replyMapping?: 'resp3' }][] = [
  ['RESP2', { protocol: 2 }],
  ['RESP3 in shapes of RESP2', { protocol: 3 }],
  ['RESP3', { protocol: 3, replyMapping: 'resp3' }],
]

describe.each(MODES)('with %s', (_, options) => {
  it('gives the same results wherever the replies are split (DELIV-7)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, options)
    const before = proxy.record().replies.length
    const expected = await read(redis)
    const bytes = proxy.record().replies.length - before
    expect(bytes).toBeGreaterThan(300)
    for (let split = 1; split <= bytes; split++) {
      proxy.splitReplies(split)
      expect({ split, results: await read(redis) }).toEqual({ split, results: expected })
    }
    expect(proxy.connections).toBe(1)
  }, 120_000)
})

it('gives the same results if it is cut after any byte of the replies (DELIV-7)', async () => {
  const proxy = await proxyOf(server)
  const redis = await readyClientOf(proxy, { disableClientInfo: true })
  const before = proxy.record().replies.length
  const expected = await read(redis)
  const bytes = proxy.record().replies.length - before
  for (let cut = 1; cut <= bytes; cut++) {
    proxy.cutAfterReplyBytes(cut, { once: true })
    // ioredis gives up a pipeline that was answered in part.
    const results = await Promise.all(READS.map((call) => call(redis).catch(isAborted)))
    for (const [index, result] of results.entries()) {
      if (result === ABORTED) continue
      if (Array.isArray(result) && result.some(isInterrupted)) continue
      expect({ cut, index, result }).toEqual({ cut, index, result: expected[index] })
    }
    await readyAgain(redis)
  }
  expect(proxy.connections).toBeGreaterThan(bytes - 10)
}, 120_000)

const ABORTED = Symbol('aborted')

function isAborted(error: Error): symbol {
  if (error.message !== 'Command aborted due to connection close') throw error
  return ABORTED
}

const isInterrupted = (entry: unknown): boolean => Array.isArray(entry) && entry[0] instanceof Error

/** Calls of one turn that write keys of a round; each with its keys. */
const WRITES: [keys: string[], call: (redis: Redis, round: string) => Promise<unknown>][] = [
  [['a'], (redis, round) => redis.set(`${round}:a`, 'value')],
  [['b'], (redis, round) => redis.mset({ [`${round}:b`]: 'value' })],
  [['c'], (redis, round) => redis.set(`${round}:c`, Buffer.from('value'), () => {})],
  [
    ['d', 'e'],
    (redis, round) => redis.pipeline().set(`${round}:d`, 'value').set(`${round}:e`, 'value').exec(),
  ],
  [
    ['f', 'g'],
    (redis, round) => redis.multi().set(`${round}:f`, 'value').set(`${round}:g`, 'value').exec(),
  ],
]

/** What each key of a round was answered: undefined if the server acknowledged it. */
async function write(redis: Redis, round: string): Promise<Map<string, Failure | undefined>> {
  const answers = new Map<string, Failure | undefined>()
  const noted = WRITES.map(async ([keys, call]) => {
    const result = await call(redis, round).catch((error: Failure) => error)
    for (const [index, key] of keys.entries()) {
      if (result instanceof Error) answers.set(key, result as Failure)
      else if (keys.length === 1) answers.set(key, undefined)
      else
        answers.set(
          key,
          ((result as [Failure | null][])[index] as [Failure | null])[0] ?? undefined,
        )
    }
  })
  await Promise.all(noted)
  return answers
}

describe('cut after any byte of the requests', () => {
  it('each command is there, or its rejection tells the truth (DELIV-5, DELIV-7)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, {
      autoResendUnfulfilledCommands: false,
      db: 1,
      disableClientInfo: true,
    })
    const before = proxy.record().requests.length
    await write(redis, 'r0')
    const bytes = proxy.record().requests.length - before
    let rejected = 0
    for (let cut = 1; cut < bytes; cut++) {
      proxy.cutAfterRequestBytes(cut, { once: true })
      const answers = await write(redis, `r${cut}`)
      await readyAgain(redis)
      const there = new Set(await redis.keys(`r${cut}:*`))
      for (const [key, failure] of answers) {
        const isThere = there.has(`r${cut}:${key}`)
        if (failure === undefined)
          expect({ cut, key, isThere }).toEqual({ cut, key, isThere: true })
        else if (!failure.mayHaveRun)
          expect({ cut, key, isThere }).toEqual({ cut, key, isThere: false })
        if (failure !== undefined) rejected++
      }
      await redis.flushdb()
    }
    expect(rejected).toBeGreaterThan(bytes)
  }, 120_000)

  it('each command is sent again and there, by default (DELIV-2, DELIV-7)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { db: 1, disableClientInfo: true })
    const before = proxy.record().requests.length
    await write(redis, 's0')
    const bytes = proxy.record().requests.length - before
    for (let cut = 1; cut < bytes; cut++) {
      proxy.cutAfterRequestBytes(cut, { once: true })
      const answers = await write(redis, `s${cut}`)
      await readyAgain(redis)
      const there = new Set(await redis.keys(`s${cut}:*`))
      for (const [key, failure] of answers) {
        // A pipeline that was answered in part is given up.
        if (failure !== undefined)
          expect(failure.message).toMatch(/aborted due to connection close/)
        else
          expect({ cut, key, isThere: there.has(`s${cut}:${key}`) }).toMatchObject({
            isThere: true,
          })
      }
      await redis.flushdb()
    }
  }, 120_000)
})
