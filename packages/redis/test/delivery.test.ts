// What becomes of commands when the connection goes, and what their errors say, and do not say.
import { inspect } from 'node:util'
import { type RedisServer, startRedis, until } from '@celeris/test-support'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import Redis, { type RedisOptions } from '../src/index.ts'
import { clientOf, type Failure, failureOf, proxyOf, readyClientOf } from './faults-support.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.command('FLUSHALL')
})

const ABORTED = 'Command aborted due to connection close'
const CLOSED = 'Connection is closed.'

/** Calls of every kind that count once each. */
const CALLS: [string, (redis: Redis) => Promise<unknown>][] = [
  ['a lean command', (redis) => redis.incr('count')],
  ['a command of ioredis', (redis) => redis.incr('count', () => {})],
  ['a pipeline', (redis) => redis.pipeline().incr('count').exec()],
  [
    'a pipeline of ioredis',
    (redis) =>
      redis
        .pipeline()
        .incr('count', () => {})
        .exec(),
  ],
  ['a transaction', (redis) => redis.multi().incr('count').exec()],
]

/** The error of a call, or of the one command of a pipeline. */
const errorOf = (call: Promise<unknown>): Promise<Failure> =>
  call.then(
    (result) => (result as [Failure][])[0]?.[0] as Failure,
    (error: Failure) => error,
  )

describe('a command whose reply is lost', () => {
  it.each(CALLS)('is sent again by default, %s too: it counts twice (DELIV-2)', async (_, call) => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy)
    proxy.stall('replies')
    const pending = call(redis)
    await until('it ran', async () => (await server.command('GET', 'count')) === '1')
    proxy.cut()
    proxy.resume('replies')
    expect(JSON.stringify(await pending)).toContain('2')
    expect(await server.command('GET', 'count')).toBe('2')
  })

  it.each(CALLS)('is never sent again if that is off, %s neither (DELIV-3)', async (_, call) => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { autoResendUnfulfilledCommands: false })
    proxy.stall('replies')
    const pending = call(redis)
    await until('it ran', async () => (await server.command('GET', 'count')) === '1')
    proxy.cut()
    proxy.resume('replies')
    const error = await errorOf(pending)
    expect(error).toMatchObject({ name: 'AbortError', message: ABORTED, mayHaveRun: true })
    expect(await redis.get('count')).toBe('1')
  })

  it('says that it did not run if its bytes never left (DELIV-3, DELIV-5)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { autoResendUnfulfilledCommands: false })
    // The kernel takes no more: what is called now waits in the client.
    proxy.stall('requests')
    const large = errorOf(redis.set('large', Buffer.alloc(32 * 1024 * 1024)))
    await until('the socket is full', () => redis.stream.writableLength > 0)
    const lean = errorOf(redis.incr('count'))
    const stock = errorOf(redis.mset({ count: '1' }))
    const pipeline = errorOf(redis.pipeline().incr('count').exec())
    proxy.cut()
    proxy.resume('requests')
    expect(await large).toMatchObject({ message: ABORTED, mayHaveRun: true })
    for (const error of await Promise.all([lean, stock, pipeline])) {
      expect(error).toMatchObject({ message: ABORTED, mayHaveRun: false })
    }
    expect(await redis.exists('count', 'large')).toBe(0)
  })

  it.each([true, false])(
    'of a broken stream says what is true (resend: %s) (DELIV-5, REPLY-10)',
    async (resend) => {
      const proxy = await proxyOf(server)
      const redis = await readyClientOf(proxy, { autoResendUnfulfilledCommands: resend })
      proxy.stall('replies')
      const sent = errorOf(redis.incr('sent'))
      await until('sent', async () => (await server.command('GET', 'sent')) === '1')
      proxy.resume('replies')
      // Called, but not written when the peer turns out to be broken.
      const unsent = errorOf(redis.incr('unsent'))
      redis.stream.emit('data', Buffer.from('?\r\n'))
      expect(await sent).toMatchObject({ mayHaveRun: true })
      expect(await unsent).toMatchObject({ mayHaveRun: false })
      expect(await redis.get('unsent')).toBe(null)
    },
  )
})

