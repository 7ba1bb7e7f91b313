import { tracingChannel } from 'node:diagnostics_channel'
import type { Redis, RedisOptions } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logOf } from './log.ts'
import { compare, type Pair, startPair } from './pair.ts'
import { picture, unordered } from './picture.ts'
import { invoke, outcome } from './ways.ts'

let pair: Pair
beforeAll(async () => {
  pair = await startPair()
})
afterAll(() => pair.stop())

const PROTOCOLS: RedisOptions[] = [
  { protocol: 2 },
  { protocol: 3 },
  { protocol: 3, replyMapping: 'resp3' },
]

describe.each(PROTOCOLS)('subscriptions: %o (SAME-5)', (options) => {
  it('channels, patterns, shards; what may be called meanwhile; the way back', () =>
    compare(pair, async ({ ready, server }) => {
      const client = await ready(options)
      const log = logOf(client)
      const heard = async (name: string, ...command: string[]): Promise<void> => {
        const message = log.next(name)
        await server.command(...command)
        await message
      }
      await log.follow('subscribe', () => client.subscribe('a', 'b'))
      await log.follow('again', () => client.subscribe('a'))
      await log.follow('psubscribe', () => client.psubscribe('p*'))
      await log.follow('ssubscribe', () => client.ssubscribe('s'))
      await heard('messageBuffer', 'PUBLISH', 'a', 'hello \u20ac')
      await heard('pmessageBuffer', 'PUBLISH', 'pa', 'pattern')
      await heard('smessageBuffer', 'SPUBLISH', 's', 'shard')
      await log.follow('get', () => client.get('k'))
      await log.follow('set', () => client.set('k', 1))
      await log.follow('hset', () => client.hset('h', { a: 1 }))
      await log.follow('pipeline', () => client.pipeline().get('k').exec())
      await log.follow('ping', () => client.ping())
      await log.follow('ping', () => client.ping('text'))
      await log.follow('unsubscribe', () => client.unsubscribe('a'))
      await log.follow('sunsubscribe', () => client.sunsubscribe('s'))
      await log.follow('punsubscribe', () => client.punsubscribe('p*', 'q*'))
      await log.follow('unsubscribe', () => client.unsubscribe())
      await log.follow('get', () => client.get('k'))
      await log.follow('pipeline', () => client.pipeline().get('k').subscribe('z').exec())
      await heard('message', 'PUBLISH', 'z', 'from the pipeline')
      await log.follow('unsubscribe', () => client.unsubscribe())
      await log.follow('set', () => client.set('k', 2))
      await log.follow('quit', () => client.quit())
      return log.result()
    }))

  it('come back after a reconnect', () =>
    compare(
      pair,
      async ({ ready, server, proxy }) => {
        const client = await ready({ ...options, retryStrategy: () => 20 })
        const log = logOf(client)
        await client.subscribe('a', 'b')
        await client.psubscribe('p*')
        const again = log.next('ready')
        proxy.cut()
        await again
        // The subscriptions are on their way; this follows them on the same connection.
        await log.follow('ping', () => client.ping())
        const message = log.next('message')
        await server.command('PUBLISH', 'b', 'after')
        await message
        return log.result()
      },
      { bytes: false },
    ))
})

describe('other connections', () => {
  it.each(PROTOCOLS)('monitor: %o (SAME-14)', (options) =>
    compare(
      pair,
      async ({ ready }) => {
        const client = await ready(options)
        const monitor = await client.monitor()
        const log = logOf(monitor)
        const seen: unknown[] = []
        const done = new Promise<void>((resolve) => {
          monitor.on('monitor', (time: unknown, args: string[], source: unknown, db: unknown) => {
            seen.push([typeof time, args, typeof source, db])
            if (args[1] === 'last') resolve()
          })
        })
        await client.set('k', 'a "quoted" \u20ac\r\n\x00 text')
        await client.pipeline().get('k').incr('n').exec()
        await client.get('last')
        await done
        await log.follow('get', () => monitor.get('k'))
        monitor.disconnect()
        return { seen, mode: monitor.mode, log: log.result() }
      },
      { bytes: false },
    ),
  )

  it.each(PROTOCOLS)('scan streams: %o (SAME-15)', (options) =>
    compare(
      pair,
      async ({ ready }) => {
        const client = await ready({ ...options, keyPrefix: 'p:' })
        for (let i = 0; i < 300; i++) await client.set(`k${i}`, i)
        await client.hset('h', Object.fromEntries(Array.from({ length: 300 }, (_, i) => [i, i])))
        await client.sadd('t', ...Array.from({ length: 300 }, (_, i) => `m${i}`))
        await client.zadd('z', ...Array.from({ length: 600 }, (_, i) => i))
        const all = async (stream: AsyncIterable<unknown>): Promise<unknown> => {
          const items: unknown[] = []
          for await (const some of stream) items.push(...(some as unknown[]))
          return unordered(picture(items))
        }
        return [
          await all(client.scanStream({ match: 'p:k*', count: 20 })),
          await all(client.scanBufferStream({ match: 'p:k1*' })),
          await all(client.hscanStream('h', { count: 20 })),
          await all(client.sscanStream('t', { match: 'm1*' })),
          await all(client.zscanStream('z')),
        ]
      },
      { bytes: false },
    ),
  )
})

describe('tracing channels', () => {
  const NAMES = ['ioredis:command', 'ioredis:batch', 'ioredis:connect'] as const

  it('tell the same of each command, batch and connect', async () => {
    const trace = async (server: { port: number }, Client: typeof Redis): Promise<unknown> => {
      const told: unknown[] = []
      const handlers = NAMES.map((name) => {
        const tell =
          (phase: string) =>
          (context: object): void => {
            const entries = Object.entries(context).filter(([key]) => key !== 'serverPort')
            told.push([name, phase, picture(Object.fromEntries(entries))])
          }
        const handler = {
          start: tell('start'),
          end: tell('end'),
          asyncStart: tell('asyncStart'),
          asyncEnd: tell('asyncEnd'),
          error: tell('error'),
        }
        return { channel: tracingChannel(name), handler }
      })
      const client = new Client({ port: server.port, lazyConnect: true, enableReadyCheck: false })
      for (const { channel, handler } of handlers) channel.subscribe(handler)
      try {
        await client.connect()
        await client.set('k', 'v')
        await client.get('k')
        await outcome(() => client.lpush('k', 1))
        await client.pipeline().get('k').set('k', 'w').exec()
        await client.multi().get('k').incr('n').exec()
        await invoke(client, 'call', 'GET', 'k')
      } finally {
        for (const { channel, handler } of handlers) channel.unsubscribe(handler)
        client.disconnect()
      }
      return told
    }
    await Promise.all([pair.stock.command('FLUSHALL'), pair.ours.command('FLUSHALL')])
    const { Redis: Stock } = await import('ioredis')
    const { Redis: Ours } = await import('@celeris/redis')
    const stock = await trace(pair.stock, Stock)
    const ours = await trace(pair.ours, Ours as unknown as typeof Stock)
    expect(ours).toEqual(stock)
  })
})
