import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { DURATION_BUCKETS_SEC, type Handler, type MetricsSnapshot, Server } from '../src/index.ts'
import { ENGINES, EVERYWHERE, gate, recorder, requestText, serve, until } from './support/serve.ts'

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)

function snapshotOf(app: Server): MetricsSnapshot {
  if (app.collector === null) throw new Error('no collector')
  return app.collector.snapshot()
}

/** Samples of the Prometheus text format 0.0.4, checked line by line. */
function parsePrometheus(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  const described = new Set<string>()
  expect(text.endsWith('\n')).toBe(true)
  for (const line of text.slice(0, -1).split('\n')) {
    const meta = /^# (HELP|TYPE) ([a-z_][a-z0-9_]*) (.+)$/.exec(line)
    if (meta !== null) {
      const key = `${meta[1]} ${meta[2]}`
      expect(described).not.toContain(key)
      described.add(key)
      if (meta[1] === 'TYPE') expect(['counter', 'gauge', 'histogram']).toContain(meta[3])
      continue
    }
    const sample = /^([a-z_][a-z0-9_]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)$/.exec(
      line,
    )
    if (sample === null) throw new Error(`no sample: ${line}`)
    const [, name, labels = '', value] = sample as unknown as [string, string, string, string]
    const base = name.replace(/_(bucket|sum|count)$/, '')
    expect(described.has(`TYPE ${name}`) || described.has(`TYPE ${base}`)).toBe(true)
    expect(samples.has(name + labels)).toBe(false)
    expect(Number.isFinite(Number(value))).toBe(true)
    samples.set(name + labels, Number(value))
  }
  return samples
}

test('the collector is there from the constructor on, null only when it is disabled (M-1, M-2)', () => {
  expect(new Server({ disableMetrics: true }).collector).toBeNull()
  for (const config of [{}, { disableMetrics: false }, { disableMetrics: undefined }]) {
    const app = new Server(config)
    const snapshot = snapshotOf(app)
    expect(snapshot).toMatchObject({
      requests: 0,
      active: 0,
      byClass: [0, 0, 0, 0, 0, 0],
      durationSumSec: 0,
      aborts: 0,
      cpuRatio: -1,
      engine: null,
    })
    expect(sum(snapshot.durations)).toBe(0)
    expect(snapshot.durations).toHaveLength(DURATION_BUCKETS_SEC.length + 1)
    expect(
      parsePrometheus(app.collector?.prometheus() as string).get('celeris_requests_active'),
    ).toBe(0)
  }
})

test('a snapshot is a frozen copy (M-2)', async () => {
  const { app, ask } = await serve('request', (server) => server.get('/', () => 'x'))
  await ask('/')
  const before = snapshotOf(app)
  await ask('/')
  expect(before.requests).toBe(1)
  for (const part of [before, before.byClass, before.durations])
    expect(Object.isFrozen(part)).toBe(true)
})