describe('nothing stays pending', () => {
  it('of what was written before the connection was ready (DELIV-1)', async () => {
    const proxy = await proxyOf(server)
    proxy.stall('replies')
    const redis = clientOf(proxy, { db: 2, maxRetriesPerRequest: null })
    const errors: Error[] = []
    redis.on('error', (error) => errors.push(error))
    await new Promise((resolve) => redis.once('connect', resolve))
    const info = failureOf(redis.info())
    const waiting = redis.set('waiting', '1')
    proxy.end()
    expect(await info).toMatchObject({ message: ABORTED, mayHaveRun: true })
    proxy.resume('replies')
    expect(await waiting).toBe('OK')
    // Nobody hears of the commands of that handshake.
    expect(errors.filter(({ message }) => message === ABORTED)).toEqual([])
  })

  it('when disconnect() comes while it waits to connect again (DELIV-1, SAME-13)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, {
      retryStrategy: () => 60_000,
      maxRetriesPerRequest: null,
    })
    const ended = vi.fn()
    redis.once('end', ended)
    proxy.stall('replies')
    const inFlight = failureOf(redis.incr('count'))
    await until('it ran', async () => (await server.command('GET', 'count')) === '1')
    proxy.cut()
    await until('it waits', () => redis.status === 'reconnecting')
    const offline = [failureOf(redis.get('a')), failureOf(redis.mset({ a: '1' }))]
    redis.disconnect()
    expect(await inFlight).toMatchObject({ message: CLOSED, mayHaveRun: true })
    for (const failure of await Promise.all(offline)) {
      expect(failure).toMatchObject({ message: CLOSED, mayHaveRun: false })
    }
    expect(await failureOf(redis.get('a'))).toMatchObject({ message: CLOSED, state: 'end' })
    await until('ended', () => ended.mock.calls.length === 1)
    proxy.resume('replies')
    await redis.connect()
    expect(await redis.get('count')).toBe('1')
  })

  it('when quit() comes while it waits to connect again (DELIV-1, SAME-13)', async () => {
    const gone = await startRedis()
    const redis = await readyClientOf(gone, { retryStrategy: () => 60_000 })
    await gone.stop()
    await until('it waits', () => redis.status === 'reconnecting')
    expect(await redis.quit()).toBe('OK')
    expect(await failureOf(redis.get('a'))).toMatchObject({ message: CLOSED })
  })

  it('when the client gives up before it is ready again (DELIV-1)', async () => {
    const proxy = await proxyOf(server)
    let attempts = 0
    const redis = await readyClientOf(proxy, {
      retryStrategy: () => (++attempts < 2 ? 10 : null),
      maxRetriesPerRequest: null,
    })
    proxy.stall('replies')
    const pending = [failureOf(redis.incr('count')), failureOf(redis.mset({ a: '1' }))]
    redis.flush()
    proxy.cut()
    // The next connection ends in its handshake.
    await until('connects', () => attempts === 1 && redis.status === 'connect')
    proxy.cut()
    for (const failure of await Promise.all(pending)) expect(failure.message).toBe(CLOSED)
    expect(redis.status).toBe('end')
  })

  it('when the retries of a request are used up before it is ready again (DELIV-1, SAME-12)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { maxRetriesPerRequest: 1 })
    proxy.stall('replies')
    const pending = [failureOf(redis.incr('count')), failureOf(redis.mset({ a: '1' }))]
    redis.flush()
    proxy.cut()
    await until('connects', () => proxy.connections === 2 && redis.status === 'connect')
    proxy.cut()
    for (const failure of await Promise.all(pending)) {
      expect(failure.name).toBe('MaxRetriesPerRequestError')
    }
    proxy.resume('replies')
  })

  it('of a blocking command (DELIV-1)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy)
    const popped = redis.blpop('list', 0)
    await until('it blocks', async () =>
      `${await server.command('INFO')}`.includes('blocked_clients:1'),
    )
    proxy.cut()
    await until('it blocks again', async () => {
      const info = `${await server.command('INFO')}`
      return proxy.connections === 2 && info.includes('blocked_clients:1')
    })
    await server.command('RPUSH', 'list', 'x')
    expect(await popped).toEqual(['list', 'x'])
    const again = failureOf(redis.blpop('list', 0))
    redis.flush()
    redis.disconnect()
    expect(await again).toMatchObject({ message: CLOSED, mayHaveRun: true })
  })
})

