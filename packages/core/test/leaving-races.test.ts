// The races of engines.md §8 at the interface: sockets and contexts that leave while something else happens.
import type { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Context, Server } from '../src/index.ts'
import { seeded } from './support/random.ts'
import { atEnd, ENGINES, gate, serve, type Target, until } from './support/serve.ts'
import { Wire } from './support/wire.ts'

/** The nightly run repeats what races. */
const torture = process.env.CELERIS_TORTURE === '1'
const RUNS = torture ? 10_000 : 200
const TIMEOUT_MS = torture ? 3_600_000 : 60_000
/** How many runs go on at once. */
const WIDTH = 8

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`
const upgrade = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n`
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n'

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error)

async function turns(count: number): Promise<void> {
  for (let k = 0; k < count; k++) await turn()
}

/** Runs `work` for 0 to below `count`, several at once. */
async function repeat(count: number, work: (k: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
}

/** Random numbers of one run; the seed stands in what a failure prints. */
function dice(seed: number): (below: number) => number {
  const random = seeded(seed)
  return (below) => Math.floor(random() * below)
}

/** Nothing is left: no connection, no context, no byte, and each connection went one way. */
async function nothingLeft(app: Server): Promise<void> {
  const metrics = () => app.engineInfo().metrics
  await until(() => metrics()?.active === 0 && app.collector?.snapshot().active === 0)
  const { accepted = 0, closed = 0, released = 0, queuedBytes, ownedBuffers } = metrics() ?? {}
  expect([accepted, queuedBytes, ownedBuffers]).toEqual([closed + released, 0, 0])
}

/** Gives back what it gets. */
function echo(socket: Duplex): void {
  socket.on('error', () => undefined)
  socket.write(SWITCHING)
  socket.pipe(socket)
}

describe.each(ENGINES)('what leaves while something else happens, %s', (engine) => {
  test('one in eight connections leaves while the table grows; none gets what is another’s (R1)', {
    timeout: TIMEOUT_MS,
  }, async () => {
    // The node engine has no table of fixed steps to grow.
    const count = engine === 'epoll' ? 4_800 : 400
    const { app, port } = await serve(
      engine,
      (app) => {
        app.get('/stay/:id', async (c) => {
          await turn()
          return c.param('id')
        })
        app.get('/leave/:id', async (c) => {
          const { id } = c.params
          const socket = await c.hijack()
          socket.on('error', () => undefined)
          socket.write(`${SWITCHING}${id};`)
          socket.pipe(socket)
        })
      },
      { backlog: 4096 },
    )
    const wires: Wire[] = []
    atEnd(() => Promise.all(wires.map((wire) => wire.close())))
    await repeat(count, async (k) => {
      const wire = await Wire.open({ port })
      wires[k] = wire
      if (k % 8 !== 0) {
        expect((await wire.ask(get(`/stay/${k}`))).text).toBe(String(k))
        return
      }
      await wire.send(`${upgrade(`/leave/${k}`)}behind ${k}`)
      const expected = `${SWITCHING}${k};behind ${k}`
      expect(String(await wire.take(expected.length))).toBe(expected)
    })
    if (engine === 'epoll') expect(app.engineInfo().metrics?.tableSlots ?? 0).toBeGreaterThan(4_096)
    await repeat(count, async (k) => {
      const wire = wires[k] as Wire
      if (k % 8 !== 0) expect((await wire.ask(get(`/stay/a${k}`))).text).toBe(`a${k}`)
      else {
        await wire.send(`again ${k}`)
        expect(String(await wire.take(`again ${k}`.length))).toBe(`again ${k}`)
      }
      await wire.close()
    })
    await nothingLeft(app)
    expect(app.engineInfo().metrics?.released).toBe(Math.ceil(count / 8))
  })

  test(`a reset at every step of an upgrade, ${RUNS} times (R2)`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    // Steps 0 to 2 are the client's, 3 to 7 are between two statements of the handler, 8 and 9 behind them.
    const STEPS = 10
    const atStep = new Map<string, (step: number) => void>()
    const outcomes = { taken: 0, refused: 0 }
    const sockets = new Set<Duplex>()
    const { app, port } = await serve(engine, (app) => {
      app.get('/slow', async () => {
        await turns(2)
        return 'slow'
      })
      app.get('/up/:id', async (c) => {
        const step = atStep.get(c.param('id')) as (step: number) => void
        step(3)
        if (Number(c.param('id')) % 2 === 0) await turn()
        step(4)
        const asked = c.hijack()
        step(5)
        const socket = await asked.catch(() => null)
        if (socket === null) {
          outcomes.refused++
          return
        }
        outcomes.taken++
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
        step(6)
        socket.write(SWITCHING)
        step(7)
        socket.pipe(socket)
      })
    })
    await repeat(RUNS, async (run) => {
      const id = String(run)
      const last = run % STEPS
      const wire = await Wire.open({ port })
      let reset = false
      const step = (now: number): void => {
        if (now !== last || reset) return
        reset = true
        wire.reset()
      }
      atStep.set(id, step)
      const head = (run % 3 === 0 ? get('/slow') : '') + upgrade(`/up/${id}`)
      step(0)
      if (!reset) await wire.send(head.slice(0, 40))
      step(1)
      if (!reset) await wire.send(`${head.slice(40)}payload`)
      step(2)
      if (last > 7) {
        if (run % 3 === 0) expect((await wire.answer()).text).toBe('slow')
        expect((await wire.answer()).status).toBe(101)
        step(8)
        if (!reset) expect(String(await wire.take(7))).toBe('payload')
        step(9)
      }
      await wire.rest()
      await wire.close()
      await until(() => reset)
    })
    await nothingLeft(app)
    await until(() => sockets.size === 0)
    expect(outcomes.taken).toBeGreaterThan(RUNS / 3)
  })

  test('requests that arrive while one detaches are answered in order, each with its own (R3, C3)', async () => {
    const wires = new Map<string, { wire: Wire; rest: string[] }>()
    const { app, port } = await serve(engine, (app) => {
      app.get('/:run/:k/:before/:after', async (c) => {
        const { run = '', k, before, after } = c.params
        // What is behind it arrives in the very turn in which this one detaches.
        const flow = wires.get(run)
        const more = flow?.rest.shift()
        if (more !== undefined) void flow?.wire.send(more)
        await turns(Number(before))
        const detached = c.detach()
        void turns(Number(after)).then(() => {
          if (Number(after) % 2 === 0) c.text(`${run}.${k}`)
          else {
            const writer = c.writer()
            void writer.write(`${run}.`)
            writer.end(k)
          }
          detached.done()
        })
      })
    })
    await repeat(50, async (run) => {
      const roll = dice(run + 1)
      const count = 2 + roll(8)
      const requests = Array.from({ length: count }, (_, k) =>
        get(`/${run}/${k}/${roll(3)}/${roll(6)}`),
      )
      const wire = await Wire.open({ port })
      const [first = '', ...rest] = requests
      wires.set(String(run), { wire, rest })
      await wire.send(first)
      for (let k = 0; k < count; k++)
        expect([run, (await wire.answer()).text]).toEqual([run, `${run}.${k}`])
      await wire.close()
    })
    await nothingLeft(app)
  })

  describe.each(['reset', 'fin', 'close'] as const)('%s', (event) => {
    test.each([
      'before it detaches',
      'behind detach()',
      'behind its first bytes',
      'behind the answer',
    ] as const)(
      '%s: the signal fires once, and nothing is left (R4, L-9, EOF-2)',
      async (moment) => {
        const over = gate<string>()
        let fired = 0
        let target: Target | undefined
        let wire: Wire | undefined
        let closed: Promise<unknown> | undefined
        const strike = async (): Promise<void> => {
          if (event === 'reset') wire?.reset()
          else if (event === 'fin') wire?.end()
          else closed = target?.app.close({ timeoutMs: 10_000 })
        }
        target = await serve(engine, (app) => {
          app.get('/', (c) => {
            const { signal } = c
            const heard = new Promise<void>((resolve) =>
              signal.addEventListener('abort', () => {
                fired++
                resolve()
              }),
            )
            const now = (at: typeof moment): unknown => (at === moment ? strike() : undefined)
            now('before it detaches')
            const detached = c.detach()
            now('behind detach()')
            const writer = moment === 'behind its first bytes' ? c.writer() : null
            if (writer !== null) void writer.write('first')
            now('behind its first bytes')
            if (moment === 'behind the answer') {
              c.text('answer')
              now('behind the answer')
            }
            void heard.then(() => {
              over.open(codeOf(signal.reason))
              writer?.end('last')
              if (!c.written) c.text('bye')
              detached.done()
            })
          })
        })
        wire = await target.connect()
        await wire.send(get('/'))
        const reasons = {
          reset: ['CELERIS_CLIENT_ABORTED', 'CELERIS_CLIENT_HALF_CLOSED'],
          fin: ['CELERIS_CLIENT_HALF_CLOSED'],
          close: ['CELERIS_SERVER_CUT'],
        }
        expect(reasons[event]).toContain(await over.promise)
        if (event === 'close') {
          const expected = {
            'before it detaches': 'bye',
            'behind detach()': 'bye',
            'behind its first bytes': 'firstlast',
            'behind the answer': 'answer',
          }
          expect((await wire.answer()).text).toBe(expected[moment])
          expect(await closed).toMatchObject({ cut: 0 })
        }
        await nothingLeft(target.app)
        expect(fired).toBe(1)
      },
    )
  })

  test('a write timeout ends what is detached, whatever it does (R4)', async () => {
    const over = gate<string>()
    const { connect, app } = await serve(
      engine,
      (app) => {
        app.get('/', (c) => {
          const detached = c.detach()
          const writer = c.writer()
          c.signal.addEventListener('abort', () => over.open(codeOf(c.signal.reason)))
          void (async () => {
            while (await writer.write(new Uint8Array(65_536)));
            detached.done()
          })()
        })
      },
      { writeTimeoutMs: 500, socketSendBuffer: 16_384 },
    )
    const wire = await connect()
    wire.socket.pause()
    await wire.send(get('/'))
    expect(await over.promise).toBe('CELERIS_CLIENT_ABORTED')
    await nothingLeft(app)
  })

  test('a handler that goes on after it hijacked finds its context released, never another’s (R5, X-1)', async () => {
    const kept: Context[] = []
    const { app, port } = await serve(engine, (app) => {
      app.get('/leave', async (c) => {
        kept.push(c)
        const socket = await c.hijack()
        expect(c.path).toBe('/leave')
        socket.on('error', () => undefined)
        socket.end(SWITCHING)
        socket.resume()
      })
      app.get('/stay/:secret', (c) => c.param('secret'))
    })
    const members: readonly ((c: Context) => unknown)[] = [
      (c) => c.path,
      (c) => c.header('host'),
      (c) => c.param('secret'),
      (c) => c.remotePort,
      (c) => c.signal,
      (c) => c.text('late'),
      (c) => c.setHeader('x-late', '1'),
      (c) => c.earlyHints({ link: '</late>' }),
      (c) => c.detach(),
      (c) => c.hijack(),
    ]
    for (let k = 0; k < 20; k++) {
      const leaver = await Wire.open({ port })
      await leaver.send(upgrade('/leave'))
      expect(await leaver.rest()).toBe(SWITCHING)
      await leaver.close()
      // The slot is another connection's by now.
      const stayer = await Wire.open({ port })
      const answered = stayer.ask(get(`/stay/secret${k}`))
      for (const c of kept)
        for (const member of members)
          expect(() => member(c)).toThrow(
            expect.objectContaining({ code: 'CELERIS_CONTEXT_RELEASED' }),
          )
      const answer = await answered
      expect([answer.text, answer.header('x-late')]).toEqual([`secret${k}`, undefined])
      await stayer.close()
    }
    await nothingLeft(app)
  })

  test(`what comes behind an upgrade reaches its owner byte by byte, however it is cut, ${RUNS} times (R6, UPG-2)`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { app, port } = await serve(engine, (app) => {
      app.get('/slow', async () => {
        await turns(2)
        return 'slow'
      })
      app.get('/up/:turns', async (c) => {
        await turns(Number(c.param('turns')))
        echo(await c.hijack())
      })
    })
    await repeat(RUNS, async (run) => {
      const roll = dice(run + 1)
      const size = [0, 1, 100, 5_000, 70_000, 300_000][roll(6)] as number
      const payload = Buffer.alloc(size)
      for (let k = 0; k < size; k++) payload[k] = 32 + ((k * 7 + run) % 90)
      const behind = roll(2) === 0 ? get('/slow') : ''
      const bytes = Buffer.concat([Buffer.from(behind + upgrade(`/up/${roll(3)}`)), payload])
      const wire = await Wire.open({ port })
      const sending = (async () => {
        for (let at = 0; at < bytes.length; ) {
          const count = [bytes.length, 1 + roll(40), 1 + roll(4_000), 65_536][roll(4)] as number
          await wire.send(bytes.subarray(at, at + count))
          at += count
          await turns(roll(3))
        }
      })()
      if (behind !== '') expect((await wire.answer()).text).toBe('slow')
      const head = await wire.take(SWITCHING.length)
      expect([run, String(head)]).toEqual([run, SWITCHING])
      const back = await wire.take(size)
      expect([run, back.equals(payload)]).toEqual([run, true])
      await sending
      wire.end()
      expect([run, await wire.rest()]).toEqual([run, ''])
      await wire.close()
    })
    await nothingLeft(app)
    expect(app.engineInfo().metrics?.released).toBe(RUNS)
  })

  test('nothing is delivered once a connection has closed (R12, EOF-3)', async () => {
    const late: string[] = []
    let closed = 0
    let bodies = 0
    let failed = 0
    const { app, port } = await serve(engine, (app) => {
      app.get('/socket', async (c) => {
        const socket = await c.hijack()
        let isClosed = false
        socket.on('error', () => undefined)
        socket.on('close', () => {
          isClosed = true
          closed++
        })
        socket.on('data', () => {
          if (isClosed) late.push('data of a socket')
        })
        // What the client wrote may leave before its reset, and FIN with it.
        socket.on('end', () => socket.end())
        socket.write(SWITCHING)
      })
      app.post('/body', (c) => {
        bodies++
        const detached = c.detach()
        let gone = false
        let behind = 0
        c.signal.addEventListener('abort', () => {
          // A client that sent FIN may still have bytes on their way; one that is gone has none.
          gone = c.aborted
        })
        const writer = c.writer()
        void (async () => {
          try {
            for await (const chunk of c.bodyStream() as never as AsyncIterable<Uint8Array>) {
              // One that came in the batch of the end was on its way already.
              if (gone && ++behind > 1) late.push('a chunk of a body')
              const room = writer.write(chunk)
              if (gone && room !== false) late.push('room')
              await room
            }
          } catch {
            failed++
          }
          detached.done()
        })()
      })
    })
    const count = 60
    await repeat(count, async (run) => {
      const roll = dice(run + 1)
      const wire = await Wire.open({ port })
      const socket = run % 2 === 0
      void wire.send(
        socket
          ? upgrade('/socket')
          : 'POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n',
      )
      if (socket) await wire.take(SWITCHING.length)
      for (let k = 0; k < roll(10); k++) {
        void wire.send(Buffer.alloc(1 + roll(100_000), 'x'))
        await turns(roll(2))
      }
      wire.reset()
      await wire.close()
    })
    await nothingLeft(app)
    await until(() => closed === count / 2)
    expect([late, failed]).toEqual([[], bodies])
    expect(bodies).toBeGreaterThan(0)
  })
})
