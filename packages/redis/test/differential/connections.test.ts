import { once } from 'node:events'
import { until } from '@celeris/test-support'
import type { Redis, RedisOptions } from 'ioredis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { logOf } from './log.ts'
import { compare, type Pair, startPair } from './pair.ts'
import { picture } from './picture.ts'
import { invoke, outcome } from './ways.ts'

let pair: Pair
beforeAll(async () => {
  pair = await startPair()
})
afterAll(() => pair.stop())

/** Connections come and go: what the second one sends may share a record with the first. */
const SOON: RedisOptions = { retryStrategy: () => 20 }
const BOTH: RedisOptions[] = [{ protocol: 2 }, { protocol: 3 }]

describe.each(BOTH)('a connection from its start to its end: %o (SAME-17)', (protocol) => {
  it.each<[string, RedisOptions]>([
    ['no options', {}],
    ['db', { db: 3 }],
    ['name and tag', { connectionName: 'me', clientInfoTag: 'tag' }],
    ['no client info', { disableClientInfo: true }],
    ['no ready check', { enableReadyCheck: false }],
    ['read only', { readOnly: true }],
    ['lazy', { lazyConnect: true }],
    ['a password where none is needed', { password: 'secret' }],
  ])('%s', (_name, options) =>
    compare(pair, async ({ create }) => {
      const client = create({ ...protocol, ...options })
      const log = logOf(client)
      const calls = [
        log.follow('set', () => client.set('k', 'v')),
        log.follow('pipeline', () => client.pipeline().get('k').incr('k').exec()),
        log.follow('multi', () => client.multi().get('k').exec()),
        log.follow('select', () => client.select(2)),
        log.follow('get', () => client.get('k')),
        log.follow('hset', () => client.hset('h', { a: 1 })),
      ]
      await Promise.all(calls)
      await log.follow('connect again', () => client.connect())
      await log.follow('select a db that is not there', () => client.select(99))
      await log.follow('quit', () => client.quit())
      await log.follow('after the end', () => client.get('k'))
      await log.follow('pipeline after the end', () => client.pipeline().get('k').exec())
      await log.follow('quit again', () => client.quit())
      await until('it has ended', () => client.status === 'end')
      return log.result()
    }),
  )

  it('refused: a user that is not there', () =>
    compare(pair, async ({ create }) => {
      const client = create({
        ...protocol,
        username: 'nobody',
        password: 'secret',
        retryStrategy: () => null,
      })
      const log = logOf(client)
      const call = log.follow('get', () => client.get('k'))
      const ended = log.next('end')
      client.once('error', () => client.disconnect())
      await ended
      await call
      return log.result()
    }))

  it('refused: nobody listens, and some retries', () =>
    compare(
      pair,
      async ({ Redis }) => {
        const client = new Redis({
          ...(protocol as { protocol: 2 | 3 }),
          port: 1,
          maxRetriesPerRequest: 1,
          retryStrategy: (times) => (times > 4 ? null : 5),
        })
        const log = logOf(client)
        const ended = log.next('end')
        await Promise.all([
          log.follow('get', () => client.get('k')),
          log.follow('pipeline', () => client.pipeline().get('k').set('k', 1).exec()),
          log.follow('multi', () => client.multi().get('k').exec()),
        ])
        await ended
        await log.follow('after the end', () => client.get('k'))
        return log.result()
      },
      { bytes: false },
    ))

  it('without an offline queue (SAME-7)', () =>
    compare(pair, async ({ create }) => {
      const client = create({ ...protocol, enableOfflineQueue: false })
      const log = logOf(client)
      await log.follow('get', () => client.get('k'))
      await log.follow('pipeline', () => client.pipeline().get('k').exec())
      await log.follow('multi', () => client.multi().get('k').exec())
      if (client.status !== 'ready') await once(client, 'ready')
      await log.follow('get', () => client.get('k'))
      client.disconnect()
      await log.next('end')
      await log.follow('get', () => client.get('k'))
      return log.result()
    }))

  it.each<[string, RedisOptions]>([
    ['no options', {}],
    ['keyPrefix and names', { keyPrefix: 'p:', connectionName: 'me' }],
  ])('cut by the server while nothing is outstanding: %s', (_name, options) =>
    compare(
      pair,
      async ({ ready, server }) => {
        const client = await ready({ ...SOON, ...protocol, ...options })
        const log = logOf(client)
        await log.follow('select', () => client.select(5))
        await log.follow('set', () => client.set('k', 'v'))
        const closed = log.next('close')
        const again = log.next('ready')
        await server.command('CLIENT', 'KILL', 'TYPE', 'normal')
        await closed
        await Promise.all([
          log.follow('get', () => client.get('k')),
          log.follow('pipeline', () => client.pipeline().incr('n').get('k').exec()),
          log.follow('multi', () => client.multi().incr('n').getBuffer('k').exec()),
        ])
        await again
        await log.follow('get', () => client.get('k'))
        return log.result()
      },
      { bytes: false },
    ),
  )

  it('cut while replies are outstanding: all is sent again', () =>
    compare(
      pair,
      async ({ ready, proxy }) => {
        const client = await ready({ ...SOON, ...protocol })
        const log = logOf(client)
        client.defineCommand('mine', { lua: 'return ARGV[1]', numberOfKeys: 1 })
        await log.follow('select', () => client.select(1))
        proxy.stall('replies')
        const calls = [
          log.follow('set', () => client.set('k', 'v')),
          log.follow('getBuffer', () => client.getBuffer('k')),
          log.follow('select', () => client.select(2)),
          log.follow('set', () => client.set('other', 'w')),
          log.follow('hset', () => client.hset('h', { a: 1 })),
          log.follow('hgetall', () => client.hgetall('h')),
          log.follow('wrong', () => client.lpush('h', 1)),
          log.follow('pipeline', () => client.pipeline().get('other').hgetall('h').exec()),
          log.follow('multi', () => client.multi().get('other').exec()),
          log.follow('call', () => client.call('GET', 'other')),
        ]
        await until('it was sent', () => proxy.record().requests.includes('GET'))
        proxy.cut()
        proxy.resume()
        await Promise.all(calls)
        return log.result()
      },
      { bytes: false },
    ))

  it.each([0, 1])('cut with maxRetriesPerRequest %i', (maxRetriesPerRequest) =>
    compare(
      pair,
      async ({ ready, proxy }) => {
        const client = await ready({ ...SOON, ...protocol, maxRetriesPerRequest })
        const log = logOf(client)
        proxy.stall('replies')
        const calls = [
          log.follow('set', () => client.set('k', 'v')),
          log.follow('get', () => client.get('k')),
          log.follow('pipeline', () => client.pipeline().get('k').exec()),
        ]
        await until('it was sent', () => proxy.record().requests.includes('get'))
        proxy.cut()
        proxy.resume()
        await Promise.all(calls)
        return log.calls
      },
      { bytes: false },
    ),
  )

  it.each(['disconnect', 'quit', 'end', 'disconnect and reconnect'])(
    '%s while replies are outstanding',
    (how) =>
      compare(
        pair,
        async ({ ready, proxy }) => {
          const client = await ready({ ...SOON, ...protocol })
          const log = logOf(client)
          proxy.stall('replies')
          const calls = [
            log.follow('set', () => client.set('k', 'v')),
            log.follow('pipeline', () => client.pipeline().get('k').exec()),
            log.follow('multi', () => client.multi().get('k').exec()),
            log.follow('get', () => client.get('k')),
          ]
          await until('it was sent', () => proxy.record().requests.includes('exec'))
          if (how === 'quit') calls.push(log.follow('quit', () => client.quit()))
          else if (how === 'end') client.end()
          else client.disconnect(how !== 'disconnect')
          calls.push(log.follow('later', () => client.get('k')))
          proxy.resume()
          await Promise.all(calls)
          return log.result()
        },
        { bytes: false },
      ),
  )

  it.each([1, 2, true, false] as const)('reconnectOnError %s (SAME-12)', (answer) =>
    compare(
      pair,
      async ({ ready }) => {
        let left = 1
        const client = await ready({
          ...SOON,
          ...protocol,
          reconnectOnError: () => (left-- > 0 ? answer : false),
        })
        const log = logOf(client)
        await log.follow('set', () => client.set('k', 'text'))
        await Promise.all([
          log.follow('wrong', () => client.incr('k')),
          log.follow('get', () => client.get('k')),
        ])
        await log.follow('pipeline', () => client.pipeline().incr('k').get('k').exec())
        return log.result()
      },
      { bytes: false },
    ),
  )

  it('commandTimeout (SAME-10)', () =>
    compare(
      pair,
      async ({ ready, proxy }) => {
        const client = await ready({ ...protocol, commandTimeout: 200 })
        const log = logOf(client)
        proxy.stall('replies')
        await Promise.all([
          log.follow('get', () => client.get('k')),
          log.follow('pipeline', () => client.pipeline().get('k').exec()),
        ])
        proxy.resume()
        await log.follow('later', () => client.set('k', 1))
        return log.result()
      },
      { bytes: false },
    ))
})