describe('an error', () => {
  it('is one of its own, with the reason of the lost connection (DELIV-4)', async () => {
    const gone = await startRedis()
    await gone.kill()
    const redis = clientOf(gone, { maxRetriesPerRequest: 2 })
    const [lean, stock] = await Promise.all([
      failureOf(redis.get('key')),
      failureOf(redis.mset({ key: '1' })),
    ])
    expect(lean).not.toBe(stock)
    for (const [failure, name] of [
      [lean, 'get'],
      [stock, 'mset'],
    ] as const) {
      expect(failure).toBeInstanceOf(Error)
      expect(inspect(failure)).toMatch(/^MaxRetriesPerRequestError: Reached the max retries/)
      expect(failure).toMatchObject({
        name: 'MaxRetriesPerRequestError',
        message: expect.stringMatching(/^Reached the max retries per request limit \(which is 2\)/),
        command: { name },
        address: `${gone.host}:${gone.port}`,
        state: 'reconnecting',
        attempts: 3,
        mayHaveRun: false,
        cause: { code: 'ECONNREFUSED' },
      })
    }
    await gone.stop()
  })

  it('has a server that closes as its reason (DELIV-4)', async () => {
    const proxy = await proxyOf(server)
    const redis = await readyClientOf(proxy, { retryStrategy: () => null })
    const pending = failureOf(redis.blpop('nothing', 0))
    redis.flush()
    proxy.end()
    expect(await pending).toMatchObject({
      message: CLOSED,
      state: 'end',
      mayHaveRun: true,
      cause: { message: 'The server closed the connection.' },
    })
  })

  it('has no reason if the client was closed on purpose (DELIV-4)', async () => {
    const redis = await readyClientOf(server)
    const pending = failureOf(redis.blpop('nothing', 0))
    redis.disconnect()
    expect((await pending).cause).toBe(undefined)
  })
})