describe.each(EVERYWHERE)('counting requests, %s', (subject) => {
  test('classes and durations add up to what was answered (M-1, M-2)', async () => {
    const { app, ask } = await serve(subject, (server) => {
      server.use('/mw', (c, next) => {
        c.setHeader('x', '1')
        return next()
      })
      server.get('/sync', () => 'x')
      server.get('/mw/sync', () => 'x')
      server.get('/late', async (c) => {
        await turn()
        c.noContent()
      })
      server.get('/moved', (c) => c.redirect('/sync'))
      server.get('/bad', () => {
        throw Object.assign(new Error('bad'), { status: 400 })
      })
      server.get('/error', () => {
        throw new Error('x')
      })
      server.get('/error-late', async () => {
        await turn()
        throw new Error('x')
      })
      server.get('/none', () => undefined)
      server.post('/body', async (c) => c.text(await c.bodyText()))
      server.post('/unread', (c) => c.text('x'))
    })
    const table: [string, number, object?][] = [
      ['/sync', 2],
      ['/mw/sync', 2],
      ['/late', 2],
      ['/moved', 3],
      ['/bad', 4],
      ['/missing', 4],
      ['/error', 5],
      ['/error-late', 5],
      ['/none', 5],
      ['/body', 2, { method: 'POST', body: 'b' }],
      ['/unread', 2, { method: 'POST', body: 'b'.repeat(100_000) }],
      ['/body', 4],
    ]
    const expected = [0, 0, 0, 0, 0, 0]
    let requests = 0
    for (let round = 0; round < 5; round++) {
      for (const [path, kind, how] of table) {
        const answer = await ask(path, how ?? {})
        expect(Math.floor(answer.status / 100)).toBe(kind)
        expected[kind] = (expected[kind] as number) + 1
        requests++
        const snapshot = snapshotOf(app)
        expect(snapshot.byClass).toEqual(expected)
        expect(snapshot.requests).toBe(requests)
        expect([path, sum(snapshot.durations)]).toEqual([path, requests])
        expect(snapshot.active).toBe(0)
      }
    }
    const { durationSumSec } = snapshotOf(app)
    expect(durationSumSec).toBeGreaterThan(0)
    expect(durationSumSec).toBeLessThan(60)
    const samples = parsePrometheus(app.collector?.prometheus() as string)
    expect(samples.get('celeris_requests_total{class="2xx"}')).toBe(expected[2])
    expect(samples.get('celeris_requests_total{class="5xx"}')).toBe(expected[5])
    expect(samples.get('celeris_request_duration_seconds_bucket{le="+Inf"}')).toBe(requests)
    expect(samples.get('celeris_request_duration_seconds_count')).toBe(requests)
    let below = 0
    for (const bound of DURATION_BUCKETS_SEC) {
      const count = samples.get(`celeris_request_duration_seconds_bucket{le="${bound}"}`) as number
      expect(count).toBeGreaterThanOrEqual(below)
      below = count
    }
  })

  test('active counts what runs (M-1)', async () => {
    const proceed = gate()
    let running = 0
    const { app, ask } = await serve(subject, (server) => {
      server.get('/', async (c) => {
        running++
        await proceed.promise
        c.text('x')
      })
    })
    const answers = [ask('/'), ask('/'), ask('/')]
    await until(() => running === 3)
    await turn()
    expect(snapshotOf(app).active).toBe(3)
    proceed.open()
    await Promise.all(answers)
    expect(snapshotOf(app).active).toBe(0)
  })

  test('a long wait lands in the bucket of its length (M-2)', async () => {
    const { app, ask } = await serve(subject, (server) => {
      server.get('/', async (c) => {
        const start = performance.now()
        while (performance.now() - start < 12) await turn()
        c.text('x')
      })
    })
    await ask('/')
    const { durations, durationSumSec } = snapshotOf(app)
    expect(durationSumSec).toBeGreaterThanOrEqual(0.011)
    expect(sum(durations.slice(0, 3))).toBe(0)
  })

  test('counters of middleware are printed under its name (M-3)', async () => {
    const { app } = await serve(subject, (server) => {
      const limiter: Handler = (_c, next) => next()
      Object.defineProperty(limiter, 'name', { value: 'rateLimit' })
      Object.assign(limiter, { metrics: { allowed: 5, 'not-allowed': 2, text: 'no number' } })
      server.use(limiter)
      server.group('/g', limiter).get('/', limiter, () => 'x')
    })
    if (subject === 'request') await app.request('/')
    const samples = parsePrometheus(app.collector?.prometheus() as string)
    expect(samples.get('celeris_ratelimit_allowed')).toBe(5)
    expect(samples.get('celeris_ratelimit_not_allowed')).toBe(2)
    expect([...samples.keys()].filter((name) => name.includes('text'))).toEqual([])
  })
})

