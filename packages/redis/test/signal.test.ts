// withSignal: who is told what when a signal aborts, and what is sent all the same.
import { getEventListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type RedisServer, startRedis, until } from '@celeris/test-support'
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from 'vitest'
import Redis, { type SignalView } from '../src/index.ts'
import { clientOf, failureOf, proxyOf, readyClientOf } from './faults-support.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.command('FLUSHALL')
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

/** The commands of the server that were called, but for those of handshakes. */
async function callsOf(name: string): Promise<number> {
  const stats = `${await server.command('INFO', 'commandstats')}`
  return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}

/** A stand-in for what `defineCommand` adds to the types. */
type WithScript<T> = T & { double(key: string, ...rest: unknown[]): Promise<number> }

const DOUBLE = { numberOfKeys: 1, lua: 'return redis.call("incrby", KEYS[1], ARGV[1]) * 2' }

describe('a view', () => {
  it('has every command, Buffer forms, call, scripts, pipelines and transactions (SIG-1)', async () => {
    const redis = await readyClientOf(server)
    redis.defineCommand('double', DOUBLE)
    const view = redis.withSignal(new AbortController().signal) as WithScript<SignalView>
    expect(await view.set('key', 'value')).toBe('OK')
    expect(await view.get('key')).toBe('value')
    expect(await view.getBuffer('key')).toEqual(Buffer.from('value'))
    expect(await view.mset({ a: 1, b: 2 })).toBe('OK')
    expect(await view.mget('a', 'b')).toEqual(['1', '2'])
    expect(await view.call('GET', 'key')).toBe('value')
    expect(await view.callBuffer('get', 'key')).toEqual(Buffer.from('value'))
    expect(await view.hset('hash', new Map([['field', '1']]))).toBe(1)
    expect(await view.hgetall('hash')).toEqual({ field: '1' })
    expect(await view.double('count', 4)).toBe(8)
    expect(await view.pipeline().get('a').incr('a').exec()).toEqual([
      [null, '1'],
      [null, 2],
    ])
    expect(await view.pipeline([['get', 'b']]).exec()).toEqual([[null, '2']])
    expect(await view.multi().incr('a').get('b').exec()).toEqual([
      [null, 3],
      [null, '2'],
    ])
    expect(await view.multi([['get', 'b']]).exec()).toEqual([[null, '2']])
    expect(await view.multi({ pipeline: false })).toBe('OK')
    expect(await view.get('b')).toBe('QUEUED')
    expect(await view.exec()).toEqual([[null, '2']])
    expect((await failureOf(view.incr('hash'))).message).toMatch(/^WRONGTYPE/)
    expectTypeOf(view.get('key')).toEqualTypeOf<Promise<string | null>>()
  })

  it('takes callbacks as the client does (SIG-1)', async () => {
    const redis = await readyClientOf(server)
    redis.defineCommand('double', DOUBLE)
    const controller = new AbortController()
    const view = redis.withSignal(controller.signal) as WithScript<SignalView>
    const heard: unknown[] = []
    const all = (count: number) => until('callbacks', () => heard.length === count)
    const hear = (error: unknown, value?: unknown) => heard.push(error ?? value)
    void view.set('key', '1', hear)
    void view.pipeline().get('key').exec(hear)
    void view.multi().get('key').exec(hear)
    void view.double('key', 1, hear)
    await all(4)
    expect(heard).toEqual(expect.arrayContaining(['OK', [[null, '1']], 4]))
    controller.abort()
    const { reason } = controller.signal
    void view.get('key', hear)
    void view.pipeline().get('key').exec(hear)
    void view.multi().get('key').exec(hear)
    void view.double('key', 1, hear)
    await all(8)
    expect(heard.slice(4)).toEqual([reason, reason, reason, reason])
  })

  it('sees commands of the client that are defined later, and as they are then (SIG-1)', async () => {
    const redis = await readyClientOf(server)
    const { signal } = new AbortController()
    redis.withSignal(signal)
    redis.defineCommand('double', DOUBLE)
    const view = redis.withSignal(signal) as WithScript<SignalView>
    expect(await view.double('key', 1)).toBe(2)
    redis.defineCommand('double', { numberOfKeys: 1, lua: 'return 7' })
    expect(await view.double('key')).toBe(7)
    redis.addBuiltinCommand('echo')
    expect(await redis.withSignal(signal).echo('hello')).toBe('hello')
  })

  it('keeps the client: prefix, database, reply mapping, auto-pipelining (SIG-1)', async () => {
    const redis = await readyClientOf(server, {
      keyPrefix: 'app:',
      db: 3,
      enableAutoPipelining: true,
    })
    const view = redis.withSignal(new AbortController().signal)
    await Promise.all([
      view.set('a', '1'),
      view.mset({ b: '2' }),
      view.pipeline().set('c', '3').exec(),
    ])
    expect(await redis.mget('a', 'b', 'c')).toEqual(['1', '2', '3'])
    const mapped = new Redis({ host: server.host, port: server.port, replyMapping: 'resp3' })
    await mapped.hset('hash', 'field', '1')
    const { signal } = new AbortController()
    expect(await mapped.withSignal(signal).call('hgetall', 'hash')).toEqual({ field: '1' })
    expectTypeOf(mapped.withSignal(signal)).toEqualTypeOf<SignalView<'resp3'>>()
    mapped.disconnect()
  })

  it('refuses what is no signal (SIG-1)', async () => {
    const redis = await readyClientOf(server)
    expect(() => redis.withSignal('now' as unknown as AbortSignal)).toThrow(
      new TypeError('withSignal takes an AbortSignal, not now'),
    )
  })
})

