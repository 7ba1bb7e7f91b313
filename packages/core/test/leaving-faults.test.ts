// Answers in parts, hijack and detach where something goes wrong at an unusual moment.
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { type AddressInfo, connect as connectTo, createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Context } from '../src/index.ts'
import { conclude, successor } from '../src/successor.ts'
import { atEnd, ENGINES, EVERYWHERE, gate, serve, until } from './support/serve.ts'

const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error)

/** Makes the head of a stream wait. */
function slowHead(c: Context): void {
  c.beforeSend(async () => {
    await turn()
  })
}

describe.each(ENGINES)('answers in parts that end at an unusual moment, %s', (engine) => {
  test('a stated length that does not come true cuts the connection, whoever produces (RES-6)', async () => {
    const { connect, app } = await serve(engine, (app) => {
      app.get('/end-only', (c) => c.setHeader('content-length', 5).writer().end())
      app.get('/short-behind-hook', (c) => {
        slowHead(c)
        const writer = c.setHeader('content-length', 5).writer()
        writer.write('ab')
        writer.end()
      })
      app.get('/long-behind-hook', (c) => {
        slowHead(c)
        const writer = c.setHeader('content-length', 1).writer()
        writer.write('ab')
        writer.end()
      })
      app.get('/empty-source', (c) => c.setHeader('content-length', 5).stream([]))
      app.get('/short-response', (c) => {
        c.setHeader('content-length', 50)
        return new Response('hello world')
      })
      app.get('/long-response', (c) => {
        c.setHeader('content-length', 3)
        return new Response('hello world')
      })
      app.get('/next', () => 'next')
    })
    for (const path of [
      '/end-only',
      '/short-behind-hook',
      '/long-behind-hook',
      '/empty-source',
      '/short-response',
      '/long-response',
    ]) {
      const wire = await connect()
      await wire.send(GET(path) + GET('/next'))
      wire.end()
      const rest = await wire.rest()
      const length = Number(/content-length: (\d+)/.exec(rest)?.[1] ?? -1)
      const body = rest.slice(rest.indexOf('\r\n\r\n') + 4)
      // Cut, or refused with an answer of its own: never more or other bytes than the head says.
      if (rest.startsWith('HTTP/1.1 200'))
        expect([path, body.length < length]).toEqual([path, true])
      else expect([path, rest.slice(9, 12), rest.endsWith('next')]).toEqual([path, '500', true])
    }
    await until(() => app.collector?.snapshot().active === 0)
  })

  test('a true length stays, whoever produces (RES-6)', async () => {
    const { ask } = await serve(engine, (app) => {
      app.get('/writer', (c) => {
        slowHead(c)
        const writer = c.setHeader('content-length', 4).writer()
        writer.write('ab')
        writer.end('cd')
      })
      app.get('/none', (c) => c.setHeader('content-length', 0).writer().end())
      app.get('/empty', (c) => c.setHeader('content-length', 0).stream([]))
      app.get('/response', (c) => {
        c.setHeader('content-length', 5)
        return new Response('hello')
      })
    })
    for (const [path, text] of [
      ['/writer', 'abcd'],
      ['/none', ''],
      ['/empty', ''],
      ['/response', 'hello'],
    ] as const)
      expect([path, (await ask(path)).text]).toEqual([path, text])
  })

  test('abort() before the head left ends the connection, in its place (A-12, RES-6)', async () => {
    const { connect, app } = await serve(engine, (app) => {
      app.get('/first', async () => {
        await turn()
        await turn()
        return 'first'
      })
      app.get('/fresh', (c) => c.writer().abort())
      app.get('/late', (c) => {
        const writer = c.writer()
        setImmediate(() => writer.abort())
      })
      app.get('/opening', (c) => {
        slowHead(c)
        const writer = c.writer()
        writer.write('x')
        writer.abort()
      })
    })
    for (const path of ['/fresh', '/late', '/opening']) {
      const wire = await connect()
      await wire.send(GET('/first') + GET(path) + GET('/first'))
      expect((await wire.answer()).text).toBe('first')
      expect([path, await wire.rest()]).toEqual([path, ''])
    }
    await until(() => app.collector?.snapshot().active === 0)
  })

  test('an answer that is cut takes none of those before it along, whatever the client still sends (RES-6, CLOSE-3)', async () => {
    const cut = gate()
    const { connect } = await serve(engine, (app) => {
      app.get('/large', () => 'large'.repeat(200_000))
      app.get('/cut', async (c) => {
        await turn()
        c.writer().abort()
        cut.open()
      })
      app.post('/upload', () => 'never read')
    })
    const wire = await connect()
    wire.socket.pause()
    await wire.send(GET('/large') + GET('/cut'))
    const upload = `POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 9000000\r\n\r\n`
    wire.socket.write(upload + 'x'.repeat(200_000))
    await cut.promise
    for (let k = 0; k < 50; k++) await turn()
    wire.socket.resume()
    expect((await wire.answer()).text.length).toBe(1_000_000)
    expect([await wire.rest(), wire.ending]).toEqual(['', 'end'])
  })

  test('a hook or header lines that fail when a writer opens late are a 500 (A-15, C-8)', async () => {
    const { ask, app } = await serve(engine, (app) => {
      app.get('/hook', (c) => {
        c.beforeSend(() => {
          throw new Error('hook')
        })
        const writer = c.writer()
        setImmediate(() => writer.write('x'))
      })
      app.get('/lines', (c) => {
        for (let k = 0; k < 20; k++) c.setHeader(`x-${k}`, 'v'.repeat(60_000))
        c.stream(['x'])
      })
      app.get('/lines-writer', (c) => {
        for (let k = 0; k < 20; k++) c.setHeader(`x-${k}`, 'v'.repeat(60_000))
        const writer = c.writer()
        setImmediate(() => writer.write('x'))
      })
    })
    for (const path of ['/hook', '/lines', '/lines-writer'])
      expect([path, (await ask(path)).status]).toEqual([path, 500])
    await until(() => app.collector?.snapshot().active === 0)
  })

  test('a handler that fails while its writer opens is answered once, by an onError that takes its time (C-6)', async () => {
    const { ask, app } = await serve(engine, (app) => {
      app.onError(async (error, c) => {
        await turn()
        await turn()
        c.text(`handled ${(error as Error).message}`, 500)
      })
      app.get('/', async (c) => {
        c.beforeSend(async () => {
          await turn()
          throw new Error('hook')
        })
        const writer = c.writer()
        writer.write('x')
        await writer.closed
      })
    })
    expect((await ask('/')).text).toBe('handled hook')
    await until(() => app.collector?.snapshot().active === 0)
  })

  test('a Node stream that fails before it is pulled is an ordinary error (A-12, C-8)', async () => {
    const { ask, app } = await serve(engine, (app) => {
      app.get('/missing', async (c) => {
        c.stream(createReadStream('/no/such/file'))
        for (let k = 0; k < 5; k++) await new Promise((resolve) => setTimeout(resolve, 5))
      })
      app.get('/thrown', async (c) => {
        c.stream(createReadStream('/no/such/file'))
        throw new Error('first')
      })
    })
    expect((await ask('/missing')).status).toBe(500)
    expect((await ask('/thrown')).status).toBe(500)
    expect((await ask('/missing', { method: 'HEAD' })).status).toBe(500)
    await until(() => app.collector?.snapshot().active === 0)
  })
})

