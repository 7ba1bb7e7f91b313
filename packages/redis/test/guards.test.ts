import { tracingChannel } from 'node:diagnostics_channel'
import { type RedisServer, startRedis } from '@celeris/test-support'
import { Command, Redis as Ioredis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import Redis, { RedisOptionError, type RedisOptions } from '../src/index.ts'
import { readyClient } from './support.ts'

let server: RedisServer
const clients: Ioredis[] = []

async function connect(options: RedisOptions = {}): Promise<Redis> {
  const client = await readyClient(server, options)
  clients.push(client)
  return client
}

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
afterEach(() => {
  vi.restoreAllMocks()
  for (const client of clients.splice(0)) client.disconnect()
})

/** Commands that ioredis itself made: those for which its Command was constructed. */
function stockCommands(client: Redis): string[] {
  const names: string[] = []
  const { push } = client.commandQueue
  client.commandQueue.push = (item) => {
    if (!Object.hasOwn(item.command, 'decoding')) names.push(item.command.name)
    return push.call(client.commandQueue, item)
  }
  return names
}

describe('a call is lean', () => {
  it('when its arguments are scalars, Buffers or lists of them, and goes to ioredis else (LEAN-1)', async () => {
    const redis = await connect()
    const stock = stockCommands(redis)
    await redis.set('a', 1, 'EX', 10)
    await redis.mget(['a', Buffer.from('b')])
    await redis.getBuffer('a')
    await redis.call('GET', 'a')
    await redis.hset('h', 'f', 'v')
    await redis.hset('h', { f: 'v' })
    await redis.mset(new Map([['m', '1']]))
    expect(stock).toEqual([])
    await redis.set('a', new Date(0) as never)
    await new Promise((done) => redis.get('a', done))
    expect(stock).toEqual(['set', 'get'])
  })

  it('and is an instance of Command with name and args as ioredis has them (LEAN-2)', async () => {
    const redis = await connect()
    const promise = redis.set('key', 5, Buffer.from('x') as never)
    const item = redis.commandQueue.peekBack() as unknown as { command: Command }
    expect(item?.command).toBeInstanceOf(Command)
    expect(item).toMatchObject({ select: 0, command: { name: 'set', inTransaction: false } })
    expect(item.command.args).toEqual(['key', '5', Buffer.from('x')])
    expect(item.command.getKeys()).toEqual(['key'])
    await expect(promise).rejects.toThrow('syntax')
  })

  it.each([
    ['friendly error stacks', { showFriendlyErrorStack: true }],
    ['a key prefix that is a Buffer', { keyPrefix: Buffer.from('p') as never }],
  ])('not with %s (LEAN-3)', async (_name, options) => {
    const redis = await connect(options)
    const stock = stockCommands(redis)
    await redis.get('a')
    expect(stock).toEqual(['get'])
  })

  it('not with a prefix before other keys than the first argument (LEAN-3, WIRE-6)', async () => {
    const redis = await connect({ keyPrefix: 'p:' })
    const stock = stockCommands(redis)
    await redis.set('a', '1')
    await redis.set(Buffer.from('b'), '2')
    expect(stock).toEqual([])
    await redis.mset('c', '3', 'd', '4')
    expect(stock).toEqual(['mset'])
    expect((await server.command('KEYS', 'p:*')) as string[]).toHaveLength(4)
    await redis.del('a', 'b', 'c', 'd')
  })

  it('not for blocking commands while blockingTimeout is set (SAME-4)', async () => {
    const redis = await connect({ blockingTimeout: 5000 })
    const stock = stockCommands(redis)
    const popped = redis.blpop('list', 0)
    await server.command('RPUSH', 'list', 'x')
    expect(await popped).toEqual(['list', 'x'])
    await redis.get('a')
    expect(stock).toEqual(['blpop'])
  })

  it('not in RESP2 subscriber mode, which refuses it in the words of ioredis (SAME-5)', async () => {
    const redis = await connect({ protocol: 2 })
    await redis.subscribe('channel')
    await expect(redis.get('a')).rejects.toThrow(
      'Connection in subscriber mode, only subscriber commands may be used',
    )
    await redis.unsubscribe('channel')
    expect(await redis.get('nothing')).toBeNull()
  })
})

describe('whoever watches commands', () => {
  it.each([
    ['the client', (redis: Redis) => redis as object],
    ['our class', () => Redis.prototype as object],
    ["ioredis's class", () => Ioredis.prototype as object],
  ])(
    'by a spy on sendCommand of %s sees each until it is taken away (LEAN-4)',
    async (_name, on) => {
      const redis = await connect()
      await redis.get('before')
      const spy = vi.spyOn(on(redis) as Redis, 'sendCommand')
      await redis.set('a', '1')
      await redis.pipeline().get('a').get('b').exec()
      expect(spy.mock.calls.map(([command]) => command.name)).toEqual(['set', 'get', 'get'])
      spy.mockRestore()
      const stock = stockCommands(redis)
      await redis.get('a')
      expect(stock).toEqual([])
    },
  )

  it('by the tracing channel, even if later (LEAN-5)', async () => {
    const redis = await connect()
    await redis.get('before')
    const seen: unknown[] = []
    const channel = tracingChannel('ioredis:command')
    const handlers = {
      start: (context: object) => seen.push((context as { command: string }).command),
    }
    channel.subscribe(handlers as never)
    try {
      await redis.set('a', '1')
      await redis.get('a')
    } finally {
      channel.unsubscribe(handlers as never)
    }
    await redis.get('after')
    expect(seen).toEqual(['set', 'get'])
  })

  it('by a transformer, from the next call on (LEAN-6)', async () => {
    const redis = await connect()
    expect(await redis.set('a', 'x')).toBe('OK')
    const tables = (Command as unknown as { _transformer: Record<string, Record<string, unknown>> })
      ._transformer
    Command.setReplyTransformer('get', (value) => `<${value}>`)
    Command.setArgumentTransformer('set', ([key, value]) => [key as string, `${value}!`])
    try {
      await redis.set('a', 'x')
      expect(await redis.get('a')).toBe('<x!>')
      expect(await redis.pipeline().set('a', 'y').get('a').exec()).toEqual([
        [null, 'OK'],
        [null, '<y!>'],
      ])
    } finally {
      delete tables.reply?.get
      delete tables.argument?.set
    }
    expect(await redis.get('a')).toBe('y!')
  })
})

describe('the fast path', () => {
  it('is off with the option, which leaves plain ioredis (GUARD-2, GUARD-3)', async () => {
    const redis = await connect({ fastPath: false })
    expect(redis.fastPath).toEqual({ active: false, reason: 'option fastPath is false' })
    const stock = stockCommands(redis)
    await redis.set('a', '1')
    expect(stock).toEqual(['set'])
    expect(Object.hasOwn(redis.stream, 'write')).toBe(false)
  })

  it('is on else (GUARD-2)', async () => {
    expect((await connect()).fastPath).toEqual({ active: true })
  })

  it.each([
    ['maxQueuedBytes', -1],
    ['maxQueuedCommands', 0],
    ['borrowBuffers', Number.NaN],
    ['maxReplyBytes', 'many'],
    ['maxReplyElements', {}],
    ['fastPath', 'perhaps'],
  ])('refuses %s: %s (GUARD-5)', (name, value) => {
    const make = () => new Redis({ lazyConnect: true, [name]: value })
    expect(make).toThrow(RedisOptionError)
    expect(make).toThrow(name)
    expect(make).toThrow(expect.objectContaining({ code: 'CELERIS_REDIS_OPTIONS' }))
  })

  it.each(['false', '0'])('takes options from the query of a URL: %s (GUARD-5)', async (off) => {
    const redis = new Redis(`redis://127.0.0.1:${server.port}?maxQueuedBytes=1000&fastPath=${off}`)
    clients.push(redis)
    expect(redis.fastPath.active).toBe(false)
    expect(await redis.ping()).toBe('PONG')
  })

  it('leaves ioredis as it is for others in the process (TRA-7)', async () => {
    const plain = new Ioredis(server.port)
    clients.push(plain)
    expect(await plain.set('plain', '1')).toBe('OK')
    expect(plain).not.toBeInstanceOf(Redis)
    expect(Object.hasOwn(plain.stream, 'write')).toBe(false)
    expect(Object.hasOwn(Ioredis.prototype, 'get')).toBe(false)
  })
})
