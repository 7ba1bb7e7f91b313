// What a handler may get wrong about its answer, and what a client may make it say: never another request's loss.
import { describe, expect, test } from 'vitest'
import type { Context } from '../src/index.ts'
import { ENGINES, serve } from './support/serve.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`

/** Calls that JavaScript lets through and types do not. */
const WRONG: readonly [what: string, answer: (c: Context) => unknown][] = [
  ['text(undefined)', (c) => c.text(undefined as never)],
  ['text(null)', (c) => c.text(null as never)],
  ['text(123)', (c) => c.text(123 as never)],
  ['text(object)', (c) => c.text({ length: 5 } as never)],
  ['html(undefined)', (c) => c.html(undefined as never)],
  ['html(bytes)', (c) => c.html(new Uint8Array(4) as never)],
  ['bytes(ArrayBuffer)', (c) => c.bytes(new ArrayBuffer(4) as never)],
  ['bytes(undefined)', (c) => c.bytes(undefined as never)],
  ['bytes(string)', (c) => c.bytes('bytes' as never)],
  ['bytes(array)', (c) => c.bytes([1, 2, 3] as never)],
]

describe.each(ENGINES)('an answer of the wrong type, %s', (engine) => {
  test.each(WRONG)('c.%s is a 500 for its request only (C-8, A-1)', async (_, answer) => {
    const { connect, errors } = await serve(engine, (app) => {
      app.get('/echo/:text', (c) => void c.text(`${c.param('text')} `.repeat(40)))
      app.get('/wrong', (c) => void answer(c))
      app.get('/wrong-late', async (c) => {
        await Promise.resolve()
        answer(c)
      })
    })
    const wires = await Promise.all([connect(), connect()])
    const paths = [
      '/echo/aaaaaa',
      '/wrong',
      '/echo/bbbbbb',
      '/wrong-late',
      '/echo/cccccc',
      '/wrong',
      '/echo/dddddd',
    ]
    const rounds = 3
    for (let round = 0; round < rounds; round++) {
      // Of one batch, on two connections.
      await Promise.all(wires.map((wire) => wire.send(paths.map(get).join(''))))
      for (const wire of wires) {
        for (const path of paths) {
          const { status, text } = await wire.answer()
          if (path.startsWith('/wrong')) expect([path, status]).toEqual([path, 500])
          else expect([status, text]).toEqual([200, `${path.slice(6)} `.repeat(40)])
        }
      }
    }
    expect(errors()).toHaveLength(rounds * wires.length * 3)
  })
})

describe.each(ENGINES)('content-types that a client chooses, %s', (engine) => {
  // Blocks live as long as the process, so both tests are one: what the first stores, the second meets.
  test('long and many ones use up no room of plain statuses (RES-1, A-1)', async () => {
    const statuses = [200, 201, 202, 203, 404, 409, 418, 451, 499, 503, 507, 511, 599]
    const { connect, errors } = await serve(engine, (app) => {
      app.get('/type/:length/:n', (c) => {
        const n = c.param('n')
        c.bytes(Buffer.from(n), `a/${n}${'x'.repeat(Number(c.param('length')))}`)
      })
      app.get('/status/:status', (c) => void c.text('s', Number(c.param('status'))))
      app.get('/empty/:status', (c) => void c.noContent(Number(c.param('status'))))
    })
    const wire = await connect()
    for (const [length, count] of [
      [7000, 20],
      [1000, 20],
      [200, 150],
      [100, 300],
      [1, 600],
    ] as const) {
      for (let n = 0; n < count; n += 20) {
        const numbers = Array.from({ length: 20 }, (_, k) => n + k)
        await wire.send(numbers.map((k) => get(`/type/${length}/${k}`)).join(''))
        for (const k of numbers) {
          const answer = await wire.answer()
          expect([answer.status, answer.text]).toEqual([200, String(k)])
          expect(answer.header('content-type')).toBe(`a/${k}${'x'.repeat(length)}`)
        }
      }
    }
    for (const status of statuses) {
      const typed = await wire.ask(get(`/status/${status}`))
      expect([typed.status, typed.text]).toEqual([status, 's'])
      expect(typed.header('content-type')).toBe('text/plain; charset=utf-8')
      const empty = await wire.ask(get(`/empty/${status}`))
      expect([empty.status, empty.text]).toEqual([status, ''])
    }
    // Every status there is, each for the first time.
    for (let status = 200; status < 600; status++)
      if (status !== 204 && status !== 205 && status !== 304)
        expect((await wire.ask(get(`/empty/${status}`))).status).toBe(status)
    expect(errors()).toEqual([])
  })
})