describe.each(EVERYWHERE)('errors of error handlers, %s', (subject) => {
  test('an asynchronous onError whose value cannot be sent gives the default answer (C-6, C-8)', async () => {
    const { ask, app } = await serve(subject, (app) => {
      app.onError(async () => 1n as never)
      app.get('/', () => {
        throw new Error('first')
      })
    })
    expect((await ask('/')).status).toBe(500)
    await until(() => app.collector?.snapshot().active === 0)
  })
})

describe.each(ENGINES)('hijack and detach at an unusual moment, %s', (engine) => {
  const UPGRADE = (path: string, connection = 'upgrade'): string =>
    `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: ${connection}\r\nupgrade: x\r\n\r\n`

  test('a socket that nobody awaits leaves nothing behind when the client goes (A-16, EOF-3)', async () => {
    const never = gate()
    let asked = 0
    const { connect, app } = await serve(engine, (app) => {
      app.get('/never', () => never.promise.then(() => 'never'))
      app.get('/raw', (c) => {
        asked++
        void c.hijack()
      })
    })
    const wire = await connect()
    await wire.send(GET('/never') + UPGRADE('/raw'))
    await until(() => asked === 1)
    wire.reset()
    await until(() => app.engineInfo().metrics?.active === 0)
    never.open()
    await until(() => app.collector?.snapshot().active === 0)
  })

  test('hijack() of a handler that answers an error after all is rejected (A-16)', async () => {
    const { ask, app } = await serve(engine, (app) => {
      app.get('/raw', (c) => {
        c.hijack().catch((error) => outcome.open(codeOf(error)))
        throw new Error('changed its mind')
      })
    })
    const outcome = gate<string>()
    const headers = [
      ['connection', 'upgrade'],
      ['upgrade', 'x'],
    ] as const
    expect((await ask('/raw', { headers })).status).toBe(500)
    expect(await outcome.promise).toBe('CELERIS_CONTEXT_RELEASED')
    await until(() => app.collector?.snapshot().active === 0)
  })

  test('what detaches behind the FIN of its client is gone too (EOF-2, R4)', async () => {
    const gone = gate<[boolean, string]>()
    const { connect, app } = await serve(engine, (app) => {
      app.get('/', async (c) => {
        const { signal } = c
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        const detached = c.detach()
        gone.open([c.aborted, codeOf(signal.reason)])
        detached.done()
      })
    })
    const wire = await connect()
    await wire.send(GET('/'))
    await until(() => app.collector?.snapshot().active === 1)
    wire.end()
    expect(await gone.promise).toEqual([true, 'CELERIS_CLIENT_HALF_CLOSED'])
    await until(() => app.collector?.snapshot().active === 0)
    await until(() => app.engineInfo().metrics?.active === 0)
  })

  test('what leaves HTTP while the server closes is told at once (L-9)', async () => {
    const go = gate()
    const reasons: string[] = []
    const { connect, app } = await serve(engine, (app) => {
      app.get('/detach', async (c) => {
        await go.promise
        const detached = c.detach()
        c.signal.addEventListener('abort', () => undefined)
        reasons.push(c.signal.aborted ? codeOf(c.signal.reason) : 'none')
        c.text('bye')
        detached.done()
      })
      app.get('/hijack', async (c) => {
        await go.promise
        await c.hijack()
      })
    })
    const one = await connect()
    await one.send(GET('/detach'))
    const other = await connect()
    await other.send(UPGRADE('/hijack'))
    await until(() => app.collector?.snapshot().active === 2)
    const closed = app.close({ timeoutMs: 30_000 })
    go.open()
    expect((await one.answer()).text).toBe('bye')
    expect(reasons).toEqual(['CELERIS_SERVER_CUT'])
    expect((await other.answer()).status).toBe(503)
    expect((await closed).cut).toBe(0)
  })

  test('an answer owed before a detached one survives the FIN (EOF-1, EOF-2)', async () => {
    const go = gate()
    let detached = 0
    const { connect } = await serve(engine, (app) => {
      app.get('/slow', async () => {
        await go.promise
        return 'slow'.repeat(1000)
      })
      app.get('/detached', (c) => {
        const handle = c.detach()
        detached++
        c.signal.addEventListener('abort', () => handle.done())
      })
    })
    const wire = await connect()
    await wire.send(GET('/slow') + GET('/detached'))
    await until(() => detached === 1)
    wire.end()
    for (let k = 0; k < 20; k++) await turn()
    go.open()
    expect((await wire.answer()).text).toBe('slow'.repeat(1000))
    expect(await wire.rest()).toBe('')
  })

  test('a request that was held back behind the FIN learns of it (EOF-2, UPG-1)', async () => {
    const go = gate()
    const reasons: string[] = []
    const { connect } = await serve(engine, (app) => {
      app.get('/first', async (c) => {
        void c.signal
        await go.promise
        return 'first'
      })
      app.get('/second', async (c) => {
        const { signal } = c
        if (!signal.aborted)
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        reasons.push(codeOf(signal.reason))
        return 'second'
      })
    })
    const wire = await connect()
    await wire.send(UPGRADE('/first') + GET('/second'))
    wire.end()
    for (let k = 0; k < 20; k++) await turn()
    go.open()
    expect((await wire.answer()).text).toBe('first')
    expect((await wire.answer()).text).toBe('second')
    expect(reasons).toEqual(['CELERIS_CLIENT_HALF_CLOSED'])
  })

  test('no byte behind a request that closes is lost in silence when its socket is taken (UPG-2, PIP-5)', async () => {
    const { connect } = await serve(engine, (app) => {
      app.get('/raw', async (c) => {
        await turn()
        const socket = await c.hijack().catch((error) => codeOf(error))
        if (typeof socket === 'string') return socket
        socket.on('error', () => undefined)
        socket.pipe(socket)
        return undefined
      })
    })
    for (const connection of ['close, upgrade', 'close']) {
      const wire = await connect()
      await wire.send(`${UPGRADE('/raw', connection)}payload`)
      wire.end()
      const rest = await wire.rest()
      const refused = /^HTTP\/1\.1 200 [\s\S]*CELERIS_HIJACK_UNSUPPORTED$/.test(rest)
      expect([connection, refused || rest === 'payload' ? 'good' : rest]).toEqual([
        connection,
        'good',
      ])
    }
  })
})

