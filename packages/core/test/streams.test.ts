import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import type { Context, Handler, ResponseWriter } from '../src/index.ts'
import { ENGINES, EVERYWHERE, type Gate, gate, requestText, serve, until } from './support/serve.ts'

const PARTS = ['one ', new Uint8Array([116, 119, 111, 32]), 'drei €'] as const
const WHOLE = 'one two drei €'

/** The same three chunks from every kind of source. */
const sources: readonly [name: string, make: () => unknown][] = [
  [
    'a web stream',
    () =>
      new ReadableStream({
        start(controller) {
          for (const part of PARTS) controller.enqueue(part)
          controller.close()
        },
      }),
  ],
  ['a Node stream', () => Readable.from(PARTS)],
  [
    'an async iterable',
    async function* () {
      for (const part of PARTS) {
        await turn()
        yield part
      }
    },
  ],
]

/** A source that counts what happens to it. */
function counted(chunk: string | Uint8Array, limit = Number.POSITIVE_INFINITY) {
  const counts = { pulled: 0, ended: 0 }
  const iterable = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        await turn()
        if (counts.pulled === limit) return { done: true as const, value: undefined }
        counts.pulled++
        return { done: false as const, value: chunk }
      },
      return: async () => {
        counts.ended++
        return { done: true as const, value: undefined }
      },
    }),
  }
  return { counts, iterable }
}