describe.each(ENGINES)('counting connections, %s', (engine) => {
  test('every name of the list is there, with the engine’s numbers (M-1)', async () => {
    const { app, connect } = await serve(engine, (server) => server.get('/', () => 'hello'))
    const wire = await connect()
    for (let i = 0; i < 3; i++) await wire.ask('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    const bad = await connect()
    await bad.send('GET / HTTP/1.1\r\nhost: a\r\nbad header: x\r\n\r\n')
    expect((await bad.answer()).status).toBe(400)
    await bad.close()
    await until(() => snapshotOf(app).engine?.closed === 1)
    const samples = parsePrometheus(app.collector?.prometheus() as string)
    const expected: Record<string, number> = {
      'celeris_requests_total{class="2xx"}': 3,
      'celeris_protocol_errors_total{status="400"}': 1,
      celeris_connections_active: 1,
      celeris_connections_accepted_total: 2,
      celeris_connections_closed_total: 1,
      celeris_client_aborts_total: 0,
      celeris_engine_switches_total: 0,
      [`celeris_engine_info{type="${engine}",tier=""}`]: 1,
    }
    for (const [name, value] of Object.entries(expected))
      expect([name, samples.get(name)]).toEqual([name, value])
    for (const kind of ['header', 'body', 'write', 'idle'])
      expect(samples.get(`celeris_timeouts_total{kind="${kind}"}`)).toBe(0)
    for (const name of [
      'read_bytes_total',
      'written_bytes_total',
      'workers',
      'process_cpu_ratio',
      'loop_busy_ratio',
    ])
      expect(samples.has(`celeris_${name}`)).toBe(true)
    expect(samples.get('celeris_read_bytes_total')).toBeGreaterThan(90)
    expect(samples.get('celeris_written_bytes_total')).toBeGreaterThan(300)
  })

  test('an abort is counted once and is no class (M-1, C1)', async () => {
    const started = gate()
    const { app, connect } = await serve(engine, (server) => {
      server.get('/', async (c) => {
        started.open()
        await until(() => c.aborted)
        c.text('late', 201)
      })
    })
    const wire = await connect()
    await wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await started.promise
    wire.reset()
    await until(() => snapshotOf(app).aborts === 1)
    const snapshot = snapshotOf(app)
    expect([snapshot.requests, sum(snapshot.byClass), snapshot.active]).toEqual([1, 0, 0])
    expect(
      parsePrometheus(app.collector?.prometheus() as string).get('celeris_client_aborts_total'),
    ).toBe(1)
  })

  test('reading never throws, in any state (M-2)', async () => {
    const { app } = await serve(engine, (server) => server.get('/', () => 'x'))
    await app.close({ timeoutMs: 0 })
    expect(snapshotOf(app).engine?.active).toBe(0)
    expect(app.collector?.prometheus()).toContain('celeris_requests_total')
    expect(app.engineInfo().metrics?.active).toBe(0)
  })
})

describe.each(ENGINES)('the configuration is really applied, %s', (engine) => {
  const get = (path: string, ...lines: string[]): string =>
    [`GET ${path} HTTP/1.1`, 'host: a', ...lines, '', ''].join('\r\n')

  test('maxHeaderBytes and maxHeaders: 431 beyond, served up to (K-2)', async () => {
    const { connect } = await serve(engine, (app) => app.get('/', () => 'x'), {
      maxHeaderBytes: 4_096,
      maxHeaders: 5,
    })
    const status = async (text: string): Promise<number> => {
      const wire = await connect()
      const answer = await wire.ask(text)
      await wire.close()
      return answer.status
    }
    expect(await status(get('/', `x: ${'v'.repeat(3_000)}`))).toBe(200)
    expect(await status(get('/', `x: ${'v'.repeat(5_000)}`))).toBe(431)
    const lines = (count: number): string[] => Array.from({ length: count }, (_, n) => `x-${n}: v`)
    expect(await status(get('/', ...lines(4)))).toBe(200)
    expect(await status(get('/', ...lines(5)))).toBe(431)
  })

  test('maxRequestBodySize: 413 for announced and for chunked bodies (K-2)', async () => {
    const { connect } = await serve(
      engine,
      (app) => app.post('/', async (c) => c.text(await c.bodyText())),
      {
        maxRequestBodySize: 10,
      },
    )
    const first = await connect()
    await first.send(requestText('/', { method: 'POST', body: 'x'.repeat(10) }))
    expect((await first.answer()).status).toBe(200)
    await first.send(requestText('/', { method: 'POST', body: 'x'.repeat(11) }))
    expect((await first.answer()).status).toBe(413)
    const second = await connect()
    await second.send(
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nb\r\nxxxxxxxxxxx\r\n0\r\n\r\n',
    )
    expect((await second.answer()).status).toBe(413)
  })

  test('bufferedBodySize: a larger body finds its handler running (K-2, BODY-3)', async () => {
    const started: string[] = []
    const proceed = gate()
    const { connect } = await serve(
      engine,
      (app) => {
        app.post('/:n', async (c) => {
          started.push(c.param('n'))
          if (c.param('n') === 'large') proceed.open()
          c.text(String((await c.bodyBytes()).length))
        })
      },
      { bufferedBodySize: 100 },
    )
    const small = await connect()
    await small.send('POST /small HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n')
    const large = await connect()
    await large.send('POST /large HTTP/1.1\r\nhost: a\r\ncontent-length: 101\r\n\r\n')
    await proceed.promise
    expect(started).toEqual(['large'])
    await large.send('x'.repeat(101))
    expect((await large.answer()).text).toBe('101')
    await small.send('x'.repeat(100))
    expect((await small.answer()).text).toBe('100')
  })

  test('disableKeepAlive closes after one answer (K-2)', async () => {
    const { connect } = await serve(engine, (app) => app.get('/', () => 'x'), {
      disableKeepAlive: true,
    })
    const wire = await connect()
    expect((await wire.ask(get('/'))).header('connection')).toBe('close')
    await wire.rest()
    expect(wire.ending).toBe('end')
  })

  test('maxConnections: an idle one makes room (K-2)', async () => {
    const { connect, app } = await serve(engine, (server) => server.get('/', () => 'x'), {
      maxConnections: 2,
    })
    const first = await connect()
    expect((await first.ask(get('/'))).status).toBe(200)
    const second = await connect()
    expect((await second.ask(get('/'))).status).toBe(200)
    const third = await connect()
    expect((await third.ask(get('/'))).status).toBe(200)
    // Idle times are compared in milliseconds: those of the two may be the same.
    await Promise.race([first.rest(), second.rest()])
    expect(snapshotOf(app).engine?.active).toBe(2)
  })

  test('readHeaderTimeoutMs and idleTimeoutMs end a connection (K-2)', async () => {
    const { connect, app } = await serve(engine, (server) => server.get('/', () => 'x'), {
      readHeaderTimeoutMs: 30,
      idleTimeoutMs: 30,
    })
    const slow = await connect()
    await slow.send('GET / HTTP/1.1\r\nhost:')
    expect((await slow.answer()).status).toBe(408)
    const idle = await connect()
    expect((await idle.ask(get('/'))).status).toBe(200)
    await idle.rest()
    expect(snapshotOf(app).engine).toMatchObject({ timeoutsHeader: 1, timeoutsIdle: 1 })
  })

  test('onConnect and onDisconnect hear of every connection, with its peer (K-2)', async () => {
    const events: [string, number][] = []
    const { connect } = await serve(engine, (app) => app.get('/', () => 'x'), {
      onConnect: ({ port }) => {
        events.push(['open', port])
        throw new Error('ignored')
      },
      onDisconnect: ({ port }) => void events.push(['close', port]),
    })
    const wire = await connect()
    const port = wire.socket.localPort as number
    expect((await wire.ask(get('/'))).text).toBe('x')
    await wire.close()
    await until(() => events.length === 2)
    expect(events).toEqual([
      ['open', port],
      ['close', port],
    ])
  })

  test('a logger that throws is ignored (E-2)', async () => {
    const { logger } = recorder()
    const broken = new Proxy(logger, {
      get: () => () => {
        throw new Error('logger')
      },
    })
    const { ask } = await serve(
      engine,
      (app) =>
        app.get('/', () => {
          throw new Error('x')
        }),
      { logger: broken },
    )
    expect((await ask('/')).status).toBe(500)
  })

  test('what is logged of a failure has no header, query, cookie or body (E-2)', async () => {
    const { ask, log } = await serve(engine, (app) => {
      app.post('/:id', () => {
        throw new Error('cause')
      })
    })
    await ask('/1?secret=query', {
      method: 'POST',
      body: 'secret body',
      headers: [
        ['cookie', 'secret=1'],
        ['authorization', 'secret'],
      ],
    })
    const line = log.find(({ level }) => level === 'error')
    expect(line?.facts).toMatchObject({
      method: 'POST',
      route: '/:id',
      requestId: expect.any(String),
    })
    expect(line?.facts.error).toMatchObject({ message: 'cause' })
    expect(JSON.stringify(log)).not.toContain('secret')
  })
})
