import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import type { Context, Server, ServerConfig } from '../src/index.ts'
import {
  type Ask,
  atEnd,
  ENGINES,
  EVERYWHERE,
  gate,
  requestText,
  serve,
  type Target,
} from './support/serve.ts'

const HEADERS: Ask['headers'] = [
  ['X-One', 'first'],
  ['x-two', 'a'],
  ['X-Two', 'b'],
  ['Cookie', 'a=1; b="two"; bad name=3; c=%C3%A9; a=9; __proto__=x'],
  ['cookie', 'd=4'],
  ['authorization', 'kept'],
  ['Authorization', 'dropped'],
]

/** Everything a handler can read, as data. */
function readAll(c: Context): object {
  return {
    method: c.method,
    path: c.path,
    rawPath: c.rawPath,
    originalPath: c.originalPath,
    routePath: c.routePath,
    rawQuery: c.rawQuery,
    query: [c.query('q'), c.queryAll('q'), [...c.queryParams()]],
    params: c.params,
    one: c.header('x-ONE'),
    two: c.header('x-two'),
    absent: [c.header('nope'), c.query('nope'), c.cookie('nope'), c.param('nope')],
    cookies: c.cookies(),
    auth: c.header('authorization'),
    protocol: c.protocol,
    scheme: c.scheme,
    host: c.host,
    length: c.contentLength,
  }
}