test('a request that arrives with the late answer that closes its connection learns of the end (C7, R4)', async () => {
  const answer = gate()
  let begun = 0
  const { connect, app } = await serve(
    'epoll',
    (app) => {
      app.get('/first', async (c) => {
        begun++
        await answer.promise
        c.writer().abort()
      })
      app.get('/second', async (c) => {
        begun++
        const { signal } = c
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      })
    },
    { eventLoop: 'libuv' },
  )
  // A callback of the poll phase, in which the engine finds the second request behind it.
  const relay = createServer((socket) => socket.on('data', () => answer.open()))
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  atEnd(() => relay.close())
  const poke = connectTo((relay.address() as AddressInfo).port, '127.0.0.1')
  await once(poke, 'connect')
  atEnd(() => poke.destroy())
  const wire = await connect()
  await wire.send(GET('/first'))
  await until(() => begun === 1)
  await turn()
  poke.write('now')
  void wire.send(GET('/second'))
  expect(await wire.rest()).toBe('')
  await until(() => app.collector?.snapshot().active === 0)
})

test('a context that was orphaned is never used again (X-1)', async () => {
  const seen: string[] = []
  const { ask } = await serve('epoll', (app) => {
    app.get('/slow', async (c) => {
      await turn()
      const next = successor(c)
      next.text('successor')
      conclude(next)
      await turn()
    })
    app.get('/sync/:id', (c) => {
      seen.push(c.header('host') ?? 'none')
      return c.param('id')
    })
  })
  expect((await ask('/sync/0')).text).toBe('0')
  expect((await ask('/slow')).text).toBe('successor')
  for (let k = 0; k < 5; k++) await turn()
  for (const id of ['1', '2', '3']) expect((await ask(`/sync/${id}`)).text).toBe(id)
  expect(new Set(seen)).toEqual(new Set(['localhost']))
})

test('more refused hijacks than a batch has events: every handler hears of its own (UPG-1)', async () => {
  // All wait at one gate, so that their commands come together, outside of any turn of the engine.
  const CONNECTIONS = 24
  const DEPTH = 60
  const released = gate()
  let begun = 0
  let settled = 0
  const { connect, app } = await serve('epoll', (app) => {
    app.get('/', async (c) => {
      begun++
      await released.promise
      try {
        const socket = await c.hijack()
        socket.end('taken')
      } catch {
        c.text('refused')
      } finally {
        settled++
      }
    })
  })
  const wires = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect()))
  for (const wire of wires) await wire.send(GET('/').repeat(DEPTH))
  await until(() => begun === CONNECTIONS * DEPTH)
  released.open()
  await until(() => settled === begun && app.collector?.snapshot().active === 0)
})