describe.each(EVERYWHERE)('streamed answers, %s', (subject) => {
  test.each(sources)(
    '%s is sent whole, returned or given to c.stream() (A-12, C-4)',
    async (_, make) => {
      const { ask, app } = await serve(subject, (app) => {
        app.get('/returned', (() => make()) as Handler)
        app.get('/late', async () => {
          await turn()
          return make() as object
        })
        app.get('/given', (c) => {
          c.setHeader('x-kind', 'given')
          c.stream(make() as ReadableStream<string>, { contentType: 'text/x-parts', status: 203 })
        })
      })
      for (const path of ['/returned', '/late']) {
        const answer = await ask(path)
        expect([answer.status, answer.text]).toEqual([200, WHOLE])
        expect(answer.header('content-type')).toBe('application/octet-stream')
      }
      const given = await ask('/given')
      expect([given.status, given.text]).toEqual([203, WHOLE])
      expect([given.header('content-type'), given.header('x-kind')]).toEqual([
        'text/x-parts',
        'given',
      ])
      await until(() => app.collector?.snapshot().active === 0)
    },
  )

  test('a web Response with a stream is streamed, one of a single chunk has its length (C-4)', async () => {
    const { ask } = await serve(subject, (app) => {
      app.get('/text', () => new Response('hello'))
      app.get('/stream', () => {
        let left = 3
        return new Response(
          new ReadableStream({
            async pull(controller) {
              await turn()
              if (left-- > 0) controller.enqueue(new TextEncoder().encode('part '))
              else controller.close()
            },
          }),
          { headers: { 'content-type': 'text/plain' } },
        )
      })
    })
    const text = await ask('/text')
    expect([text.text, text.header('content-length')]).toEqual(['hello', '5'])
    const stream = await ask('/stream')
    expect([stream.text, stream.header('content-type')]).toEqual(['part part part ', 'text/plain'])
    expect(stream.header('content-length')).toBeUndefined()
  })

  test('a source that fails before its first chunk is an ordinary error (A-12, C-8)', async () => {
    const { ask, errors } = await serve(subject, (app) => {
      app.get('/', () => {
        return Readable.from(
          (async function* () {
            await turn()
            yield* []
            throw new Error('no such file')
          })(),
        )
      })
    })
    const answer = await ask('/')
    expect(answer.status).toBe(500)
    expect(answer.header('content-type')).toBe('application/json')
    expect(errors()).toEqual(['Error: no such file'])
  })

  test('what is no stream, or a locked one, throws before anything is sent (A-12)', async () => {
    const { ask } = await serve(subject, (app) => {
      app.get('/number', (c) => c.stream(5 as never))
      app.get('/locked', (c) => {
        const stream = new ReadableStream()
        stream.getReader()
        c.stream(stream)
      })
      app.get('/chunk', (c) => c.stream([{ not: 'bytes' }] as never))
    })
    for (const path of ['/number', '/locked', '/chunk']) expect((await ask(path)).status).toBe(500)
  })

  test('HEAD, 204 and 304 send no body and cancel the source once (RES-4)', async () => {
    const made: { pulled: number; ended: number }[] = []
    const { ask } = await serve(subject, (app) => {
      app.get('/:status', (c) => {
        const { counts, iterable } = counted('x', 3)
        made.push(counts)
        c.stream(iterable, { status: Number(c.param('status')) })
      })
    })
    const head = await ask('/200', { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([200, ''])
    expect(head.header('transfer-encoding')).toBeUndefined()
    for (const status of [204, 304]) {
      const answer = await ask(`/${status}`)
      expect([answer.status, answer.text]).toEqual([status, ''])
      expect(answer.header('content-length')).toBeUndefined()
    }
    for (const counts of made) expect(counts.ended).toBe(1)
  })

  test('c.writer() sends pieces, also after the handler has settled (A-12)', async () => {
    let late: ResponseWriter | undefined
    const { ask } = await serve(subject, (app) => {
      app.get('/inside', async (c) => {
        const writer = c.writer({ contentType: 'text/plain' })
        for (const part of PARTS) expect(writer.write(part)).toBe(true)
        writer.end()
        expect(await writer.closed).toBe(true)
        expect(writer.write('more')).toBe(false)
      })
      app.get('/after', (c) => {
        const writer = c.writer()
        late = writer
        setImmediate(() => {
          writer.write('later ')
          writer.end('still')
        })
      })
      app.get('/empty', (c) => c.writer().end())
    })
    const inside = await ask('/inside')
    expect([inside.status, inside.text, inside.header('content-type')]).toEqual([
      200,
      WHOLE,
      'text/plain',
    ])
    const after = await ask('/after')
    expect([after.status, after.text]).toEqual([200, 'later still'])
    expect(await late?.closed).toBe(true)
    expect((await ask('/empty')).text).toBe('')
  })

  test('beforeSend may give a promise for a stream; its rejection is a 500 (A-15)', async () => {
    const { ask } = await serve(subject, (app) => {
      const early = (c: Context): void => {
        c.beforeSend(async (c) => {
          await turn()
          c.setHeader('x-hook', 'ran')
          if (c.path.endsWith('bad')) throw new Error('hook')
        })
      }
      for (const name of ['good', 'bad']) {
        app.get(`/stream/${name}`, (c) => {
          early(c)
          c.stream(['a', 'b'])
        })
        app.get(`/writer/${name}`, async (c) => {
          early(c)
          const writer = c.writer()
          writer.write('a')
          writer.end('b')
          await writer.closed
        })
      }
      app.get('/buffered', (c) => {
        early(c)
        c.text('x')
      })
    })
    for (const kind of ['stream', 'writer']) {
      const good = await ask(`/${kind}/good`)
      expect([good.status, good.text, good.header('x-hook')]).toEqual([200, 'ab', 'ran'])
      expect((await ask(`/${kind}/bad`)).status).toBe(500)
    }
    // A buffered answer does not wait: the mistake shows instead of a header that is lost.
    expect((await ask('/buffered')).status).toBe(500)
  })

  test('headers and status set after the head do nothing, and development says so (A-3)', async () => {
    vi.stubEnv('NODE_ENV', 'development')
    const { ask, log } = await serve(subject, (app) => {
      app.get('/', async (c) => {
        const writer = c.writer()
        writer.write('x')
        c.setHeader('x-late', '1').appendHeader('x-late', '2').status(404)
        writer.end()
      })
    })
    const answer = await ask('/')
    expect([answer.status, answer.header('x-late')]).toEqual([200, undefined])
    expect(log.filter(({ level }) => level === 'warn').length).toBeGreaterThanOrEqual(3)
  })

  test('bodyStream() gives what came, takes the body, and takes it once (B-1)', async () => {
    const { ask } = await serve(subject, (app) => {
      app.post('/echo', (c) => c.stream(c.bodyStream()))
      app.post('/twice', async (c) => {
        c.bodyStream()
        const codes: unknown[] = []
        for (const read of [() => c.bodyBytes(), () => c.bodyText(), async () => c.bodyStream()])
          await read().catch((error: { code?: string }) => codes.push(error.code))
        return codes
      })
      app.post('/after', async (c) => {
        await c.bodyText()
        try {
          c.bodyStream()
        } catch (error) {
          return (error as { code: string }).code
        }
        return 'a stream'
      })
    })
    for (const size of [0, 5, 70_000, 1_500_000]) {
      const body = Buffer.alloc(size, 'abc')
      const answer = await ask('/echo', { method: 'POST', body })
      expect([size, answer.body.equals(body)]).toEqual([size, true])
    }
    const headers = [['content-type', 'text/plain']] as const
    const twice = await ask('/twice', { method: 'POST', body: 'x', headers })
    expect(twice.json).toEqual(Array(3).fill('CELERIS_BODY_USED'))
    expect((await ask('/after', { method: 'POST', body: 'x', headers })).text).toBe(
      'CELERIS_BODY_USED',
    )
  })

  test('bufferResponse: a middleware sees, replaces and keeps answers; streams pass (A-14)', async () => {
    const { ask } = await serve(subject, (app) => {
      app.use(async (c, next) => {
        c.bufferResponse()
        await next()
        const body = c.responseBody
        if (typeof body === 'string' && c.discardResponse()) c.text(body.toUpperCase())
        c.flushResponse()
      })
      app.get('/text', (c) =>
        c.setHeader('content-length', 2).setHeader('x-a', '1').text('ab', 201),
      )
      app.get('/same', (c) => c.bytes(Buffer.from('raw')))
      app.get('/stream', (c) => c.stream(['a', 'b']))
      app.get('/twice', (c) => {
        c.text('a')
        expect(() => c.text('b')).toThrow(/answered/)
      })
      app.get('/none', (c) => {
        expect(c.discardResponse()).toBe(false)
        c.noContent()
      })
    })
    const text = await ask('/text')
    expect([text.status, text.text, text.header('x-a')]).toEqual([201, 'AB', '1'])
    expect((await ask('/same')).text).toBe('raw')
    expect((await ask('/stream')).text).toBe('ab')
    expect((await ask('/twice')).text).toBe('A')
    expect((await ask('/none')).status).toBe(204)
  })

  test('validate gives what the schema makes of it, or 400 with issues (B-6)', async () => {
    const upper = (name: string) => ({
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: async (value: unknown) => {
          const given = (value as Record<string, unknown>)[name]
          return typeof given === 'string'
            ? { value: given.toUpperCase() }
            : { issues: [{ message: 'must be a string', path: [{ key: name }, 0] }] }
        },
      },
    })
    const { ask } = await serve(subject, (app) => {
      for (const from of ['query', 'params', 'headers', 'cookies'] as const)
        app.get(`/${from}/:a`, async (c) => ({ got: await c.validate(upper('a'), from) }))
      app.post('/body', async (c) => ({ got: await c.validate(upper('a')) }))
      app.post('/none', async (c) => ({ got: await c.validate({} as never, 'query') }))
    })
    const headers = [
      ['cookie', 'a=c'],
      ['a', 'h'],
    ] as const
    const got: unknown[] = []
    for (const from of ['query', 'params', 'headers', 'cookies'])
      got.push(((await ask(`/${from}/p?a=q`, { headers })).json as { got: string }).got)
    expect(got).toEqual(['Q', 'P', 'H', 'C'])
    const post = (type: string, body: string) =>
      ask('/body', { method: 'POST', headers: [['content-type', type]], body })
    expect((await post('application/json', '{"a":"j"}')).json).toEqual({ got: 'J' })
    expect((await post('application/x-www-form-urlencoded', 'a=f+g')).json).toEqual({ got: 'F G' })
    const bad = await post('application/json', '{"a":1}')
    expect(bad.status).toBe(400)
    expect((bad.json as { error: unknown }).error).toMatchObject({
      code: 'CELERIS_VALIDATION',
      issues: [{ message: 'must be a string', path: ['a', 0] }],
    })
    expect((await post('multipart/form-data; boundary=x', 'x')).status).toBe(415)
    expect((await ask('/none', { method: 'POST' })).status).toBe(500)
  })

  test('detach() keeps the context until done() (A-16)', async () => {
    const { ask, app } = await serve(subject, (app) => {
      app.get('/', (c) => {
        const detached = c.detach()
        setImmediate(() => {
          c.text(`late ${c.query('a')}`)
          detached.done()
          detached.done()
        })
      })
      app.get('/early', async (c) => {
        const detached = c.detach()
        c.text('early')
        detached.done()
      })
    })
    expect((await ask('/?a=1')).text).toBe('late 1')
    expect((await ask('/early')).text).toBe('early')
    expect(app.collector?.snapshot().active).toBe(0)
  })
})

describe.each(ENGINES)('streamed answers on the wire, %s', (engine) => {
  test('chunked on 1.1, close-delimited on 1.0, a stated length as it is (RES-3)', async () => {
    const { connect } = await serve(engine, (app) => {
      app.get('/', (c) => c.stream(['ab', 'c'.repeat(17)]))
      app.get('/length', (c) => c.setHeader('content-length', 4).stream(['ab', 'cd']))
    })
    const wire = await connect()
    const chunked = await wire.ask('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    expect([chunked.header('transfer-encoding'), chunked.text]).toEqual([
      'chunked',
      `ab${'c'.repeat(17)}`,
    ])
    const length = await wire.ask('GET /length HTTP/1.1\r\nhost: a\r\n\r\n')
    expect([length.header('content-length'), length.text]).toEqual(['4', 'abcd'])
    await wire.send('GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n')
    const old = await wire.rest()
    expect(old).toMatch(/\r\nconnection: close\r\n/)
    expect(old).not.toMatch(/transfer-encoding|content-length|keep-alive/)
    expect(old.endsWith(`\r\n\r\nab${'c'.repeat(17)}`)).toBe(true)
    expect(wire.ending).toBe('end')
  })

  test('a source that fails later cuts the answer: it cannot look complete (RES-6, C-8)', async () => {
    const { connect, errors, ask } = await serve(engine, (app) => {
      app.get('/fails', async function* () {
        yield 'begun'
        await turn()
        throw new Error('later')
      } as unknown as Handler)
      app.get('/throws', async (c) => {
        c.writer().write('begun')
        await turn()
        throw new Error('later')
      })
      app.get('/short', (c) => c.setHeader('content-length', 9).stream(['begun']))
      app.get('/long', (c) => c.setHeader('content-length', 3).stream(['beg', 'un']))
      app.get('/fine', () => 'fine')
    })
    for (const path of ['/fails', '/throws', '/short', '/long']) {
      const wire = await connect()
      await wire.send(
        `GET /fine HTTP/1.1\r\nhost: a\r\n\r\nGET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`,
      )
      expect((await wire.answer()).text).toBe('fine')
      const rest = await wire.rest()
      expect([path, rest.includes('beg'), rest.includes('\r\n0\r\n')]).toEqual([path, true, false])
    }
    expect(errors().length).toBeGreaterThanOrEqual(3)
    const old = await connect()
    await old.send('GET /fails HTTP/1.0\r\n\r\n')
    await old.rest()
    expect(old.ending).toBe('reset')
    expect((await ask('/fine')).text).toBe('fine')
  })

  test('a client that leaves cancels the source once, and a stream given later at once (C2, C5, EOF-3)', async () => {
    const left = gate()
    const endless = counted(new Uint8Array(4096))
    const late = counted('x')
    const { connect, app } = await serve(engine, (app) => {
      app.get('/endless', (c) => c.stream(endless.iterable))
      app.get('/late', async (c) => {
        await new Promise<void>((resolve) => c.signal.addEventListener('abort', () => resolve()))
        expect(c.stream(late.iterable)).toBe(false)
        left.open()
      })
    })
    const wire = await connect()
    await wire.send('GET /endless HTTP/1.1\r\nhost: a\r\n\r\n')
    await until(() => endless.counts.pulled > 3)
    wire.reset()
    await until(() => endless.counts.ended > 0)
    const other = await connect()
    await other.send('GET /late HTTP/1.1\r\nhost: a\r\n\r\n')
    await until(() => app.collector?.snapshot().active === 1)
    other.reset()
    await left.promise
    await until(() => app.collector?.snapshot().active === 0)
    expect([endless.counts.ended, late.counts.ended, late.counts.pulled]).toEqual([1, 0, 0])
    expect(app.collector?.snapshot().aborts).toBe(2)
  })

  test('a source is pulled only while its reader reads, at most 64 KiB ahead (BP-1)', async () => {
    const { counts, iterable } = counted(new Uint8Array(16_384), 1024)
    const { connect, app } = await serve(
      engine,
      (app) => app.get('/', (c) => c.setHeader('content-length', 1024 * 16_384).stream(iterable)),
      {
        socketSendBuffer: 65_536,
      },
    )
    const wire = await connect()
    wire.socket.pause()
    await wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    let seen = -1
    // It stops by itself, far from the end.
    while (counts.pulled !== seen) {
      seen = counts.pulled
      for (let k = 0; k < 50; k++) await turn()
    }
    expect(counts.pulled).toBeLessThan(512)
    expect(app.engineInfo().metrics?.queuedBytes ?? 0).toBeLessThan(200_000)
    wire.socket.resume()
    const answer = await wire.answer()
    expect([answer.body.length, counts.pulled]).toEqual([1024 * 16_384, 1024])
  })

  test('write() gives a promise when full; a producer that ignores it is cut (BP-1)', async () => {
    const waits = gate<unknown>()
    const cut = gate<unknown>()
    const { connect, errors } = await serve(engine, (app) => {
      app.get('/waits', async (c) => {
        const writer = c.writer()
        let given: boolean | Promise<boolean> = true
        let count = 0
        while (given === true) {
          given = writer.write(new Uint8Array(8192))
          count++
        }
        waits.open([given instanceof Promise, count])
        expect(await given).toBe(true)
        writer.end()
      })
      app.get('/ignores', async (c) => {
        const writer = c.writer()
        while (writer.write(new Uint8Array(65_536)) !== false);
        cut.open([await writer.closed, (c.signal.reason as { code: string }).code])
      })
    })
    const good = await connect()
    const answer = good.ask('GET /waits HTTP/1.1\r\nhost: a\r\n\r\n')
    expect(await waits.promise).toEqual([true, 8])
    expect((await answer).body.length).toBe(65_536)
    const bad = await connect()
    bad.socket.pause()
    await bad.send('GET /ignores HTTP/1.1\r\nhost: a\r\n\r\n')
    expect(await cut.promise).toEqual([false, 'CELERIS_BACKPRESSURE'])
    expect(errors()).toEqual(['CELERIS_BACKPRESSURE'])
  })

  test('a large buffered answer is held by reference, whatever its reader does (BP-1, C9)', async () => {
    const body = Buffer.alloc(16 * 1024 * 1024, 'large')
    const { connect, app } = await serve(engine, (app) => app.get('/', (c) => c.bytes(body)))
    const wires = []
    for (let k = 0; k < 8; k++) {
      const wire = await connect()
      wire.socket.pause()
      await wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
      wires.push(wire)
    }
    await until(() => app.collector?.snapshot().active === 8)
    for (let k = 0; k < 100; k++) await turn()
    expect(app.engineInfo().metrics?.queuedBytes ?? 0).toBeLessThan(8 * 300_000)
    const [first] = wires
    first?.socket.resume()
    const answer = await first?.answer()
    expect([answer?.header('content-length'), answer?.body.equals(body)]).toEqual([
      String(body.length),
      true,
    ])
  })

  test('no request is begun behind large or streamed answers that nobody reads (PIP-3, C9)', async () => {
    let started = 0
    const { connect } = await serve(engine, (app) => {
      app.get('/big', () => {
        started++
        return 'x'.repeat(500_000)
      })
      app.get('/parts', (c) => {
        started++
        c.setHeader('content-length', 8 * 65_536)
        c.stream(counted(new Uint8Array(65_536), 8).iterable)
      })
    })
    for (const path of ['/big', '/parts']) {
      started = 0
      const wire = await connect()
      wire.socket.pause()
      await wire.send(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`.repeat(100))
      await until(() => started > 0)
      for (let k = 0; k < 200; k++) await turn()
      // Those of the first burst; none follows while their answers do not leave.
      expect(started).toBeLessThanOrEqual(engine === 'epoll' ? 16 : 64)
      wire.socket.resume()
      for (let k = 0; k < 100; k++) await wire.answer()
      expect(started).toBe(100)
    }
  })

  test('a body that nobody reads stops the socket; reading it goes on (BP-2)', async () => {
    const go = gate()
    const size = 24 * 1024 * 1024
    const { connect, app } = await serve(engine, (app) => {
      app.post('/', async (c) => {
        const reader = c.bodyStream().getReader()
        let total = (await reader.read()).value?.length ?? 0
        await go.promise
        for (;;) {
          const { done, value } = await reader.read()
          if (done) break
          total += value.length
        }
        return String(total)
      })
    })
    const wire = await connect()
    wire.socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`)
    wire.socket.write(Buffer.alloc(size))
    let seen = -1
    const read = (): number => app.engineInfo().metrics?.bytesRead ?? 0
    while (read() !== seen || seen < 1000) {
      seen = read()
      for (let k = 0; k < 50; k++) await turn()
    }
    expect(seen).toBeLessThan(4 * 1024 * 1024)
    go.open()
    expect((await wire.answer()).text).toBe(String(size))
  })

  test('a streamed body that fails errors its stream; the handler still answers (BODY-4, EOF-1)', async () => {
    const { connect } = await serve(engine, (app) => {
      app.post('/', async (c) => {
        try {
          for await (const _ of c.bodyStream() as never as AsyncIterable<Uint8Array>);
          return 'complete'
        } catch (error) {
          return (error as { code: string }).code
        }
      })
    })
    const bad = await connect()
    await bad.send(
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n',
    )
    const answer = await bad.answer()
    expect([answer.text, answer.header('connection')]).toEqual(['CELERIS_BODY_TRUNCATED', 'close'])
    const gone = await connect()
    await gone.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2000000\r\n\r\nhello')
    gone.end()
    expect((await gone.answer()).text).toBe('CELERIS_BODY_TRUNCATED')
  })

  test.each([
    ['held back by the engine', 65_000, 1050],
    ['collected by core', 1_000_000, 34],
  ])(
    'bodies %s have a budget: beyond it a handler starts with the head, and nothing is refused (BODY-5)',
    async (_, size, count) => {
      const begun = gate()
      let early = 0
      const { connect } = await serve(engine, (app) => {
        app.post('/', async (c) => {
          early++
          begun.open()
          return String((await c.bodyBytes()).length)
        })
      })
      const head = `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`
      const wires = await Promise.all(Array.from({ length: count }, () => connect()))
      for (const wire of wires) await wire.send(`${head}x`)
      // Those within the budget wait for their bodies; one that is not says so by running.
      await begun.promise
      expect(early).toBeLessThan(count / 10)
      const rest = Buffer.alloc(size - 1, 'x')
      for (const wire of [...wires.slice(0, 3), ...wires.slice(-3)]) {
        await wire.send(rest)
        expect((await wire.answer()).text).toBe(String(size))
      }
    },
    30_000,
  )

  test('earlyHints sends 103 before the answer, in pipeline order; 1.0 gets none (RES-8)', async () => {
    const { connect } = await serve(engine, (app) => {
      app.get('/slow', async () => {
        await turn()
        await turn()
        return 'slow'
      })
      app.get('/hints', async (c) => {
        const first = c.earlyHints({ link: '</a.css>; rel=preload' })
        await turn()
        c.earlyHints({ link: ['</b.css>; rel=preload', '</c.js>; rel=preload'] })
        c.text(String(first))
      })
      app.get('/bad', (c) => {
        expect(() => c.earlyHints({ link: 'a\r\nb: c' })).toThrow(/header/)
        expect(() => c.earlyHints({ 'content-length': '1' })).toThrow(/interim/)
        c.text('ok')
      })
    })
    const wire = await connect()
    await wire.send(
      'GET /slow HTTP/1.1\r\nhost: a\r\n\r\nGET /hints HTTP/1.1\r\nhost: a\r\n\r\nGET /bad HTTP/1.1\r\nhost: a\r\n\r\n',
    )
    expect((await wire.answer()).text).toBe('slow')
    const first = await wire.answer()
    expect([first.status, first.lines('link')]).toEqual([103, ['</a.css>; rel=preload']])
    const second = await wire.answer()
    expect([second.status, second.lines('link').length]).toEqual([103, 2])
    const final = await wire.answer()
    expect([final.status, final.text, final.lines('link')]).toEqual([200, 'true', []])
    expect((await wire.answer()).text).toBe('ok')
    await wire.send('GET /hints HTTP/1.0\r\n\r\n')
    expect(await wire.rest()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*false$/)
  })

  test('unsafe methods wait for all before them, and all behind wait for them (PIP-2)', async () => {
    const order: string[] = []
    const gates = new Map<string, Gate>()
    const { connect } = await serve(engine, (app) => {
      app.any('/:name', async (c) => {
        const name = c.param('name') as string
        order.push(`+${name}`)
        const opened = gate()
        gates.set(name, opened)
        await opened.promise
        order.push(`-${name}`)
        return name + (await c.bodyText())
      })
    })
    const wire = await connect()
    const parts = [
      requestText('/a'),
      requestText('/b'),
      requestText('/c', { method: 'POST', body: '1' }),
      requestText('/d', { method: 'POST', body: '2' }),
      requestText('/e'),
      requestText('/f', { method: 'HEAD' }),
    ]
    await wire.send(Buffer.concat(parts))
    await until(() => gates.size === 2)
    for (let k = 0; k < 5; k++) await turn()
    expect(order).toEqual(['+a', '+b'])
    gates.get('b')?.open()
    for (let k = 0; k < 5; k++) await turn()
    expect(order).toEqual(['+a', '+b', '-b'])
    gates.get('a')?.open()
    await until(() => gates.has('c'))
    for (let k = 0; k < 5; k++) await turn()
    expect(order.slice(3)).toEqual(['-a', '+c'])
    gates.get('c')?.open()
    await until(() => gates.has('d'))
    for (let k = 0; k < 5; k++) await turn()
    expect(order.slice(5)).toEqual(['-c', '+d'])
    gates.get('d')?.open()
    await until(() => gates.has('f'))
    expect(order.slice(7)).toEqual(['-d', '+e', '+f'])
    gates.get('e')?.open()
    gates.get('f')?.open()
    const bodies: string[] = []
    for (const method of ['GET', 'GET', 'POST', 'POST', 'GET', 'HEAD'])
      bodies.push((await wire.answer(method)).text)
    expect(bodies).toEqual(['a', 'b', 'c1', 'd2', 'e', ''])
  })

  test('what is held back never starts once the client has gone (PIP-2, EOF-3)', async () => {
    const started: string[] = []
    const { connect, app } = await serve(engine, (app) => {
      app.any('/:name', async (c) => {
        started.push(c.param('name') as string)
        await new Promise<void>((resolve) => c.signal.addEventListener('abort', () => resolve()))
      })
    })
    const wire = await connect()
    await wire.send(
      Buffer.concat(
        ['/a', '/b', '/c'].map((path) => requestText(path, { method: 'PUT', body: '' })),
      ),
    )
    await until(() => started.length === 1)
    wire.reset()
    await until(() => app.collector?.snapshot().aborts === 3)
    expect(started).toEqual(['a'])
  })

  test('close() ends detached contexts by their signal, and waits for their answer (L-9)', async () => {
    const { app, connect } = await serve(engine, (app) => {
      app.get('/', (c) => {
        const detached = c.detach()
        c.signal.addEventListener('abort', () => {
          c.text((c.signal.reason as { code: string }).code)
          detached.done()
        })
      })
    })
    const wire = await connect()
    await wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await until(() => app.collector?.snapshot().active === 1)
    const closed = app.close({ timeoutMs: 5000 })
    const answer = await wire.answer()
    expect([answer.text, answer.header('connection')]).toEqual(['CELERIS_SERVER_CUT', 'close'])
    expect((await closed).cut).toBe(0)
  })

  test('a stream that runs when close() begins loses no request behind it (L-9)', async () => {
    const go = gate()
    const { app, connect } = await serve(engine, (app) => {
      app.get('/stream', async function* () {
        yield 'begun '
        await go.promise
        yield 'ended'
      } as unknown as Handler)
      app.get('/next', () => 'next')
    })
    const wire = await connect()
    await wire.send('GET /stream HTTP/1.1\r\nhost: a\r\n\r\n')
    await wire.take(1)
    const idle = await connect()
    const closed = app.close({ timeoutMs: 10_000 })
    // The grace of idle connections is over: what ends now has one of its own.
    await idle.rest()
    go.open()
    await wire.send('GET /next HTTP/1.1\r\nhost: a\r\n\r\n')
    const rest = await wire.rest()
    expect(rest).toContain('ended\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n')
    expect(rest).toMatch(/connection: close\r\n[\s\S]*\r\nnext$/)
    expect((await closed).cut).toBe(0)
  })

  test('a detached context takes FIN for the end (EOF-2)', async () => {
    const gone = gate<boolean>()
    const { connect, app } = await serve(engine, (app) => {
      app.get('/', (c) => {
        const detached = c.detach()
        c.signal.addEventListener('abort', () => {
          gone.open(c.aborted)
          detached.done()
        })
      })
    })
    const wire = await connect()
    await wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await until(() => app.collector?.snapshot().active === 1)
    wire.end()
    expect(await gone.promise).toBe(true)
    await until(() => app.engineInfo().metrics?.active === 0)
  })
})
