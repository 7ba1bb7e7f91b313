import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Context } from '../src/index.ts'
import { atEnd, ENGINES, gate, requestText, serve, until } from './support/serve.ts'

const GET = 'GET /wait HTTP/1.1\r\nhost: a\r\n\r\n'

/** Counts what is made while the test runs. */
function countControllers(): () => number {
  let made = 0
  const Original = globalThis.AbortController
  vi.stubGlobal(
    'AbortController',
    class extends Original {
      constructor() {
        super()
        made++
      }
    },
  )
  return () => made
}

afterEach(() => vi.unstubAllGlobals())

async function aborted(signal: AbortSignal): Promise<{ code: string; name: string }> {
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  }
  return signal.reason as { code: string; name: string }
}

describe.each(ENGINES)('a client that leaves, %s', (engine) => {
  const requests: readonly [what: string, bytes: string | Buffer][] = [
    ['GET', GET],
    ['POST with a read body', requestText('/wait', { method: 'POST', body: 'hello' })],
    [
      'POST with a large read body',
      requestText('/wait', { method: 'POST', body: 'x'.repeat(200_000) }),
    ],
    [
      'POST with a chunked body',
      'POST /wait HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ],
  ]

  test.each(requests)(
    '%s and reset: c.signal fires with CELERIS_CLIENT_ABORTED (C2, Q-9)',
    async (_, bytes) => {
      const started = gate<AbortSignal>()
      const ended = gate<unknown[]>()
      const { connect, app, errors } = await serve(engine, (server) => {
        server.any('/wait', async (c) => {
          await c.bodyText()
          started.open(c.signal)
          const reason = await aborted(c.signal)
          ended.open([reason.code, reason.name, c.aborted])
        })
      })
      const wire = await connect()
      await wire.send(bytes)
      const signal = await started.promise
      expect(signal.aborted).toBe(false)
      wire.reset()
      expect(await ended.promise).toEqual(['CELERIS_CLIENT_ABORTED', 'AbortError', true])
      await until(() => app.collector?.snapshot().aborts === 1)
      expect(errors()).toEqual([])
    },
  )

  test('a signal read first after the disconnect has fired already (C2)', async () => {
    const started = gate()
    const left = gate()
    const ended = gate<unknown>()
    const { connect } = await serve(
      engine,
      (server) => {
        server.get('/wait', async (c) => {
          started.open()
          await left.promise
          await until(() => c.aborted)
          ended.open([c.signal.aborted, (c.signal.reason as { code: string }).code])
        })
      },
      { onDisconnect: () => left.open() },
    )
    const wire = await connect()
    await wire.send(GET)
    await started.promise
    wire.reset()
    expect(await ended.promise).toEqual([true, 'CELERIS_CLIENT_ABORTED'])
  })

  test('late headers, answers and returned values are no-ops, also twice; nothing is unhandled (C1)', async () => {
    const results: unknown[] = []
    const ways: readonly ((c: Context) => unknown)[] = [
      (c) => c.text('late'),
      (c) => c.json({ late: true }),
      (c) => c.html('late'),
      (c) => c.bytes(Uint8Array.of(1)),
      (c) => c.noContent(),
      (c) => c.redirect('/'),
      (c) => c.respond('late'),
      (c) => {
        c.text('once')
        c.text('twice')
      },
      (c) => void c.setHeader('x-a', '1').status(202).setCookie('a', 'b').text('late'),
      () => 'a value',
      (c) => {
        c.text('answered')
        return 'and returned'
      },
      () => undefined,
    ]
    let started = gate()
    let ended = gate()
    const { connect, app, errors } = await serve(engine, (server) => {
      server.get('/wait/:n', async (c) => {
        c.onRelease(() => ended.open())
        started.open()
        await aborted(c.signal)
        try {
          return ways[Number(c.param('n'))]?.(c as unknown as Context) as undefined
        } catch (error) {
          results.push([c.param('n'), error])
          throw error
        }
      })
      server.get('/', () => 'alive')
    })
    for (let n = 0; n < ways.length; n++) {
      started = gate()
      ended = gate()
      const wire = await connect()
      await wire.send(`GET /wait/${n} HTTP/1.1\r\nhost: a\r\n\r\n`)
      await started.promise
      wire.reset()
      await ended.promise
    }
    expect(results).toEqual([])
    expect(errors()).toEqual([])
    expect(app.collector?.snapshot().aborts).toBe(ways.length)
    const wire = await connect()
    expect((await wire.ask('GET / HTTP/1.1\r\nhost: a\r\n\r\n')).text).toBe('alive')
  })

  test('answers to a client that has left give false, others give nothing (A-3)', async () => {
    const started = gate()
    const ended = gate<unknown[]>()
    const { connect, ask } = await serve(engine, (server) => {
      server.get('/wait', async (c) => {
        started.open()
        await aborted(c.signal)
        ended.open([c.text('late'), c.json(1), c.noContent()])
      })
      server.get('/now', (c) => {
        const given = c.text('x')
        c.setHeader('x-given', String(given))
      })
    })
    expect((await ask('/now')).header('x-given')).toBe('undefined')
    const wire = await connect()
    await wire.send(GET)
    await started.promise
    wire.reset()
    expect(await ended.promise).toEqual([false, false, false])
  })

  test('a handler that throws after the client left is logged as what it is, and ends nothing (C1)', async () => {
    const started = gate()
    const ended = gate()
    const { connect, ask } = await serve(engine, (server) => {
      server.onError(async (error) => {
        await turn()
        throw error
      })
      server.get('/wait', async (c) => {
        c.onRelease(() => ended.open())
        started.open()
        await aborted(c.signal)
        throw new Error('gone wrong')
      })
      server.get('/', () => 'alive')
    })
    const wire = await connect()
    await wire.send(GET)
    await started.promise
    wire.reset()
    await ended.promise
    expect((await ask('/')).text).toBe('alive')
  })

  test('reset at every await point of a body reader leaves nothing behind (E6)', async () => {
    let released = 0
    let begun = 0
    const { connect, app, ask } = await serve(engine, (server) => {
      server.post('/:pause', async (c) => {
        begun++
        c.onRelease(() => released++)
        if (c.param('pause') === 'before') await turn()
        const body = c.bodyText()
        if (c.param('pause') === 'between') await turn()
        const text = await body
        await turn()
        c.text(text)
      })
      server.get('/', () => 'alive')
    })
    const heads = ['content-length: 100000', 'transfer-encoding: chunked']
    const pieces = ['', '186a0\r\n', 'x'.repeat(1_000)]
    for (const pause of ['before', 'between', 'after']) {
      for (const head of heads) {
        for (let sent = 0; sent <= pieces.length; sent++) {
          const wire = await connect()
          await wire.send(`POST /${pause} HTTP/1.1\r\nhost: a\r\n${head}\r\n\r\n`)
          for (const piece of pieces.slice(0, sent)) {
            if (piece !== '' && !(head.startsWith('content') && piece.startsWith('186')))
              await wire.send(piece)
          }
          await turn()
          wire.reset()
        }
      }
    }
    await until(() => app.engineInfo().metrics?.active === 0)
    await until(() => begun === released)
    expect(app.collector?.snapshot().active).toBe(0)
    expect((await ask('/')).text).toBe('alive')
  })

  test('FIN only: the signal says CELERIS_CLIENT_HALF_CLOSED and the answer still arrives (Q-9, EOF-1)', async () => {
    const started = gate()
    const { connect } = await serve(engine, (server) => {
      server.get('/wait', async (c) => {
        started.open()
        const { code } = await aborted(c.signal)
        await turn()
        c.json([code, c.aborted])
      })
    })
    const wire = await connect()
    await wire.send(GET)
    await started.promise
    wire.end()
    expect((await wire.answer()).json).toEqual(['CELERIS_CLIENT_HALF_CLOSED', false])
    await wire.rest()
    expect(wire.ending).toBe('end')
  })

  test('every pipelined request of a connection hears of it, in one reason (C2)', async () => {
    const signals: AbortSignal[] = []
    const all = gate()
    const { connect } = await serve(engine, (server) => {
      server.get('/wait', async (c) => {
        if (signals.push(c.signal) === 16) all.open()
        await aborted(c.signal)
      })
    })
    const wire = await connect()
    await wire.send(GET.repeat(16))
    await all.promise
    wire.reset()
    await Promise.all(signals.map(aborted))
    expect(new Set(signals.map(({ reason }) => reason)).size).toBe(1)
  })

  test('a connection that took over the slot is not told of the one before (E6, X-1)', async () => {
    const signals: AbortSignal[] = []
    let started = gate()
    const proceed = gate()
    const { connect } = await serve(engine, (server) => {
      server.get('/wait', async (c) => {
        signals.push(c.signal)
        started.open()
        await proceed.promise
        c.text(`answer ${signals.length}`)
      })
    })
    for (let round = 0; round < 10; round++) {
      started = gate()
      const wire = await connect()
      await wire.send(GET)
      await started.promise
      if (round === 9) {
        await Promise.all(signals.slice(0, 9).map(aborted))
        expect(signals[9]?.aborted).toBe(false)
        proceed.open()
        expect((await wire.answer()).text).toBe('answer 10')
        expect(signals[9]?.aborted).toBe(false)
      } else wire.reset()
    }
  })

  test('no signal after a successful answer, nor when the client leaves then (C2)', async () => {
    const signals: AbortSignal[] = []
    let disconnected = 0
    const { connect } = await serve(
      engine,
      (server) => {
        server.get('/wait', async (c) => {
          signals.push(c.signal)
          await turn()
          c.text('done')
        })
        server.get('/sync', (c) => {
          signals.push(c.signal)
          c.text('done')
        })
      },
      { onDisconnect: () => void disconnected++ },
    )
    for (const how of ['reset', 'end', 'close'] as const) {
      const wire = await connect()
      for (const path of ['/wait', '/sync'])
        expect((await wire.ask(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`)).text).toBe('done')
      await wire[how]()
    }
    await until(() => disconnected === 3)
    await turn()
    expect(signals.map(({ aborted: fired }) => fired)).toEqual(new Array(6).fill(false))
  })

  test('close() that runs out of time: CELERIS_SERVER_CUT (Q-9, L-9)', async () => {
    const started = gate()
    const ended = gate<string>()
    const { connect, app } = await serve(engine, (server) => {
      server.get('/wait', async (c) => {
        started.open()
        ended.open((await aborted(c.signal)).code)
      })
    })
    const wire = await connect()
    await wire.send(GET)
    await started.promise
    const report = await app.close({ timeoutMs: 20 })
    expect(await ended.promise).toBe('CELERIS_SERVER_CUT')
    expect(report.cut).toBe(1)
    await wire.rest()
    expect(wire.ending).toBe('reset')
  })
})

// Without a socket the web Request of the caller makes one, whatever we do.
describe.each(ENGINES)('the signal, %s', (subject) => {
  test('is made when it is read, one per request, and costs nothing else (C4)', async () => {
    const { ask, app } = await serve(subject, (server) => {
      server.get('/sync', () => 'x')
      server.get('/late', async (c) => {
        await turn()
        c.text('x')
      })
      server.post('/body', async (c) => c.text(await c.bodyText()))
      server.get('/read', async (c) => {
        const { signal } = c
        await turn()
        c.text(String(signal === c.signal))
      })
    })
    const made = countControllers()
    const before = made()
    for (let i = 0; i < 5; i++) {
      await ask('/sync')
      await ask('/late')
      await ask('/body', { method: 'POST', body: 'b' })
      await ask('/missing')
    }
    expect(made() - before).toBe(0)
    expect((await ask('/read')).text).toBe('true')
    expect(made() - before).toBe(1)
    expect(app.collector?.snapshot().requests).toBeGreaterThanOrEqual(21)
  })
})

test('app.request() with a signal: the handler hears of it, the caller gets the reason (C2, X-4)', async () => {
  const started = gate()
  const heard = gate<string>()
  const { app } = await serve('request', (server) => {
    server.get('/', async (c) => {
      started.open()
      heard.open((await aborted(c.signal)).code)
    })
  })
  const controller = new AbortController()
  const answer = app.request('/', { signal: controller.signal })
  atEnd(() => answer.catch(() => undefined))
  await started.promise
  const reason = new Error('enough')
  controller.abort(reason)
  await expect(answer).rejects.toBe(reason)
  expect(await heard.promise).toBe('CELERIS_CLIENT_ABORTED')
  await expect(app.request('/', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
