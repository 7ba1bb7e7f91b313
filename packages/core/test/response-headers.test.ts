import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  type Context,
  RESPONSE_HEADER_INLINE,
  RESPONSE_HEADER_SCRATCH,
  type Server,
} from '../src/index.ts'
import { ENGINES, EVERYWHERE, serve, type Target } from './support/serve.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`
const COUNTS = [0, 1, 5, 17, 18, 19, 21, 22, 23, 24, 25, 26, 30, 200]
/** Fields that the engine adds. */
const OWN = new Set(['content-type', 'content-length', 'date', 'connection'])

test('the scratch is what the inline room leaves beside content-type and content-length (A-4)', () => {
  expect(RESPONSE_HEADER_INLINE).toBe(24)
  expect(RESPONSE_HEADER_SCRATCH).toBe(RESPONSE_HEADER_INLINE - 2)
})

describe.each(ENGINES)('header lines of an answer, %s', (engine) => {
  const sets: readonly [how: string, set: (c: Context, index: number) => void][] = [
    ['set', (c, index) => void c.setHeader(`x-${index}`, `v${index}`)],
    ['appended', (c, index) => void c.appendHeader(`x-${index}`, `v${index}`)],
    [
      'set twice',
      (c, index) => void c.setHeader(`x-${index}`, 'old').setHeader(`X-${index}`, `v${index}`),
    ],
    [
      'set and deleted',
      (c, index) =>
        void c.setHeader('x-gone', '').setHeader(`x-${index}`, `v${index}`).deleteHeader('X-Gone'),
    ],
  ]
  test.each(sets)(
    'any number of lines that were %s arrive in order, context after context (A-4)',
    async (_, set) => {
      const spilled: [number, boolean][] = []
      const { connect } = await serve(engine, (app) => {
        const answer = (c: Context): void => {
          const count = Number(c.param('n'))
          for (let index = 0; index < count; index++) set(c, index)
          spilled.push([count, c.answerHeaders?.spilled === true])
          c.text(`with ${count}`)
        }
        app.get('/sync/:n', answer as never)
        app.get('/late/:n', (async (c: Context) => {
          await turn()
          answer(c)
        }) as never)
        app.get('/plain', () => 'plain')
      })
      const wire = await connect()
      for (const kind of ['sync', 'late']) {
        for (const count of [...COUNTS, ...COUNTS.toReversed()]) {
          const answer = await wire.ask(get(`/${kind}/${count}`))
          expect(answer.text).toBe(`with ${count}`)
          expect(answer.fields.filter(([name]) => !OWN.has(name))).toEqual(
            Array.from({ length: count }, (_, index) => [`x-${index}`, `v${index}`]),
          )
          const plain = await wire.ask(get('/plain'))
          expect(plain.fields.filter(([name]) => !OWN.has(name))).toEqual([])
        }
      }
      // Up to the scratch nothing spills; a context that has spilled before keeps its room.
      const late = spilled.slice(COUNTS.length * 2)
      for (const [count, spill] of late) {
        if (count < RESPONSE_HEADER_SCRATCH) expect([count, spill]).toEqual([count, false])
        if (count > RESPONSE_HEADER_SCRATCH) expect([count, spill]).toEqual([count, true])
      }
    },
  )

  test('18 lines and four cookies never touch the spill (A-4)', async () => {
    let spill: boolean | undefined
    const { connect } = await serve(engine, (app) => {
      app.get('/', (c) => {
        for (let index = 0; index < 18; index++) c.setHeader(`x-${index}`, `v${index}`)
        for (let index = 0; index < 4; index++) c.setCookie(`c${index}`, `v${index}`)
        spill = c.answerHeaders?.spilled
        c.json({})
      })
    })
    const wire = await connect()
    const answer = await wire.ask(get('/'))
    expect(answer.lines('set-cookie')).toEqual([0, 1, 2, 3].map((n) => `c${n}=v${n}; Path=/`))
    expect(spill).toBe(false)
  })

  test('lines of one name with changing values are never mixed up (A-4)', async () => {
    const { connect } = await serve(engine, (app) => {
      app.get('/:a/:b', (c) => {
        c.setHeader('x-a', c.param('a'))
          .setHeader('x-b', c.param('b'))
          .setHeader('x-long', c.param('a').repeat(300))
        c.text('x')
      })
    })
    const wire = await connect()
    for (const [a, b] of ['12', '21', '11', '22', '33', '12', '12', '21'].map((pair) => [
      ...pair,
    ])) {
      const answer = await wire.ask(get(`/${a}/${b}`))
      expect(answer.fields.filter(([name]) => !OWN.has(name))).toEqual([
        ['x-a', a],
        ['x-b', b],
        ['x-long', (a as string).repeat(300)],
      ])
    }
    // More names than are remembered.
    const many = await serve(engine, (app) => {
      app.get('/:n', (c) => c.setHeader(`y-${c.param('n')}`, `${c.param('n')}!`).text('x'))
    })
    const other = await many.connect()
    for (let n = 0; n < 300; n++)
      expect((await other.ask(get(`/${n}`))).header(`y-${n}`)).toBe(`${n}!`)
  })

  test('pipelined answers keep their own lines (A-4)', async () => {
    const { connect } = await serve(engine, (app) => {
      app.get('/:n', async (c) => {
        c.setHeader('x-n', c.param('n'))
        if (Number(c.param('n')) % 2 === 0) await turn()
        c.text(c.param('n'))
      })
    })
    const wire = await connect()
    await wire.send(Array.from({ length: 200 }, (_, n) => get(`/${n}`)).join(''))
    for (let n = 0; n < 200; n++) {
      const answer = await wire.answer()
      expect([answer.text, answer.header('x-n')]).toEqual([String(n), String(n)])
    }
  })

  test('HEAD, 204, 205, 304 and an empty answer are framed right (RES-3, RES-4)', async () => {
    const { connect } = await serve(engine, (app) => {
      app.get('/text', (c) => c.text('four'))
      app.get('/set', (c) => c.setHeader('x-a', '1').text('four'))
      app.get('/late', async (c) => {
        await turn()
        c.json({ a: 1 })
      })
      app.get('/large', (c) => c.text('x'.repeat(2_000_000)))
      app.get('/own', (c) => c.setHeader('content-length', 99).noContent(200))
      app.get('/status/:n', (c) => c.noContent(Number(c.param('n'))))
      app.get('/body/:n', (c) => c.text('dropped', Number(c.param('n'))))
    })
    const wire = await connect()
    for (let round = 0; round < 3; round++) {
      for (const [path, length] of [
        ['/text', '4'],
        ['/set', '4'],
        ['/late', '7'],
        ['/large', '2000000'],
        ['/own', '99'],
      ]) {
        const head = await wire.ask(`HEAD ${path} HTTP/1.1\r\nhost: a\r\n\r\n`, 'HEAD')
        expect([path, head.status, head.header('content-length')]).toEqual([path, 200, length])
      }
      for (const path of ['/status/204', '/status/304', '/body/204', '/body/304']) {
        const answer = await wire.ask(get(path))
        expect([path, answer.lines('content-length'), answer.text]).toEqual([path, [], ''])
      }
      for (const path of ['/status/205', '/body/205', '/status/200', '/status/404']) {
        const answer = await wire.ask(get(path))
        expect([path, answer.header('content-length'), answer.text]).toEqual([path, '0', ''])
      }
    }
  })

  test('every answer has one date; a handler’s own wins (RES-2)', async () => {
    const { connect } = await serve(engine, (app) => {
      app.get('/', () => 'x')
      app.get('/json', (c) => c.json({}))
      app.get('/own', (c) => c.setHeader('Date', 'Tue, 01 Jan 2030 00:00:00 GMT').text('x'))
    })
    const wire = await connect()
    for (const path of ['/', '/', '/', '/json', '/missing']) {
      const date = (await wire.ask(get(path))).header('date') as string
      expect(date).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/)
      expect(Math.abs(Date.parse(date) - Date.now())).toBeLessThan(5_000)
    }
    expect((await wire.ask(get('/own'))).lines('date')).toEqual(['Tue, 01 Jan 2030 00:00:00 GMT'])
    expect((await wire.ask(get('/'))).lines('server')).toEqual([])
  })

  test('connection: close closes, keep-alive is ignored (RES-7)', async () => {
    const { connect } = await serve(engine, (app) => {
      app.get('/keep', (c) => c.setHeader('connection', 'keep-alive').text('kept'))
      app.get('/close', (c) => c.setHeader('connection', 'Close').text('closed'))
    })
    const wire = await connect()
    expect((await wire.ask(get('/keep'))).lines('connection')).toEqual([])
    expect((await wire.ask(get('/close'))).lines('connection')).toEqual(['close'])
    await wire.rest()
    expect(wire.ending).toBe('end')
  })
})

