// Arguments that are not what they look like: only their own call fails, and the connection goes on.
import { type RedisServer, startRedis } from '@celeris/test-support'
import { Command } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import Redis from '../src/index.ts'
import { failureOf, readyClientOf } from './faults-support.ts'

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.command('FLUSHALL')
  redis = await readyClientOf(server)
})

/** What TypeScript would not let through: here it is called a string. */
const throwing = (): string =>
  ({
    toString() {
      throw new Error('no text')
    },
  }) as never

describe('a value that cannot be encoded (LEAN-8)', () => {
  const impostor = Object.create(Buffer.prototype) as Buffer
  it.each<[string, () => Promise<unknown>]>([
    ['a proxy of a Buffer', () => redis.set('key', new Proxy(Buffer.from('x'), {}))],
    ['an object that says it is a Buffer', () => redis.set('key', impostor)],
    ['the same behind large values', () => redis.mset('a', 'v'.repeat(200_000), 'b', impostor)],
    ['an object whose toString throws', () => redis.set('key', throwing())],
    ['the same in an object of fields', () => redis.hset('key', { field: throwing() })],
    [
      'a getter that throws',
      () =>
        redis.mset({
          get key(): string {
            throw new Error('no value')
          },
        }),
    ],
  ])('%s', async (_, call) => {
    const before = redis.rpush('list', '1')
    const failed = failureOf(call())
    const after = redis.rpush('list', '2')
    expect(redis.commandQueue.length).toBe(2)
    expect(await failed).toBeInstanceOf(Error)
    expect(await Promise.all([before, after])).toEqual([1, 2])
    expect(await redis.keys('*')).toEqual(['list'])
  })

  it('in a pipeline fails alone', async () => {
    const results = await redis.pipeline().set('a', '1').set('b', impostor).get('a').exec()
    expect(results).toMatchObject([[null, 'OK'], [expect.any(TypeError)], [null, '1']])
    expect(await redis.keys('*')).toEqual(['a'])
  })

  it.each(['pipeline', 'multi'] as const)(
    'in a %s of ioredis takes all of it back',
    async (kind) => {
      const batch = redis[kind]().set('a', '1').set('b', throwing()).get('a')
      expect(() => batch.exec()).toThrow('An argument of set cannot be made into text.')
      expect(redis.commandQueue.length).toBe(0)
      expect(await redis.set('c', '1')).toBe('OK')
      expect(await redis.keys('*')).toEqual(['c'])
    },
  )
})

describe('values as ioredis sends them (WIRE-1)', () => {
  it('a detached Buffer is empty', async () => {
    const memory = new ArrayBuffer(8)
    const buffer = Buffer.from(memory)
    structuredClone(memory, { transfer: [memory] })
    expect(await redis.set('key', buffer)).toBe('OK')
    expect(await redis.get('key')).toBe('')
  })

  it('holes of an array are left out', async () => {
    const keys = ['', 'a', '', 'b']
    delete keys[0]
    delete keys[2]
    expect(await redis.mget(keys)).toEqual([null, null])
  })
})

it('a pipeline awaits an asynchronous reply transformer (REPLY-15, LPL-2)', async () => {
  Command.setReplyTransformer('getset', async (reply) => {
    if (reply === null) throw new Error('nothing')
    return `then ${reply}`
  })
  onTestFinished(() => {
    Command.setReplyTransformer('getset', undefined as never)
  })
  await redis.set('key', '1')
  const results = await redis.pipeline().getset('key', '2').getset('none', '1').get('key').exec()
  expect(results).toMatchObject([[null, 'then 1'], [{ message: 'nothing' }], [null, '2']])
})

it('a pipeline of a client without fast path is ioredis’s, errors too (GUARD-3)', async () => {
  const plain = new Redis(server.port, { fastPath: false, enableOfflineQueue: false })
  onTestFinished(() => plain.disconnect())
  plain.on('error', () => {})
  const results = (await plain.pipeline().get('key').exec()) ?? []
  expect(results).toMatchObject([[{ message: expect.stringContaining('enableOfflineQueue') }]])
  expect(Object.getOwnPropertyNames(results[0]?.[0] ?? {}).sort()).toEqual(['message', 'stack'])
})