describe('the object', () => {
  it('looks the same, and its duplicate', () =>
    compare(
      pair,
      async ({ ready, Redis }) => {
        const client = await ready({ keyPrefix: 'p:', db: 1 })
        const duplicate = client.duplicate({ db: 2 })
        await once(duplicate, 'ready')
        const own = new Set(['port', 'host', 'fastPath', 'maxQueuedBytes', 'maxQueuedCommands'])
        const shown = [client, duplicate].map((each) => ({
          mode: each.mode,
          status: each.status,
          isCluster: each.isCluster,
          ofClass: each instanceof Redis,
          options: picture(Object.entries(each.options).filter(([key]) => !own.has(key))),
          string: String(each),
        }))
        await duplicate.quit()
        const created = (Redis.createClient as (options: RedisOptions) => Redis)({
          lazyConnect: true,
        })
        return [shown, created instanceof Redis, created.status, Redis.name]
      },
      { bytes: false },
    ))

  it('callbacks of connect, quit and calls (SAME-16)', () =>
    compare(pair, async ({ create }) => {
      const client = create({ lazyConnect: true })
      const heard: unknown[] = []
      const wait = (start: (callback: (...args: unknown[]) => void) => unknown): Promise<void> =>
        new Promise((resolve) => {
          start((...args) => {
            heard.push(picture(args))
            resolve()
          })
        })
      await wait((callback) => client.connect(callback))
      await wait((callback) => client.connect(callback))
      await wait((callback) => client.set('k', 1, callback))
      await wait((callback) => client.lpush('k', 1, callback))
      await wait((callback) => invoke(client, 'quit', callback))
      heard.push(await outcome(() => client.get('k')))
      return heard
    }))
})
