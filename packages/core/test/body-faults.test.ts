// Bodies that do not come, come too long, or are asked for too late: every read settles, nothing is left over.
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { ENGINES, gate, serve, until } from './support/serve.ts'

const chunkedHead = (path: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n`

const announced = (path: string, length: number): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`

const codeOf = (error: unknown): unknown => (error as { code?: string }).code

describe.each(ENGINES)('a body that will not come, %s', (engine) => {
  const bodies: readonly [what: string, bytes: string][] = [
    ['chunked', `${chunkedHead('/')}5\r\nhe`],
    ['of known length', `${announced('/', 5_000_000)}he`],
  ]

  test.each(bodies)(
    '%s, asked for after the client reset: the read fails (C7, Q-9)',
    async (_, bytes) => {
      const left = gate()
      let started = 0
      const codes: unknown[] = []
      const { connect, app } = await serve(engine, (server) => {
        server.post('/', async (c) => {
          started++
          await left.promise
          for (const read of [() => c.bodyBytes(), () => c.bodyText(), () => c.bodyBytes()])
            await read().catch((error: unknown) => codes.push(codeOf(error)))
        })
      })
      const wires = await Promise.all([connect(), connect(), connect()])
      for (const wire of wires) await wire.send(bytes)
      await until(() => started === wires.length)
      for (const wire of wires) wire.reset()
      await until(() => app.engineInfo().metrics?.active === 0)
      await turn()
      left.open()
      await until(() => app.collector?.snapshot().active === 0)
      expect(codes).toEqual(new Array(3 * wires.length).fill('CELERIS_CLIENT_ABORTED'))
    },
  )

  test('the client resets while it is read: the read fails (C7, Q-9)', async () => {
    const reading = gate()
    const failed = gate<unknown>()
    const { connect, app } = await serve(engine, (server) => {
      server.post('/', async (c) => {
        const body = c.bodyBytes()
        reading.open()
        await body.catch((error: unknown) => failed.open(codeOf(error)))
      })
    })
    const wire = await connect()
    await wire.send(`${chunkedHead('/')}5\r\nhe`)
    await reading.promise
    await turn()
    wire.reset()
    expect(await failed.promise).toBe('CELERIS_CLIENT_ABORTED')
    await until(() => app.collector?.snapshot().active === 0)
  })

  test('answered while it is read: whoever still waits for it is told (X-1)', async () => {
    const failed = gate<unknown>()
    const { connect } = await serve(engine, (server) => {
      server.post('/', (c) => {
        c.bodyBytes().then(
          () => failed.open('read'),
          (error: unknown) => failed.open(codeOf(error)),
        )
        c.text('early')
      })
    })
    const wire = await connect()
    const answer = await wire.ask(`${chunkedHead('/')}5\r\nhe`)
    expect([answer.text, answer.header('connection')]).toEqual(['early', 'close'])
    expect(await failed.promise).toBe('CELERIS_CONTEXT_RELEASED')
  })

  test('it fails before its handler ran: the gauge of active requests stays true (M-1)', async () => {
    const proceed = gate()
    let running = 0
    const { connect, app } = await serve(engine, (server) => {
      server.get('/', async (c) => {
        running++
        await proceed.promise
        c.text('done')
      })
      server.post('/', async (c) => c.text(await c.bodyText()))
    })
    const active = (): number | undefined => app.collector?.snapshot().active
    const slow = await Promise.all([connect(), connect(), connect()])
    for (const wire of slow) await wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await until(() => running === slow.length && active() === slow.length)
    // Longer than what comes with its head, shorter than what a handler waits for.
    for (const how of ['end', 'end', 'reset'] as const) {
      const wire = await connect()
      await wire.send(`${announced('/', 90_000)}he`)
      await until(() => app.engineInfo().metrics?.active === slow.length + 1)
      for (let i = 0; i < 5; i++) await turn()
      wire[how]()
      if (how === 'end') expect((await wire.answer()).status).toBe(400)
      await until(() => app.engineInfo().metrics?.active === slow.length)
      await turn()
      expect(active()).toBe(slow.length)
    }
    const samples = app.collector?.prometheus() ?? ''
    expect(/^celeris_requests_active (.*)$/m.exec(samples)?.[1]).toBe(String(slow.length))
    proceed.open()
    for (const wire of slow) expect((await wire.answer()).text).toBe('done')
    await until(() => active() === 0)
  })
})

describe.each(ENGINES)('a limit of one reader, %s', (engine) => {
  test('{ limit } stops a chunked upload as soon as it is passed (B-2)', async () => {
    const { connect, app } = await serve(engine, (server) => {
      server.post('/', async (c) => {
        const body = await c.bodyBytes({ limit: 1000 })
        c.text(String(body.length))
      })
    })
    const wire = await connect()
    await wire.send(`${chunkedHead('/')}3e8\r\n${'x'.repeat(1000)}\r\n0\r\n\r\n`)
    expect((await wire.answer()).text).toBe('1000')
    const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    await wire.send(chunkedHead('/'))
    let answered = false
    const answer = wire.answer().then((got) => {
      answered = true
      return got
    })
    let pieces = 0
    for (; !answered && pieces < 320; pieces++) {
      await wire.send(piece)
      await turn()
    }
    expect(answered).toBe(true)
    const { status, ...rest } = await answer
    expect(status).toBe(413)
    expect(rest.fields).toContainEqual(['connection', 'close'])
    // Of 20 MiB: what was on its way.
    expect(app.engineInfo().metrics?.bytesRead).toBeLessThan(4 * 1024 * 1024)
  })
})
