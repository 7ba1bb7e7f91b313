import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Context } from '../src/index.ts'
import { ENGINES, EVERYWHERE, gate, requestText, serve } from './support/serve.ts'

describe.each(ENGINES)('reads after a wait, %s', (engine) => {
  test('16 pipelined requests read what was sent to them, while other connections are busy (C3, Q-1)', async () => {
    const { connect } = await serve(engine, (app) => {
      const late = async (c: Context): Promise<void> => {
        // Until every byte of the batch has been overwritten by what others send.
        for (let waits = 0; waits < 5; waits++) await turn()
        const body = c.contentLength === undefined ? '' : await c.bodyText()
        await turn()
        c.json([
          c.method,
          c.path,
          c.rawPath,
          c.rawQuery,
          c.query('q'),
          c.param('id'),
          c.params.rest,
          c.header('x-mine'),
          c.cookie('c'),
          c.host,
          c.rawHeaders.length,
          body,
        ])
      }
      app.any('/late/:id/*rest', late as never)
      app.get('/busy/:n', (c) => c.text(c.param('n')))
    })
    let running = true
    const noise = Array.from({ length: 8 }, async (_, client) => {
      const wire = await connect()
      for (let n = 0; running; n++) {
        const filler = `/busy/${client}-${n}${'z'.repeat(n % 300)}`
        expect(
          (
            await wire.ask(
              `GET ${filler} HTTP/1.1\r\nhost: b\r\nx-noise: ${'n'.repeat(500)}\r\n\r\n`,
            )
          ).text,
        ).toBe(filler.slice(6))
      }
    })
    await Promise.all(
      Array.from({ length: 6 }, async (_, client) => {
        const wire = await connect()
        for (let round = 0; round < 20; round++) {
          const sent = Array.from({ length: 16 }, (_unused, n) => `${client}-${round}-${n}`)
          await wire.send(
            Buffer.concat(
              sent.map((id, n) =>
                requestText(`/late/${id}/%C3%A9/${id}?q=${id}`, {
                  method: n % 2 === 0 ? 'GET' : 'POST',
                  headers: [
                    ['x-mine', `mine ${id}`],
                    ['cookie', `c=${id}`],
                  ],
                  ...(n % 2 === 0 ? {} : { body: `body ${id} ${'b'.repeat(n * 100)}` }),
                }),
              ),
            ),
          )
          for (const [n, id] of sent.entries()) {
            expect((await wire.answer()).json).toEqual([
              n % 2 === 0 ? 'GET' : 'POST',
              `/late/${id}/é/${id}`,
              `/late/${id}/%C3%A9/${id}`,
              `q=${id}`,
              id,
              id,
              `é/${id}`,
              `mine ${id}`,
              id,
              'localhost',
              n % 2 === 0 ? 6 : 8,
              n % 2 === 0 ? '' : `body ${id} ${'b'.repeat(n * 100)}`,
            ])
          }
        }
      }),
    )
    running = false
    await Promise.all(noise)
  })

  test('peer and start time are those of the request after a wait too (C3)', async () => {
    const { connect } = await serve(engine, (app) => {
      app.get('/', async (c) => {
        const before = [c.remotePort, c.startTime]
        await turn()
        await turn()
        c.json([...before, c.remotePort, c.startTime, c.remoteAddress])
      })
    })
    const wires = await Promise.all(Array.from({ length: 5 }, connect))
    await Promise.all(
      wires.map(async (wire) => {
        const [port, start, later, same, address] = (
          await wire.ask('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
        ).json as unknown[]
        expect([port, later, same, address]).toEqual([
          wire.socket.localPort,
          wire.socket.localPort,
          start,
          '127.0.0.1',
        ])
      }),
    )
  })
})

describe.each(EVERYWHERE)('AsyncLocalStorage, %s', (subject) => {
  /** Sends all paths at once: one batch on a socket. */
  async function together(
    target: Awaited<ReturnType<typeof serve>>,
    paths: readonly string[],
  ): Promise<string[]> {
    if (subject === 'request') {
      const answers = await Promise.all(paths.map((path) => target.ask(path)))
      return answers.map(({ text }) => text)
    }
    const wire = await target.connect()
    await wire.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`).join(''))
    const texts: string[] = []
    for (const _ of paths) texts.push((await wire.answer()).text)
    return texts
  }

  test('run() survives awaits and callbacks, in every request its own (C3)', async () => {
    const storage = new AsyncLocalStorage<string>()
    const target = await serve(subject, (app) => {
      app.use((c, next) => storage.run(c.path, next))
      app.get('/sync/:n', () => String(storage.getStore()))
      app.get('/late/:n', async () => {
        await turn()
        await new Promise<void>((resolve) => setImmediate(resolve))
        return String(storage.getStore())
      })
    })
    const paths = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? `/sync/${n}` : `/late/${n}`))
    expect(await together(target, paths)).toEqual(paths)
  })

  test('hooks and error handlers see the store of their request (C3)', async () => {
    const storage = new AsyncLocalStorage<string>()
    const target = await serve(subject, (app) => {
      app.onError((_error, c) => c.text(`error ${storage.getStore() ?? 'outside'}`))
      app.use(async (c, next) => {
        await storage.run(c.path, async () => {
          await next()
        })
      })
      app.get('/fail/:n', async () => {
        await turn()
        throw new Error('x')
      })
      app.get('/fine/:n', async () => storage.getStore())
    })
    const texts = await together(target, ['/fine/1', '/fail/2', '/fine/3'])
    expect(texts).toEqual(['/fine/1', 'error outside', '/fine/3'])
  })

  test.each(['sync', 'async'])(
    'enterWith() in a %s handler is never seen by another request (C3)',
    async (kind) => {
      const storage = new AsyncLocalStorage<string>()
      const other = new AsyncLocalStorage<{ n: string }>()
      const seen: unknown[] = []
      const target = await serve(subject, (app) => {
        const enter = (c: Context): void => {
          seen.push(storage.getStore(), other.getStore())
          storage.enterWith(c.path)
          other.enterWith({ n: c.path })
        }
        app.get('/sync/:n', (c) => {
          enter(c as unknown as Context)
          return `${storage.getStore()} ${other.getStore()?.n}`
        })
        app.get('/async/:n', async (c) => {
          enter(c as unknown as Context)
          await turn()
          return `${storage.getStore()} ${other.getStore()?.n}`
        })
        app.get('/look/:n', () => String(storage.getStore()))
        app.get('/look-late/:n', async () => {
          await turn()
          return String(storage.getStore())
        })
      })
      for (let round = 0; round < 3; round++) {
        const texts = await together(target, [
          `/${kind}/1`,
          `/${kind}/2`,
          '/look/3',
          `/${kind}/4`,
          '/look-late/5',
        ])
        expect(texts).toEqual([
          `/${kind}/1 /${kind}/1`,
          `/${kind}/2 /${kind}/2`,
          'undefined',
          `/${kind}/4 /${kind}/4`,
          'undefined',
        ])
      }
      expect(seen.filter((store) => store !== undefined)).toEqual([])
    },
  )

  test('what an enterWith() started later still sees it (C3)', async () => {
    const storage = new AsyncLocalStorage<string>()
    const late = gate<unknown>()
    const target = await serve(subject, (app) => {
      app.get('/enter', (c) => {
        storage.enterWith('mine')
        setImmediate(() => late.open(storage.getStore()))
        c.text('x')
      })
    })
    await together(target, ['/enter', '/enter'])
    expect(await late.promise).toBe('mine')
  })
})