describe('arguments and passwords', () => {
  const SECRET = 'S3cr3t-of-the-user'

  /** What a logger makes of an error. */
  function printed(error: Failure): string {
    const enumerable: unknown[] = []
    for (const key in error) enumerable.push(key, error[key as keyof Failure])
    const shown = inspect([error, { ...error }, enumerable], { depth: 20, showHidden: false })
    return [shown, JSON.stringify(error), `${error}`, error.stack, error.message].join('\n')
  }

  const FAILURES: [string, RedisOptions, (redis: Redis) => Promise<Failure>][] = [
    ['of the server', {}, (redis) => errorOf(redis.call('incr', SECRET, SECRET))],
    [
      'of a transaction',
      {},
      (redis) =>
        errorOf(
          redis.multi().set('a', SECRET).incrby('a', 'x').call('incr', SECRET, SECRET).exec(),
        ),
    ],
    [
      'of a script',
      {},
      (redis) => errorOf(redis.eval('return redis.call("incr", "a", "b")', 0, SECRET)),
    ],
    [
      'of a lost connection',
      { autoResendUnfulfilledCommands: false },
      (redis) => {
        const error = errorOf(redis.set(SECRET, SECRET))
        redis.flush()
        redis.stream.destroy(new Error('lost'))
        return error
      },
    ],
    [
      'of an interrupted pipeline',
      {},
      async (redis) => {
        const results = redis.pipeline().ping().blpop(SECRET, 0).set(SECRET, SECRET).exec()
        await redis.client('ID').catch(() => {})
        return (await results)?.[1]?.[0] as Failure
      },
    ],
    [
      'of a closed client',
      {},
      (redis) => {
        const error = errorOf(redis.blpop(SECRET, 0))
        redis.disconnect()
        return error
      },
    ],
    ['of a timeout', { commandTimeout: 20 }, (redis) => errorOf(redis.blpop(SECRET, 0))],
    [
      'of a full queue',
      { maxQueuedCommands: 1 },
      (redis) => {
        redis.blpop('nothing', 0).catch(() => {})
        return errorOf(redis.set(SECRET, SECRET))
      },
    ],
    [
      'of a client without an offline queue',
      { enableOfflineQueue: false },
      (redis) => {
        redis.stream.destroy()
        return errorOf(redis.set(SECRET, SECRET))
      },
    ],
  ]
  it.each(FAILURES)('are in no error %s (DELIV-6)', async (what, options, fail) => {
    const redis = await readyClientOf(server, options)
    if (what === 'of an interrupted pipeline') {
      void until('it blocks', () => redis.queued.commands > 0).then(() =>
        setTimeout(() => redis.stream.destroy(), 50),
      )
    }
    const error = await fail(redis)
    expect(error).toBeInstanceOf(Error)
    expect(printed(error)).not.toContain(SECRET)
    expect(Object.keys(error)).not.toContain('command')
  })

  it('of a connection that is refused are nowhere (DELIV-6)', async () => {
    const guarded = await startRedis({ requirepass: 'right' })
    onTestFinished(() => guarded.stop())
    const consoles = (['error', 'warn', 'log'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation(() => {}),
    )
    onTestFinished(() => {
      for (const spy of consoles) spy.mockRestore()
    })
    const { host, port } = guarded
    for (const url of [
      `redis://:${SECRET}@${host}:${port}`,
      `redis://user:${SECRET}@${host}:${port}`,
    ]) {
      const redis = new Redis(url, { retryStrategy: () => null } as object)
      const failure = await failureOf(redis.get('a'))
      expect(failure.message).toMatch(/^WRONGPASS|Connection is closed/)
      expect(printed(failure)).not.toContain(SECRET)
      await until('it ended', () => redis.status === 'end')
    }
    const said = consoles.flatMap((spy) => spy.mock.calls)
    expect(said.length).toBeGreaterThan(0)
    expect(inspect(said, { depth: 20 })).not.toContain(SECRET)
  })
})

describe('the database', () => {
  it('of a command is the one selected before it, also while the client reconnects (SAME-9)', async () => {
    const other = await startRedis()
    onTestFinished(() => other.stop())
    const redis = await readyClientOf(other, { db: 1, maxRetriesPerRequest: null })
    await redis.select(2)
    other.pause()
    const inFlight = redis.incr('count')
    redis.flush()
    await other.kill()
    await until('it failed to connect', () => redis.status === 'reconnecting')
    let attempts = 0
    redis.on('reconnecting', () => attempts++)
    const waiting = [redis.set('in', '2'), redis.pipeline().set('piped', '2').exec()]
    await until('it tried again', () => attempts > 1)
    waiting.push(redis.set('still in', '2'), redis.select(3), redis.set('in', '3'))
    const seen = attempts
    await until('it tried again', () => attempts > seen + 1)
    waiting.push(redis.set('still in', '3'), redis.multi().set('transaction in', '3').exec())
    await other.restart()
    await Promise.all(waiting)
    // The last that was selected, after all that waited.
    expect(await redis.mget('in', 'still in', 'transaction in')).toEqual(['3', '3', '3'])
    expect(await redis.client('INFO')).toContain(' db=3 ')
    const reader = await readyClientOf(other, { db: 2 })
    expect(await reader.mget('in', 'piped', 'still in', 'count')).toEqual(['2', '2', '2', '1'])
    expect(await inFlight).toBe(1)
  })

  it('selected before the first connection is there stays (SAME-9)', async () => {
    const other = await startRedis()
    onTestFinished(() => other.stop())
    await other.kill()
    const redis = clientOf(other, { maxRetriesPerRequest: null })
    const selected = redis.select(4)
    let attempts = 0
    redis.on('reconnecting', () => attempts++)
    await until('it tried again', () => attempts > 1)
    const set = redis.set('in', '4')
    await other.restart()
    await Promise.all([selected, set])
    expect(await redis.client('INFO')).toContain(' db=4 ')
    expect(await redis.get('in')).toBe('4')
  })
})