describe.each(EVERYWHERE)('headers that are refused, %s', (subject) => {
  const run = (build: (app: Server) => void): Promise<Target> => serve(subject, build)

  const bad: readonly [what: string, name: string, value: string][] = [
    ['CR LF in a value', 'x-a', 'a\r\nset-cookie: evil=1'],
    ['CR in a value', 'x-a', 'a\rb'],
    ['LF in a value', 'x-a', 'a\nb'],
    ['NUL in a value', 'x-a', 'a\0b'],
    ['DEL in a value', 'x-a', 'a\x7f'],
    ['a code unit above 0xFF', 'x-a', '€'],
    ['an empty name', '', 'a'],
    ['a space in a name', 'x a', 'b'],
    ['a colon in a name', 'x:', 'b'],
    ['CR LF in a name', 'x\r\ny', 'b'],
    ['NUL in a name', 'x\0', 'b'],
    ['a name beyond ASCII', 'x-é', 'b'],
    ...['transfer-encoding', 'Keep-Alive', 'proxy-connection', 'upgrade', 'TE', 'trailer'].map(
      (name): [string, string, string] => [`the reserved ${name}`, name, 'x'],
    ),
    ['connection: upgrade', 'connection', 'upgrade'],
    ['a content-length that is no number', 'content-length', '1e3'],
    ['a negative content-length', 'content-length', '-1'],
  ]
  test.each(bad)('%s, and nothing of it is sent (RES-5, RES-7, C15)', async (_, name, value) => {
    const codes: string[] = []
    const { ask } = await run((app) => {
      app.get('/', (c) => {
        for (const attempt of [
          () => c.setHeader(name, value),
          () => c.appendHeader(name, value),
          () => c.setHeader(name, [value]),
        ]) {
          try {
            attempt()
            codes.push('accepted')
          } catch (error) {
            codes.push((error as { code: string }).code)
          }
        }
        c.text('fine')
      })
      app.get('/thrown', (c) => c.setHeader(name, value).text('never'))
    })
    const answer = await ask('/')
    expect(codes).toEqual(new Array(3).fill('CELERIS_INVALID_HEADER'))
    expect(answer.text).toBe('fine')
    expect(answer.fields.map(([field]) => field).sort()).toEqual([
      'content-length',
      'content-type',
      'date',
    ])
    expect((await ask('/thrown')).status).toBe(500)
  })

  test('bytes() and a cookie cannot inject either (RES-5, A-6)', async () => {
    const { ask } = await run((app) => {
      app.get('/bytes', (c) => c.bytes(Uint8Array.of(1), 'a/b\r\nx: y'))
      app.get('/cookie', (c) => c.setCookie('a', '\r\nx: y', { encode: false }).text('x'))
      app.get('/path', (c) => c.setCookie('a', 'b', { path: '/\r\nx: y' }).text('x'))
    })
    for (const path of ['/bytes', '/cookie', '/path']) expect((await ask(path)).status).toBe(500)
  })

  test('values of tab and 0x80 to 0xFF arrive as latin1 (RES-5)', async () => {
    const { ask } = await run((app) => {
      app.get('/', (c) => c.setHeader('x-a', 'a\tb').setHeader('x-b', 'é\xff').text('x'))
    })
    const answer = await ask('/')
    expect([answer.header('x-a'), answer.header('x-b')]).toEqual(['a\tb', 'é\xff'])
  })

  test('a content-length that is not the body’s is an error; a second one too (RES-6)', async () => {
    const { ask, errors } = await run((app) => {
      app.get('/right', (c) => c.setHeader('content-length', 4).text('four'))
      app.get('/utf8', (c) => c.setHeader('content-length', '3').text('€'))
      app.get('/short', (c) => c.setHeader('content-length', 3).text('four'))
      app.get('/long', async (c) => {
        await turn()
        c.setHeader('content-length', 5).json(1234)
      })
      app.get('/twice', (c) =>
        c.setHeader('content-length', 4).appendHeader('content-length', 4).text('four'),
      )
    })
    for (const path of ['/right', '/utf8']) {
      const answer = await ask(path)
      expect([answer.status, answer.lines('content-length')]).toEqual([
        200,
        [path === '/utf8' ? '3' : '4'],
      ])
    }
    for (const path of ['/short', '/long', '/twice']) expect((await ask(path)).status).toBe(500)
    expect(errors()).toEqual([
      'CELERIS_CONTENT_LENGTH_MISMATCH',
      'CELERIS_CONTENT_LENGTH_MISMATCH',
      'CELERIS_INVALID_HEADER',
    ])
  })

  test('header lines of more than a mebibyte are an error, not a broken answer (A-4)', async () => {
    const { ask } = await run((app) => {
      app.get('/', (c) => {
        for (let index = 0; index < 20; index++) c.setHeader(`x-${index}`, 'v'.repeat(100_000))
        c.text('x')
      })
      app.get('/fine', () => 'fine')
    })
    const answer = await ask('/')
    expect(answer.status).toBe(500)
    expect(answer.fields.some(([name]) => name.startsWith('x-'))).toBe(false)
    expect((await ask('/fine')).text).toBe('fine')
  })
})