describe.each(EVERYWHERE)('reading a request, %s', (subject) => {
  const run = (build: (app: Server) => void, config?: ServerConfig): Promise<Target> =>
    serve(subject, build, config)

  test.each(['/sync', '/late'])(
    'every member reads what was sent (Q-1 to Q-4), %s',
    async (way) => {
      const { ask } = await run((app) => {
        app.any('/sync/:id/*rest', (c) => c.json(readAll(c)))
        app.any('/late/:id/*rest', async (c) => {
          await turn()
          await turn()
          c.json(readAll(c))
        })
      })
      const path = `${way}/caf%C3%A9%20x/a%2Fb/c?q=1&q=a+b%20c&e&q=%ff`
      const answer = await ask(path, { method: 'PUT', headers: HEADERS, body: 'four' })
      expect(answer.json).toEqual({
        method: 'PUT',
        path: `${way}/café x/a%2Fb/c`,
        rawPath: path.split('?')[0],
        originalPath: path.split('?')[0],
        routePath: `${way}/:id/*rest`,
        rawQuery: 'q=1&q=a+b%20c&e&q=%ff',
        query: [
          '1',
          ['1', 'a b c', '\ufffd'],
          [
            ['q', '1'],
            ['q', 'a b c'],
            ['e', ''],
            ['q', '\ufffd'],
          ],
        ],
        params: { id: 'café x', rest: 'a%2Fb/c' },
        one: 'first',
        two: 'a, b',
        absent: [null, null, null, null],
        cookies: JSON.parse('{"a":"1","b":"two","c":"é","__proto__":"x","d":"4"}'),
        // A web Request has joined the lines before we see them.
        auth: subject === 'request' ? 'kept, dropped' : 'kept',
        protocol: '1.1',
        scheme: 'http',
        host: 'localhost',
        length: 4,
      })
    },
  )

  test('params and cookies have no prototype; absent things are undefined (Q-1, Q-2, Q-4)', async () => {
    const seen: unknown[] = []
    const { ask } = await run((app) => {
      app.get('/:a/:b?', (c) => {
        seen.push(Object.getPrototypeOf(c.params), Object.getPrototypeOf(c.cookies()))
        seen.push(c.param('b'), c.contentLength, c.cookie('x'), c.cookie('toString'))
        c.text('')
      })
    })
    await ask('/x')
    expect(seen).toEqual([null, null, undefined, undefined, undefined, undefined])
  })

  test('startTime is epoch milliseconds of the batch (Q-1)', async () => {
    const before = Date.now()
    const { ask } = await run((app) => {
      app.get('/sync', (c) => c.json(c.startTime))
      app.get('/late', async (c) => {
        const first = c.startTime
        await turn()
        c.json([first, c.startTime])
      })
    })
    const sync = (await ask('/sync')).json as number
    expect(sync).toBeGreaterThanOrEqual(before - 50)
    expect(sync).toBeLessThanOrEqual(Date.now() + 50)
    const [first, second] = (await ask('/late')).json as [number, number]
    expect(second).toBe(first)
  })

  test('forwarded fields are ignored without trust (Q-5, Q-7, C11)', async () => {
    const { ask } = await run((app) => {
      app.get('/', (c) => c.json([c.clientIp, c.scheme, c.host, c.remoteAddress]))
    })
    const answer = await ask('/', {
      headers: [
        ['x-forwarded-for', '1.2.3.4'],
        ['x-forwarded-proto', 'https'],
        ['x-forwarded-host', 'evil.example'],
        ['forwarded', 'for=5.6.7.8;proto=https;host=evil.example'],
      ],
    })
    const peer = subject === 'request' ? '' : '127.0.0.1'
    expect(answer.json).toEqual([peer, 'http', 'localhost', peer])
  })

  test('one trusted hop gives client, scheme and host (Q-6, Q-7, C11)', async () => {
    const { ask } = await run(
      (app) => {
        app.get('/', async (c) => {
          await turn()
          c.json([c.clientIp, c.scheme, c.host])
        })
      },
      { trustProxy: 1 },
    )
    const answer = await ask('/', {
      headers: [
        ['x-forwarded-for', '6.6.6.6, 1.2.3.4'],
        ['x-forwarded-proto', 'http, https'],
        ['x-forwarded-host', 'a.example, shop.example'],
      ],
    })
    expect(answer.json).toEqual(['1.2.3.4', 'https', 'shop.example'])
  })

  test('requestId: a trusted peer says it, else it is made once and not sent (Q-8)', async () => {
    const build = (app: Server): void => {
      app.get('/', (c) => c.json([c.requestId, c.requestId]))
    }
    const headers: Ask['headers'] = [['x-request-id', 'from-outside']]
    const plain = await run(build)
    const answer = await plain.ask('/', { headers })
    const [first, second] = answer.json as [string, string]
    expect(first).toMatch(/^[0-9a-f-]{36}$/)
    expect(second).toBe(first)
    expect(answer.header('x-request-id')).toBeUndefined()
    expect(((await plain.ask('/')).json as string[])[0]).not.toBe(first)
    const trusting = await run(build, { trustProxy: 1 })
    expect((await trusting.ask('/', { headers })).json).toEqual(['from-outside', 'from-outside'])
    const bad = await trusting.ask('/', { headers: [['x-request-id', 'a b']] })
    expect((bad.json as string[])[0]).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe.each(EVERYWHERE)('reading a body, %s', (subject) => {
  const run = (build: (app: Server) => void, config?: ServerConfig): Promise<Target> =>
    serve(subject, build, config)
  const json: Ask['headers'] = [['content-type', 'application/json']]

  test.each([0, 5, 65_536, 65_537, 300_000])(
    'every reader, in any order and twice, of %i bytes (B-1)',
    async (length) => {
      const text = 'é'.repeat(length / 2) + 'x'.repeat(length % 2)
      const { ask } = await run((app) => {
        app.post('/', async (c) => {
          const bytes = await c.bodyBytes()
          await turn()
          const [again, body] = await Promise.all([c.bodyBytes(), c.bodyText()])
          c.json([bytes.length, again.length, body.length, body === text])
        })
        app.post('/sync-start', (c) => c.bodyText().then((body) => c.json(body === text)))
      })
      const bytes = Buffer.byteLength(text)
      const answer = await ask('/', { method: 'POST', body: text })
      expect(answer.json).toEqual([bytes, bytes, text.length, true])
      expect((await ask('/sync-start', { method: 'POST', body: text })).json).toBe(true)
    },
  )

  test('results are copies and stay valid after release (B-1, X-1)', async () => {
    const kept: Uint8Array[] = []
    const { ask } = await run((app) => {
      app.post('/', async (c) => {
        kept.push(await c.bodyBytes())
        c.text('ok')
      })
    })
    for (let i = 0; i < 5; i++) await ask('/', { method: 'POST', body: `body ${i}` })
    expect(kept.map((bytes) => Buffer.from(bytes).toString())).toEqual(
      [0, 1, 2, 3, 4].map((i) => `body ${i}`),
    )
  })

  test.each([4, 70_000])('limits at n-1, n and n+1 of %i bytes (B-2)', async (size) => {
    const { ask, errors } = await run(
      (app) => {
        app.post('/limit', async (c) => c.json((await c.bodyBytes({ limit: size })).length))
        app.post('/server', async (c) => c.json((await c.bodyBytes()).length))
      },
      { maxRequestBodySize: 70_000 },
    )
    const post = (path: string, length: number) =>
      ask(path, { method: 'POST', body: 'x'.repeat(length) })
    expect((await post('/limit', size - 1)).json).toBe(size - 1)
    expect((await post('/limit', size)).json).toBe(size)
    expect((await post('/limit', size + 1)).status).toBe(413)
    expect((await post('/server', 70_000)).json).toBe(70_000)
    expect((await post('/server', 70_001)).status).toBe(413)
    expect(errors()).toEqual([])
  })

  test('a failed limit does not spoil a later read (B-1, B-2)', async () => {
    const { ask } = await run((app) => {
      app.post('/', async (c) => {
        const failure = await c.bodyBytes({ limit: 3 }).catch((error: unknown) => error)
        c.json([(failure as { status: number }).status, await c.bodyText()])
      })
    })
    // Without a socket a large body has no announced length.
    for (const size of subject === 'request' ? [10] : [10, 70_000]) {
      const body = 'x'.repeat(size)
      expect((await ask('/', { method: 'POST', body })).json).toEqual([413, body])
    }
  })

  test('text: UTF-8 without BOM, U+FFFD for bad bytes, latin1, else 415 (B-3)', async () => {
    const { ask } = await run((app) => {
      app.post('/', async (c) => c.json(await c.bodyText()))
    })
    const read = async (body: string | Uint8Array, type?: string) => {
      const headers: Ask['headers'] = type === undefined ? [] : [['content-type', type]]
      const answer = await ask('/', { method: 'POST', body, headers })
      return answer.status === 200 ? answer.json : answer.status
    }
    expect(await read('\ufeffé')).toBe('é')
    expect(await read(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a\ufffdb')
    expect(await read(Uint8Array.of(0xe9), 'text/plain; charset=ISO-8859-1')).toBe('é')
    expect(await read('a', 'text/plain; charset="us-ascii"')).toBe('a')
    expect(await read('a', 'text/plain; charset=utf-16')).toBe(415)
    expect(await read('')).toBe('')
  })

  const jsonCases: readonly [string, string | Uint8Array, string | undefined, number, unknown][] = [
    ['an object', '{"a":[1,"é"]}', 'application/json', 200, { a: [1, 'é'] }],
    ['a vendor type', '1', 'application/vnd.api+json; charset=utf-8', 200, 1],
    ['upper case', '1', 'Application/JSON', 200, 1],
    ['no type', '1', undefined, 415, 'CELERIS_UNSUPPORTED_MEDIA_TYPE'],
    ['a form', 'a=1', 'application/x-www-form-urlencoded', 415, 'CELERIS_UNSUPPORTED_MEDIA_TYPE'],
    ['text', '1', 'text/plain', 415, 'CELERIS_UNSUPPORTED_MEDIA_TYPE'],
    ['nothing', '', 'application/json', 400, 'CELERIS_EMPTY_BODY'],
    ['bad syntax', '{"secret"', 'application/json', 400, 'CELERIS_INVALID_JSON'],
    ['bad UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'application/json', 400, 'CELERIS_INVALID_JSON'],
    ['__proto__', '{"__proto__":{}}', 'application/json', 400, 'CELERIS_INVALID_JSON'],
    [
      'a nested __proto__',
      '[{"a":{"__proto__":1}}]',
      'application/json',
      400,
      'CELERIS_INVALID_JSON',
    ],
    [
      'an escaped __proto__',
      '{"\\u005f_proto__":1}',
      'application/json',
      400,
      'CELERIS_INVALID_JSON',
    ],
    ['__proto__ as a value', '"__proto__"', 'application/json', 200, '__proto__'],
  ]
  test.each(jsonCases)('bodyJson of %s (B-4)', async (_, body, type, status, result) => {
    const { ask } = await run((app) => {
      app.post('/', async (c) => c.json({ value: await c.bodyJson() }))
    })
    const headers: Ask['headers'] = type === undefined ? [] : [['content-type', type]]
    const answer = await ask('/', { method: 'POST', body, headers })
    expect(answer.status).toBe(status)
    if (status === 200) expect(answer.json).toEqual({ value: result })
    else {
      expect((answer.json as { error: { code: string } }).error.code).toBe(result)
      expect(answer.text).not.toContain('secret')
    }
  })

  test('anyType lifts the check of the type (B-4)', async () => {
    const { ask } = await run((app) => {
      app.post('/', async (c) => c.json(await c.bodyJson({ anyType: true })))
    })
    const answer = await ask('/', {
      method: 'POST',
      body: '[1]',
      headers: [['content-type', 'text/plain']],
    })
    expect(answer.json).toEqual([1])
  })

  test('a content coding is refused by text and json, not by bytes (B-7)', async () => {
    const { ask } = await run((app) => {
      app.post('/text', async (c) => c.json(await c.bodyText()))
      app.post('/json', async (c) => c.json(await c.bodyJson()))
      app.post('/bytes', async (c) => c.json((await c.bodyBytes()).length))
    })
    const coded: Ask = {
      method: 'POST',
      body: '"a"',
      headers: [...json, ['content-encoding', 'gzip']],
    }
    for (const path of ['/text', '/json']) {
      const answer = await ask(path, coded)
      expect([answer.status, answer.header('accept-encoding')]).toEqual([415, 'identity'])
    }
    expect((await ask('/bytes', coded)).json).toBe(3)
    const identity: Ask = {
      method: 'POST',
      body: '"a"',
      headers: [...json, ['content-encoding', 'Identity']],
    }
    expect((await ask('/json', identity)).json).toBe('a')
  })
})

describe.each(ENGINES)('reading a body in pieces, %s', (engine) => {
  test('chunked, and an announced one that comes slowly (B-1, BODY-3)', async () => {
    const seen: string[] = []
    const { connect } = await serve(engine, (app) => {
      app.post('/', async (c) => {
        seen.push(c.path)
        c.json([await c.bodyText(), c.contentLength ?? 'unknown', c.header('x-mine')])
      })
    })
    const wire = await connect()
    await wire.send(
      'POST / HTTP/1.1\r\nhost: a\r\nx-mine: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n',
    )
    await turn()
    await wire.send('2\r\nde\r\n0\r\n\r\n')
    expect((await wire.answer()).json).toEqual(['abcde', 'unknown', '1'])
    await wire.send('POST / HTTP/1.1\r\nhost: a\r\nx-mine: 2\r\ncontent-length: 6\r\n\r\nfgh')
    await turn()
    await wire.send('ijk')
    expect((await wire.answer()).json).toEqual(['fghijk', 6, '2'])
    await wire.send(requestText('/', { method: 'POST', body: 'x'.repeat(100_000) }))
    expect(((await wire.answer()).json as unknown[])[1]).toBe(100_000)
  })

  test('a body nobody reads does not hurt the next request (B-2)', async () => {
    const { connect } = await serve(engine, (app) => {
      app.post('/', (c) => c.text(`unread ${c.contentLength ?? 'chunked'}`))
      app.get('/', () => 'next')
    })
    const wire = await connect()
    const body = 'y'.repeat(2_000)
    await wire.send(requestText('/', { method: 'POST', body }))
    expect((await wire.answer()).text).toBe('unread 2000')
    expect((await wire.ask('GET / HTTP/1.1\r\nhost: a\r\n\r\n')).text).toBe('next')
  })

  test('half a body and then nothing more: the handler is told, nothing is unhandled (B-1, C1)', async () => {
    const started = gate()
    const ended = gate<unknown>()
    const { connect } = await serve(engine, (app) => {
      app.post('/', async (c) => {
        started.open()
        try {
          await c.bodyText()
        } catch (error) {
          ended.open(error)
          throw error
        }
      })
    })
    const wire = await connect()
    await wire.send('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab')
    await started.promise
    wire.reset()
    const error = (await ended.promise) as { code: string }
    expect(['CELERIS_CLIENT_ABORTED', 'CELERIS_BODY_TRUNCATED']).toContain(error.code)
  })
})

describe.each(EVERYWHERE)('answering, %s', (subject) => {
  const run = (build: (app: Server) => void): Promise<Target> => serve(subject, build)

  test('types, a type set before, status against argument (A-1)', async () => {
    const { ask } = await run((app) => {
      app.get('/text', (c) => c.text('t'))
      app.get('/json', (c) => c.json({ a: 'é' }))
      app.get('/html', (c) => c.html('<p>'))
      app.get('/bytes', (c) => c.bytes(Uint8Array.of(1, 2)))
      app.get('/bytes-type', (c) =>
        c.setHeader('content-type', 'a/b').bytes(Uint8Array.of(1), 'image/png'),
      )
      app.get('/own-text', (c) => c.setHeader('content-type', 'text/csv').text('a,b'))
      app.get('/own-bytes', (c) => c.setHeader('Content-Type', 'image/gif').bytes(Uint8Array.of(1)))
      app.get('/status', (c) => c.status(201).text('s'))
      app.get('/argument', (c) => c.status(201).text('s', 202))
      app.get('/none', (c) => c.noContent())
      app.get('/none-205', (c) => c.noContent(205))
    })
    const of = async (path: string): Promise<unknown[]> => {
      const answer = await ask(path)
      return [answer.status, answer.header('content-type'), answer.text]
    }
    expect(await of('/text')).toEqual([200, 'text/plain; charset=utf-8', 't'])
    expect(await of('/json')).toEqual([200, 'application/json', '{"a":"é"}'])
    expect(await of('/html')).toEqual([200, 'text/html; charset=utf-8', '<p>'])
    expect(await of('/bytes')).toEqual([200, 'application/octet-stream', '\u0001\u0002'])
    expect(await of('/bytes-type')).toEqual([200, 'image/png', '\u0001'])
    expect(await of('/own-text')).toEqual([200, 'text/csv', 'a,b'])
    expect(await of('/own-bytes')).toEqual([200, 'image/gif', '\u0001'])
    expect(await of('/status')).toEqual([201, 'text/plain; charset=utf-8', 's'])
    expect(await of('/argument')).toEqual([202, 'text/plain; charset=utf-8', 's'])
    expect(await of('/none')).toEqual([204, undefined, ''])
    expect(await of('/none-205')).toEqual([205, undefined, ''])
  })

  test.each([199, 600, 200.5, Number.NaN, '200'])(
    'status %s is refused (RES-1)',
    async (status) => {
      const { ask, errors } = await run((app) => {
        app.get('/', (c) => c.text('x', status as number))
      })
      expect((await ask('/')).status).toBe(500)
      expect(errors()[0]).toContain('RangeError')
    },
  )

  const lengths = [0, 1, 19, 20, 21, 60, 1_023, 1_024, 1_025, 40_000, 700_000, 1_500_000]
  test.each(lengths)('text and JSON of %i characters arrive whole (A-2)', async (length) => {
    const texts = ['x', 'é', '€', '😀'].map((unit) => unit.repeat(length / unit.length))
    const { ask } = await run((app) => {
      app.get('/text/:n', (c) => c.text(texts[Number(c.param('n'))] as string))
      app.get('/json/:n', (c) => c.json(texts[Number(c.param('n'))]))
    })
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 4; n++) {
        const text = await ask(`/text/${n}`)
        expect(text.text === texts[n]).toBe(true)
        expect((await ask(`/json/${n}`)).text === JSON.stringify(texts[n])).toBe(true)
      }
    }
  })

  test('what JSON cannot say is an error and nothing is written (A-2)', async () => {
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    const values = [undefined, () => 1, cycle, { big: 1n }, Symbol('s')]
    const { ask, errors } = await run((app) => {
      app.get('/:n', (c) => c.json(values[Number(c.param('n'))]))
    })
    for (let n = 0; n < values.length; n++) expect((await ask(`/${n}`)).status).toBe(500)
    expect(errors().every((error) => error.startsWith('TypeError'))).toBe(true)
  })

  test('the first answer decides, a second is an error (A-3)', async () => {
    const answers: ((c: Context) => void)[] = [
      (c) => c.text('2'),
      (c) => c.json(2),
      (c) => c.html('2'),
      (c) => c.bytes(Uint8Array.of(2)),
      (c) => c.noContent(),
      (c) => c.redirect('/'),
      (c) => c.respond('2'),
    ]
    const { ask, errors } = await run((app) => {
      app.get('/caught/:n', (c) => {
        c.text('1')
        try {
          answers[Number(c.param('n'))]?.(c as Context)
        } catch (error) {
          c.setHeader('x-code', (error as { code: string }).code)
        }
      })
      app.get('/thrown/:n', (c) => {
        c.text('1')
        answers[Number(c.param('n'))]?.(c as Context)
      })
    })
    for (let n = 0; n < answers.length; n++) {
      const answer = await ask(`/caught/${n}`)
      expect([answer.status, answer.text, answer.header('location')]).toEqual([200, '1', undefined])
      expect(answer.header('x-code')).toBe('CELERIS_RESPONSE_WRITTEN')
      expect((await ask(`/thrown/${n}`)).status).toBe(500)
    }
    expect(errors()).toHaveLength(answers.length)
  })

  test('status and headers may change until the chain has settled (A-3)', async () => {
    const { ask } = await run((app) => {
      app.get('/', async (c) => {
        c.text('body')
        await turn()
        c.status(203).setHeader('x-late', '1')
      })
    })
    const answer = await ask('/')
    expect([answer.status, answer.header('x-late'), answer.text]).toEqual([203, '1', 'body'])
  })

  test('set replaces, append adds, delete removes, case does not count (A-5, C15)', async () => {
    const { ask } = await run((app) => {
      app.get('/', (c) => {
        c.setHeader('X-A', '1').setHeader('x-a', '2')
        c.setHeader('X-B', '1').appendHeader('x-b', '2')
        c.setHeader('X-C', '1').deleteHeader('x-C')
        c.setHeader('x-d', 7).setHeader('x-e', ['1', '2'])
        c.setHeader('vary', 'origin').vary('Origin').vary('accept')
        c.json([c.responseHeader('x-A'), c.responseHeader('X-C') ?? null])
      })
    })
    const answer = await ask('/')
    expect(answer.json).toEqual(['2', null])
    expect(['x-a', 'x-b', 'x-c', 'x-d', 'x-e', 'vary'].map((name) => answer.header(name))).toEqual([
      '2',
      '1, 2',
      undefined,
      '7',
      '1, 2',
      'origin, accept',
    ])
  })

  test('cookies: own lines, replaced by identity, refused when browsers would drop them (A-6, C15)', async () => {
    const refused: unknown[] = []
    const { ask } = await run((app) => {
      app.get('/', (c) => {
        c.setCookie('a', '1').setCookie('b', 'x y;é').setCookie('a', '2')
        c.setCookie('a', '3', { path: '/p' })
        c.setCookie('c', '', { maxAge: 60, httpOnly: true, secure: true, sameSite: 'none' })
        c.deleteCookie('d')
        const attempts: (() => void)[] = [
          () => c.setCookie('bad name', ''),
          () => c.setCookie('e', 'a;b', { encode: false }),
          () => c.setCookie('e', '', { path: '/;x' }),
          () => c.setCookie('e', '', { sameSite: 'none' }),
          () => c.setCookie('__Secure-e', ''),
          () => c.setCookie('__Host-e', '', { secure: true, path: '/p' }),
          () => c.setCookie('e', 'x'.repeat(4_096)),
          () => c.setCookie('e', '', { maxAge: 1.5 }),
        ]
        for (const attempt of attempts) {
          try {
            attempt()
            refused.push('accepted')
          } catch (error) {
            refused.push((error as { code: string }).code)
          }
        }
        c.text('')
      })
    })
    const answer = await ask('/')
    const lines = answer.lines('set-cookie')
    expect(lines.slice(0, 3)).toEqual(['a=2; Path=/', 'b=x%20y%3B%C3%A9; Path=/', 'a=3; Path=/p'])
    expect(lines[3]).toMatch(/^c=; /)
    expect(lines[4]).toMatch(/^d=; .*Max-Age=0.*Expires=Thu, 01 Jan 1970/)
    expect(lines).toHaveLength(5)
    expect(refused).toEqual(new Array(8).fill('CELERIS_INVALID_COOKIE'))
  })

  test('redirect: statuses, encoding, nothing injected (A-7)', async () => {
    const targets: [string, string | number][] = [
      ['/a', '/a'],
      ['https://x.example/?a=b#c', 'https://x.example/?a=b#c'],
      ['/café/😀 x', '/caf%C3%A9/%F0%9F%98%80%20x'],
      ['/100%', '/100%25'],
      ['/%20', '/%20'],
      ['/\ud800', '/%EF%BF%BD'],
      ['/a\r\nx: y', 500],
      ['/a\0', 500],
    ]
    const { ask } = await run((app) => {
      app.get('/to/:n', (c) => c.redirect((targets[Number(c.param('n'))] as [string, string])[0]))
      app.get('/status/:n', (c) => c.redirect('/x', Number(c.param('n'))))
    })
    for (let n = 0; n < targets.length; n++) {
      const answer = await ask(`/to/${n}`)
      const [, expected] = targets[n] as [string, string | number]
      if (expected === 500) expect(answer.status).toBe(500)
      else expect([answer.status, answer.header('location')]).toEqual([302, expected])
    }
    for (const status of [301, 302, 303, 307, 308])
      expect((await ask(`/status/${status}`)).status).toBe(status)
    for (const status of [200, 300, 304, 400])
      expect((await ask(`/status/${status}`)).status).toBe(500)
  })

  test('respond and accepts follow the client (A-8)', async () => {
    const { ask } = await run((app) => {
      app.get('/text', (c) => c.respond('words'))
      app.get('/object', (c) => c.respond({ a: 1 }, 201))
      app.get('/accepts', (c) =>
        c.json([
          c.accepts('text/html', 'application/json') ?? null,
          c.acceptsEncodings('br', 'gzip') ?? null,
          c.acceptsLanguages('de', 'en') ?? null,
        ]),
      )
    })
    const accept = (value: string): Ask => ({ headers: [['accept', value]] })
    const json = await ask('/text', accept('application/json'))
    expect([json.text, json.header('vary')]).toEqual(['"words"', 'accept'])
    expect((await ask('/text', accept('text/plain'))).text).toBe('words')
    expect((await ask('/text', accept('image/png'))).text).toBe('"words"')
    const object = await ask('/object', accept('text/plain'))
    expect([object.status, object.text]).toEqual([201, '{"a":1}'])
    const negotiated = await ask('/accepts', {
      headers: [
        ['accept', 'text/*;q=0.3, text/html;q=0, application/json;q=0.1'],
        ['accept-encoding', 'gzip;q=0.9, br;q=0'],
        ['accept-language', 'en-US, de;q=0.1'],
      ],
    })
    expect(negotiated.json).toEqual(['application/json', 'gzip', 'en'])
  })

  test('beforeSend runs in order, once, for every kind of answer, and may change it (A-15)', async () => {
    const { ask } = await run((app) => {
      app.use((c, next) => {
        c.beforeSend((sent) => {
          sent
            .appendHeader('x-order', '1')
            .status(sent.responseStatus === 200 ? 203 : sent.responseStatus)
        })
        c.beforeSend((sent) => void sent.appendHeader('x-order', '2'))
        return next()
      })
      app.get('/sync', () => 'x')
      app.get('/late', async () => {
        await turn()
        return 'x'
      })
      app.get('/error', () => {
        throw new Error('x')
      })
      app.post('/post', () => 'x')
    })
    const table: [string, Ask, number][] = [
      ['/sync', {}, 203],
      ['/late', {}, 203],
      ['/error', {}, 500],
      ['/missing', {}, 404],
      ['/post', {}, 405],
      ['/post', { method: 'OPTIONS' }, 204],
    ]
    for (const [path, how, status] of table) {
      const answer = await ask(path, how)
      expect([path, answer.status, answer.header('x-order')]).toEqual([path, status, '1, 2'])
    }
  })

  test('onRelease runs last first, once, after the answer, and its errors are logged (A-15)', async () => {
    const order: string[] = []
    const { ask, errors } = await run((app) => {
      app.get('/:how', async (c) => {
        c.onRelease(() => order.push('first'))
        c.onRelease(() => {
          throw new Error('hook')
        })
        c.onRelease(() => order.push('last'))
        if (c.param('how') === 'late') await turn()
        if (c.param('how') === 'error') throw new Error('handler')
        c.text('x')
      })
      app.get('/sync/x', (c) => {
        c.onRelease(() => order.push('first'))
        c.onRelease(() => order.push('last'))
        c.text('x')
      })
    })
    for (const path of ['/now', '/late', '/error', '/sync/x']) {
      await ask(path)
      expect(order.splice(0)).toEqual(['last', 'first'])
    }
    expect(errors()).toEqual(['Error: hook', 'Error: hook', 'Error: handler', 'Error: hook'])
  })
})

const MEMBERS: readonly [name: string, use: (c: Context) => unknown][] = [
  ...(
    [
      'method',
      'path',
      'rawPath',
      'originalPath',
      'routePath',
      'rawQuery',
      'protocol',
      'scheme',
      'host',
      'remoteAddress',
      'remotePort',
      'clientIp',
      'requestId',
      'startTime',
      'signal',
      'aborted',
      'written',
      'params',
      'rawHeaders',
      'contentLength',
      'responseStatus',
      'var',
    ] as const
  ).map((name): [string, (c: Context) => unknown] => [name, (c) => c[name]]),
  ['param()', (c) => c.param('id')],
  ['query()', (c) => c.query('q')],
  ['queryAll()', (c) => c.queryAll('q')],
  ['queryParams()', (c) => c.queryParams()],
  ['header()', (c) => c.header('host')],
  ['headers()', (c) => c.headers()],
  ['cookie()', (c) => c.cookie('a')],
  ['cookies()', (c) => c.cookies()],
  ['status()', (c) => c.status(200)],
  ['setHeader()', (c) => c.setHeader('x', '1')],
  ['setHeader([])', (c) => c.setHeader('x', ['1'])],
  ['appendHeader()', (c) => c.appendHeader('x', '1')],
  ['deleteHeader()', (c) => c.deleteHeader('x')],
  ['responseHeader()', (c) => c.responseHeader('x')],
  ['vary()', (c) => c.vary('x')],
  ['text()', (c) => c.text('leak')],
  ['json()', (c) => c.json('leak')],
  ['html()', (c) => c.html('leak')],
  ['bytes()', (c) => c.bytes(Uint8Array.of(1))],
  ['bytes(type)', (c) => c.bytes(Uint8Array.of(1), 'a/b')],
  ['noContent()', (c) => c.noContent()],
  ['redirect()', (c) => c.redirect('/')],
  ['respond()', (c) => c.respond('leak')],
  ['setCookie()', (c) => c.setCookie('a', '1')],
  ['deleteCookie()', (c) => c.deleteCookie('a')],
  ['accepts()', (c) => c.accepts('a/b')],
  ['acceptsEncodings()', (c) => c.acceptsEncodings('br')],
  ['acceptsLanguages()', (c) => c.acceptsLanguages('en')],
  ['set()', (c) => c.set('a', 1)],
  ['get()', (c) => c.get('a')],
  ['beforeSend()', (c) => c.beforeSend(() => undefined)],
  ['onRelease()', (c) => c.onRelease(() => undefined)],
  ['rewrite()', (c) => c.rewrite({ path: '/' })],
]

function codeOf(use: () => unknown): unknown {
  try {
    return use()
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe.each(EVERYWHERE)('after release, %s', (subject) => {
  test.each(['production', 'test'])('every member throws, in %s (X-1)', async (mode) => {
    vi.stubEnv('NODE_ENV', mode)
    const kept: Context[] = []
    const { ask } = await serve(subject, (app) => {
      app.get('/sync', (c) => {
        kept.push(c as Context)
        c.text('sync')
      })
      app.get('/late', async (c) => {
        kept.push(c as Context)
        await turn()
        c.text('late')
      })
      app.post('/body', async (c) => {
        kept.push(c as Context)
        c.text(await c.bodyText())
      })
    })
    await ask('/sync')
    await ask('/late')
    await ask('/body', { method: 'POST', body: 'b' })
    for (const c of kept) {
      for (const [name, use] of MEMBERS)
        expect([name, codeOf(() => use(c))]).toEqual([name, 'CELERIS_CONTEXT_RELEASED'])
      for (const read of [() => c.bodyBytes(), () => c.bodyText(), () => c.bodyJson()])
        await expect(read()).rejects.toMatchObject({ code: 'CELERIS_CONTEXT_RELEASED' })
    }
  })

  test('a call from a timer or promise never reaches a request that is waiting (X-1)', async () => {
    const leaked: Context[] = []
    const waiting = gate()
    const proceed = gate()
    const { ask } = await serve(subject, (app) => {
      app.get('/leak', (c) => {
        leaked.push(c as Context)
        c.text('leak')
      })
      app.get('/wait', async (c) => {
        waiting.open()
        await proceed.promise
        c.text('mine')
      })
    })
    for (let i = 0; i < 3; i++) await ask('/leak')
    const answer = ask('/wait')
    await waiting.promise
    for (const c of leaked) {
      expect(c.live).toBe(false)
      expect(codeOf(() => c.text('stolen'))).toBe('CELERIS_CONTEXT_RELEASED')
      expect(codeOf(() => c.setHeader('x-stolen', '1'))).toBe('CELERIS_CONTEXT_RELEASED')
    }
    proceed.open()
    const { text, fields } = await answer
    expect(text).toBe('mine')
    expect(fields.some(([name]) => name === 'x-stolen')).toBe(false)
  })

  test('two requests that differ in every field share nothing (X-2)', async () => {
    const { ask } = await serve(subject, (app) => {
      const everything = (c: Context): void => {
        const before = [
          c.written,
          c.responseStatus,
          c.responseHeader('x-0') ?? null,
          { ...c.var },
          c.routePath,
        ]
        for (let i = 0; i < 30; i++) c.setHeader(`x-${i}`, String(i))
        c.setCookie('a', '1')
        c.set('user', 'someone')
        c.beforeSend((sent) => void sent.setHeader('x-hook', '1'))
        c.onRelease(() => undefined)
        c.setHeader('content-type', 'text/x')
        c.status(202).bytes(Buffer.from(JSON.stringify([before, readAll(c)])), 'text/y')
      }
      app.get('/full/:id/*rest', everything as never)
      app.get('/full-late/:id/*rest', (async (c: Context) => {
        await turn()
        everything(c)
      }) as never)
      app.get('/plain', (c) =>
        c.json([
          c.responseStatus,
          c.responseHeader('x-0') ?? null,
          { ...c.var },
          readAll(c as Context),
        ]),
      )
      app.get('/hello', () => 'hello')
    })
    const plainHeaders = ['content-length', 'content-type', 'date']
    for (let round = 0; round < 3; round++) {
      for (const path of ['/full/1/a/b?q=1', '/full-late/2/c?q=2']) {
        const full = await ask(path, { headers: HEADERS })
        expect(full.status).toBe(202)
        const [before] = full.json as [unknown[]]
        expect(before).toEqual([false, 200, null, {}, `${path.split('/', 2).join('/')}/:id/*rest`])
        expect(full.header('x-hook')).toBe('1')
        expect(full.header('content-type')).toBe('text/y')
        const hello = await ask('/hello')
        expect([hello.status, hello.text]).toEqual([200, 'hello'])
        expect(hello.fields.map(([name]) => name).sort()).toEqual(plainHeaders)
        const plain = await ask('/plain')
        expect(plain.fields.map(([name]) => name).sort()).toEqual(plainHeaders)
        const [status, header, variables, seen] = plain.json as [number, unknown, object, object]
        expect([status, header, variables]).toEqual([200, null, {}])
        expect(seen).toMatchObject({
          method: 'GET',
          path: '/plain',
          rawQuery: '',
          params: {},
          cookies: {},
          routePath: '/plain',
        })
        expect(seen).not.toHaveProperty('one')
      }
    }
  })
})

describe.each(ENGINES)('after release, %s, by force', (engine) => {
  test('a stale context of a sync request cannot answer a POST that waits for its body (X-1)', async () => {
    const leaked: Context[] = []
    const { connect, ask } = await serve(engine, (app) => {
      app.get('/leak', (c) => {
        leaked.push(c as Context)
        c.text('leak')
      })
      app.post('/post', (c) => c.text(`posted ${c.contentLength}`))
    })
    await ask('/leak')
    const wire = await connect()
    const size = 200_000
    await wire.send(`POST /post HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`)
    for (let piece = 0; piece < 10; piece++) {
      await wire.send('x'.repeat(size / 10))
      await turn()
      for (const c of leaked)
        expect(codeOf(() => c.text('stolen'))).toBe('CELERIS_CONTEXT_RELEASED')
    }
    expect((await wire.answer()).text).toBe(`posted ${size}`)
  })

  test('10 000 random requests: every answer proves that only its own data was seen (X-2)', async () => {
    const { port, app } = await serve(engine, (server) => {
      const echo = (c: Context): void => {
        c.setHeader('x-echo', c.header('x-id') ?? 'none')
        c.json([c.param('id'), c.query('q'), c.header('x-id'), c.get('id') ?? null])
        c.set('id', c.param('id'))
      }
      server.get('/sync/:id', echo as never)
      server.get('/late/:id', (async (c: Context) => {
        c.set('other', 1)
        if (Number(c.param('id')) % 3 === 0) await turn()
        echo(c)
      }) as never)
      server.get('/error/:id', ((c: Context) => {
        c.setHeader('x-echo', c.header('x-id') ?? 'none')
        throw Object.assign(new Error(`${c.param('id')} ${c.query('q')}`), { status: 400 })
      }) as never)
      server.get('/plain', () => 'plain')
    })
    let seed = 12_345
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return (seed >>> 8) % below
    }
    const { Wire } = await import('./support/wire.ts')
    await Promise.all(
      Array.from({ length: 10 }, async (_, client) => {
        const wire = await Wire.open({ port })
        atEnd(() => wire.close())
        for (let done = 0; done < 1_000; ) {
          const batch = Array.from({ length: 1 + random(16) }, () => ({
            kind: ['sync', 'late', 'error', 'plain'][random(4)] as string,
            id: `${client * 100_000 + done * 17 + random(17)}`,
            q: `q${random(1_000_000)}`,
          }))
          await wire.send(
            batch
              .map(({ kind, id, q }) =>
                kind === 'plain'
                  ? 'GET /plain HTTP/1.1\r\nhost: a\r\n\r\n'
                  : `GET /${kind}/${id}?q=${q} HTTP/1.1\r\nhost: a\r\nx-id: h${id}\r\n\r\n`,
              )
              .join(''),
          )
          for (const { kind, id, q } of batch) {
            const answer = await wire.answer()
            if (kind === 'plain') {
              expect([answer.text, answer.header('x-echo')]).toEqual(['plain', undefined])
              continue
            }
            expect(answer.header('x-echo')).toBe(`h${id}`)
            if (kind === 'error') expect(answer.text).toContain(`${id} ${q}`)
            else expect(answer.json).toEqual([id, q, `h${id}`, null])
          }
          done += batch.length
        }
      }),
    )
    expect(app.collector?.snapshot().requests).toBeGreaterThanOrEqual(10_000)
  })
})