/** A call of every kind, of a view. */
const CALLS: [string, (view: WithScript<SignalView>) => Promise<unknown>][] = [
  ['a lean command', (view) => view.incr('count')],
  ['a command of ioredis', (view) => view.incr('count', () => {})],
  ['a blocking command', (view) => view.blpop('nothing', 0)],
  ['a script', (view) => view.double('count', 1)],
  ['a pipeline', (view) => view.pipeline().incr('count').incr('count').exec()],
  ['a pipeline of ioredis', (view) => view.pipeline().incr('count').mset({ a: 1 }).exec()],
  ['a transaction', (view) => view.multi().incr('count').exec()],
]
const REASONS = [new Error('enough'), 'text', undefined, null, Object.freeze({ why: 'frozen' })]

describe('on abort', () => {
  it.each(CALLS)('%s rejects with the very reason (SIG-1)', async (_, call) => {
    for (const reason of REASONS) {
      const proxy = await proxyOf(server)
      const redis = await readyClientOf(proxy)
      redis.defineCommand('double', DOUBLE)
      const controller = new AbortController()
      proxy.stall('replies')
      const pending = call(redis.withSignal(controller.signal) as WithScript<SignalView>)
      await nextTurn()
      controller.abort(reason)
      const told = await pending.then(
        () => 'nothing',
        (error: unknown) => error,
      )
      expect(told).toBe(controller.signal.reason)
      expect(listeners(controller.signal)).toBe(0)
      redis.disconnect()
      await proxy.stop()
    }
  })

  it('the entries swallow their replies, the client and other views go on (SIG-1, SIG-3)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy)
    redis.defineCommand('double', DOUBLE)
    const controller = new AbortController()
    const other = redis.withSignal(new AbortController().signal)
    const view = redis.withSignal(controller.signal) as WithScript<SignalView>
    await redis.set('mine', 'value')
    proxy.stall('replies')
    const before = redis.get('mine')
    const given = CALLS.filter(([name]) => name !== 'a blocking command').map(([, call]) =>
      failureOf(call(view)),
    )
    const behind = [redis.get('mine'), other.get('mine'), redis.pipeline().get('mine').exec()]
    await nextTurn()
    controller.abort()
    for (const error of await Promise.all(given)) expect(error).toBe(controller.signal.reason)
    expect(redis.queued.commands).toBeGreaterThan(8)
    proxy.resume('replies')
    expect(await before).toBe('value')
    expect(await Promise.all(behind)).toEqual(['value', 'value', [[null, 'value']]])
    expect(redis.queued.commands).toBe(0)
    // They had been sent.
    expect(Number(await redis.get('count'))).toBeGreaterThan(4)
  })

  it.each(CALLS)('%s called after it rejects at once and is not sent (SIG-2)', async (_, call) => {
    const redis = await readyClientOf(server)
    redis.defineCommand('double', DOUBLE)
    await server.command('CONFIG', 'RESETSTAT')
    const reason = { why: 'late' }
    const view = redis.withSignal(AbortSignal.abort(reason)) as WithScript<SignalView>
    expect(await call(view).catch((error: unknown) => error)).toBe(reason)
    expect(redis.queued).toEqual({ bytes: 0, commands: 0, offline: 0 })
    await redis.ping()
    for (const name of ['incr', 'incrby', 'blpop', 'mset', 'multi', 'eval']) {
      expect(await callsOf(name)).toBe(0)
    }
  })

  it.each(CALLS)('%s that waits for a connection is never sent (SIG-1)', async (_, call) => {
    const gone = await startRedis()
    await gone.kill()
    const redis = clientOf(gone, { maxRetriesPerRequest: null })
    redis.defineCommand('double', DOUBLE)
    const controller = new AbortController()
    const kept = [redis.set('a', '1'), redis.pipeline().set('b', '2').set('c', '3').exec()]
    const pending = call(redis.withSignal(controller.signal) as WithScript<SignalView>)
    const behind = redis.get('a')
    const before = redis.queued.offline
    controller.abort()
    expect(await failureOf(pending)).toBe(controller.signal.reason)
    expect(redis.queued.offline).toBeLessThan(before)
    await gone.restart()
    expect(await Promise.all(kept)).toHaveLength(2)
    expect(await behind).toBe('1')
    expect(await redis.get('count')).toBe(null)
    expect(redis.queued).toEqual({ bytes: 0, commands: 0, offline: 0 })
    await gone.stop()
  })

  it.each(CALLS)('%s is not sent again after a reconnect (SIG-1)', async (_, call) => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy)
    redis.defineCommand('double', DOUBLE)
    const controller = new AbortController()
    // The request is lost: whoever sends it again is seen.
    proxy.stall('requests')
    const pending = call(redis.withSignal(controller.signal) as WithScript<SignalView>)
    const kept = redis.set('kept', '1')
    await nextTurn()
    controller.abort()
    await failureOf(pending)
    proxy.cut()
    await until('reconnects', () => redis.status !== 'ready')
    proxy.resume('requests')
    expect(await kept).toBe('OK')
    expect(await redis.mget('count', 'kept')).toEqual([null, '1'])
  })

  it('ends what waits on the timeout of a signal (SIG-1)', async () => {
    const redis = await readyClientOf(server)
    const view = redis.withSignal(AbortSignal.timeout(20))
    expect(await failureOf(view.blpop('nothing', 0))).toMatchObject({ name: 'TimeoutError' })
  })
})

describe('its cost', () => {
  it('is one listener for all that waits, and none behind the last reply (SIG-3)', async () => {
    const redis = await readyClientOf(server)
    const { signal } = new AbortController()
    const warnings: Error[] = []
    const warn = (warning: Error) => warnings.push(warning)
    process.on('warning', warn)
    for (let round = 0; round < 3; round++) {
      const views = Array.from({ length: 50 }, () => redis.withSignal(signal))
      const pending = views.flatMap((view) => [
        ...Array.from({ length: 100 }, () => view.incr('count')),
        view.mset({ a: 1 }),
        view.pipeline().get('a').exec(),
      ])
      expect(listeners(signal)).toBe(1)
      await Promise.all(pending)
      expect(listeners(signal)).toBe(0)
    }
    process.off('warning', warn)
    expect(warnings).toEqual([])
    expect(await redis.get('count')).toBe('15000')
  })

  it('is nothing once a view is dropped, however long its signal lives (SIG-3)', async () => {
    const redis = await readyClientOf(server)
    const { signal } = new AbortController()
    const collected: number[] = []
    const registry = new FinalizationRegistry<number>((which) => collected.push(which))
    const use = async (which: number): Promise<void> => {
      const view = redis.withSignal(signal)
      registry.register(view, which)
      await view.get('a')
      await view.mget(['a'])
    }
    for (let which = 0; which < 100; which++) await use(which)
    await until('views are collected', () => {
      collectGarbage()
      return collected.length > 90
    })
    expect(listeners(signal)).toBe(0)
  })
})
