import {
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { type Handler, Server, type ServerConfig } from '../src/index.ts'
import { runModule } from './support/child.ts'
import { atEnd, ENGINES, EVERYWHERE, gate, recorder, serve, until } from './support/serve.ts'
import { Wire } from './support/wire.ts'

// Some start processes, and a machine may do other work.
vi.setConfig({ testTimeout: 60_000 })

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

function make(engine: 'epoll' | 'node', config: ServerConfig = {}): Server {
  const app = new Server({
    port: 0,
    host: '127.0.0.1',
    engine,
    logger: recorder().logger,
    ...config,
  })
  app.get('/', () => 'hello')
  atEnd(() => app.close({ timeoutMs: 0 }))
  return app
}

async function ask(to: { port: number } | { path: string }): Promise<string> {
  const wire = await Wire.open(to)
  try {
    return (await wire.ask(GET)).text
  } finally {
    await wire.close()
  }
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'celeris-'))
  atEnd(() => rmSync(path, { recursive: true }))
  return path
}

const descriptors = (): number => readdirSync('/proc/self/fd').length

describe.each(ENGINES)('life of a server, %s', (engine) => {
  test('port 0 gives a free port, and the address it is bound to (L-2, L-3)', async () => {
    const app = make(engine)
    const listening = await app.listen()
    expect(listening).toEqual({ address: '127.0.0.1', port: listening.port, engine })
    expect(listening.port).toBeGreaterThan(0)
    expect(await ask(listening)).toBe('hello')
    const info = app.engineInfo()
    expect([info.type, info.reason]).toEqual([engine, 'asked for by name'])
  })

  test('the arguments of listen() win over the configuration (L-2)', async () => {
    const { port: free } = await make(engine).listen()
    const app = make(engine, { port: free })
    const { port, address } = await app.listen(0, '127.0.0.2')
    expect(address).toBe('127.0.0.2')
    expect(port).not.toBe(free)
    await expect(make(engine).listen(65_536)).rejects.toBeInstanceOf(RangeError)
    await expect(make(engine).listen(1.5)).rejects.toBeInstanceOf(RangeError)
  })

  test('a second listen() is refused while opening, listening and after close() (L-2)', async () => {
    const app = make(engine)
    const opening = app.listen()
    await expect(app.listen()).rejects.toMatchObject({ code: 'CELERIS_SERVER_LISTENING' })
    await opening
    await expect(app.listen()).rejects.toMatchObject({ code: 'CELERIS_SERVER_LISTENING' })
    const closing = app.close()
    await expect(app.listen()).rejects.toMatchObject({ code: 'CELERIS_SERVER_CLOSED' })
    await closing
    await expect(app.listen()).rejects.toMatchObject({ code: 'CELERIS_SERVER_CLOSED' })
    const unused = make(engine)
    await unused.close()
    await expect(unused.listen()).rejects.toMatchObject({ code: 'CELERIS_SERVER_CLOSED' })
  })

  test('a taken port is EADDRINUSE with address and port, and may be retried (L-2, L-3, C7)', async () => {
    const first = make(engine)
    const { port } = await first.listen()
    const second = make(engine)
    const before = descriptors()
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(second.listen(port)).rejects.toMatchObject({
        name: 'ListenError',
        code: 'EADDRINUSE',
        address: '127.0.0.1',
        port,
        syscall: expect.stringMatching(/^(listen|bind)$/),
        message: expect.stringContaining(String(port)),
      })
    }
    expect(descriptors()).toBe(before)
    await first.close({ timeoutMs: 0 })
    expect((await second.listen(port)).port).toBe(port)
    expect(await ask({ port })).toBe('hello')
  })

  test('an address of no interface and a port of the system keep node’s codes (L-3)', async () => {
    const app = make(engine)
    await expect(app.listen(0, '192.0.2.1')).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
      address: '192.0.2.1',
    })
    expect((await app.listen()).port).toBeGreaterThan(0)
  })

  test('reusePort shares the port (L-3, C7)', async ({ skip }) => {
    const { port } = await make(engine, { reusePort: true }).listen()
    const second = make(engine, { reusePort: true })
    try {
      expect((await second.listen(port)).port).toBe(port)
    } catch (error) {
      // node:net has the option from Node 22.12 on; before, it is ignored.
      if (engine === 'node' && Number(process.versions.node.split('.')[0]) < 23)
        skip('this node has no reusePort')
      throw error
    }
  })

  test('"::" serves IPv4 too, or says that it is 0.0.0.0 (L-5)', async () => {
    const { address, port } = await make(engine).listen(0, '::')
    expect(['::', '0.0.0.0']).toContain(address)
    expect(await ask({ port })).toBe('hello')
  })

  test('registrations after listen() throw, those after a failed one too (L-1)', async () => {
    const app = make(engine)
    const group = app.group('/g')
    const route = app.get('/r', () => 'r')
    await app.listen()
    const handler: Handler = () => 'x'
    const attempts: (() => unknown)[] = [
      () => app.get('/x', handler),
      () => app.use(handler),
      () => app.pre(handler),
      () => app.group('/h'),
      () => app.mount('/m', new Server()),
      () => app.notFound(handler),
      () => app.methodNotAllowed(handler),
      () => app.onError(() => 'x'),
      () => group.get('/x', handler),
      () => route.use(handler),
    ]
    for (const attempt of attempts)
      expect(attempt).toThrow(expect.objectContaining({ code: 'CELERIS_SERVER_SEALED' }))
  })

  test('close() is idempotent, waits for a pending listen(), and frees the port (L-10)', async () => {
    const app = make(engine)
    const opening = app.listen()
    const closing = app.close()
    expect(app.close({ timeoutMs: 5 })).toBe(closing)
    const { port } = await opening
    expect(await closing).toEqual({
      drained: 0,
      cut: 0,
      elapsedMs: expect.any(Number),
      hookErrors: [],
      middlewares: [],
    })
    expect((await make(engine).listen(port)).port).toBe(port)
    await expect(app.close({ timeoutMs: Number.NaN })).rejects.toBeInstanceOf(RangeError)
    expect(() => app.onShutdown(() => undefined)).toThrow(
      expect.objectContaining({ code: 'CELERIS_SERVER_CLOSED' }),
    )
  })

  test('hooks run one by one in order after the requests; errors are logged and reported (L-9, L-10)', async () => {
    const order: string[] = []
    const started = gate()
    const proceed = gate()
    const { connect, app, errors } = await serve(engine, (server) => {
      server.get('/', async (c) => {
        started.open()
        await proceed.promise
        order.push('request')
        c.text('done')
      })
      server.onShutdown(async ({ signal }) => {
        order.push(`first in ${signal.aborted}`)
        await turn()
        order.push('first out')
      })
      server.onShutdown(() => {
        throw new Error('sync')
      })
      server.onShutdown(async () => {
        await turn()
        throw new Error('async')
      })
      server.onShutdown(() => void order.push('last'))
    })
    const wire = await connect()
    await wire.send(GET)
    await started.promise
    const closing = app.close()
    proceed.open()
    const answer = await wire.answer()
    expect([answer.text, answer.header('connection')]).toEqual(['done', 'close'])
    const report = await closing
    expect(order).toEqual(['request', 'first in false', 'first out', 'last'])
    expect(report.hookErrors.map(String)).toEqual(['Error: sync', 'Error: async'])
    expect(errors()).toEqual(['Error: sync', 'Error: async'])
    expect(report).toMatchObject({ drained: 1, cut: 0 })
  })

  test('hooks run on a server that never listened, counts are 0 (L-10)', async () => {
    const app = make(engine)
    let ran = 0
    app.onShutdown(() => void ran++)
    expect(await app.close()).toMatchObject({ drained: 0, cut: 0, elapsedMs: 0 })
    expect(ran).toBe(1)
  })

  test('installed middlewares are closed once each, all at once, before the hooks (L-9, M-3)', async () => {
    const order: unknown[] = []
    const closable = (name: string, close: (options: { timeoutMs: number }) => unknown): Handler =>
      Object.defineProperty(Object.assign(((_c, next) => next()) as Handler, { close }), 'name', {
        value: name,
      })
    const bothIn = gate()
    let inside = 0
    const together = async (name: string, timeoutMs: number): Promise<string> => {
      if (++inside === 2) bothIn.open()
      await bothIn.promise
      order.push(name, timeoutMs >= 1_000)
      return `${name} report`
    }
    const { app, errors } = await serve(engine, (server) => {
      const session = closable('session', ({ timeoutMs }) => together('session', timeoutMs))
      const limit = closable('limit', ({ timeoutMs }) => together('limit', timeoutMs))
      const failing = closable('failing', () => {
        throw new Error('cannot')
      })
      server.use(session, limit)
      server.group('/g', session, failing).get('/', session, () => 'x')
      server.onShutdown(() => void order.push('hook'))
    })
    const report = await app.close({ timeoutMs: 10 })
    expect(order).toEqual(['session', true, 'limit', true, 'hook'])
    expect(report.middlewares).toEqual(['session report', 'limit report'])
    expect(errors()).toEqual(['Error: cannot'])
  })

  test('a hanging hook or middleware is logged and passed by (L-9)', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    atEnd(() => vi.useRealTimers())
    let fired = false
    let last = false
    const { logger, log } = recorder()
    const app = new Server({ engine, logger })
    app.use(
      Object.assign(((_c, next) => next()) as Handler, {
        close: () => new Promise(() => undefined),
      }),
    )
    app.onShutdown(({ signal }) => {
      signal.addEventListener('abort', () => {
        fired = true
      })
      return new Promise(() => undefined)
    })
    app.onShutdown(() => {
      last = true
    })
    const closing = app.close({ timeoutMs: 50 })
    await vi.advanceTimersByTimeAsync(1_100)
    await vi.advanceTimersByTimeAsync(1_100)
    const report = await closing
    expect([fired, last]).toEqual([true, true])
    expect(report.hookErrors).toHaveLength(1)
    expect(log.filter(({ level }) => level === 'error')).toHaveLength(2)
  })

  test('await using closes (L-10)', async () => {
    let port = 0
    let closed = false
    {
      await using app = new Server({
        port: 0,
        host: '127.0.0.1',
        engine,
        logger: recorder().logger,
      })
      app.get('/', () => 'hello')
      app.onShutdown(() => {
        closed = true
      })
      port = (await app.listen()).port
      expect(await ask({ port })).toBe('hello')
    }
    expect(closed).toBe(true)
    await expect(Wire.open({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('pauseAccept() before listen() starts paused; both are idempotent (L-11)', async () => {
    const app = make(engine)
    app.pauseAccept()
    app.pauseAccept()
    const { port } = await app.listen()
    const wire = await Wire.open({ port })
    atEnd(() => wire.close())
    let answered = false
    const answer = wire.ask(GET).then((got) => {
      answered = true
      return got
    })
    for (let i = 0; i < 20; i++) await turn()
    expect(answered).toBe(false)
    app.resumeAccept()
    app.resumeAccept()
    expect((await answer).text).toBe('hello')
    app.pauseAccept()
    expect((await wire.ask(GET)).text).toBe('hello')
  })

  test('pauseAccept() counts while listen() is pending, and resumeAccept() takes it back (L-11)', async () => {
    for (const resumed of [false, true]) {
      const app = make(engine)
      // Looked up, so that listen() is pending for some turns.
      const opening = app.listen(0, 'localhost')
      await turn()
      app.pauseAccept()
      if (resumed) app.resumeAccept()
      const { port, address } = await opening
      const wire = await Wire.open({ port, host: address })
      atEnd(() => wire.close())
      let answered = false
      const answer = wire.ask(GET).then((got) => {
        answered = true
        return got
      })
      if (!resumed) {
        for (let i = 0; i < 20; i++) await turn()
        expect(answered).toBe(false)
        app.resumeAccept()
      }
      expect((await answer).text).toBe('hello')
    }
  })

  test('close() serves who waits in the queue of a paused server (L-9, L-11)', async () => {
    const app = make(engine)
    app.pauseAccept()
    const { port } = await app.listen()
    const wire = await Wire.open({ port })
    atEnd(() => wire.close())
    await wire.send(GET)
    const closing = app.close()
    const answer = await wire.answer()
    expect([answer.text, answer.header('connection')]).toEqual(['hello', 'close'])
    expect(await closing).toMatchObject({ drained: 1, cut: 0 })
  })

  test('a waiting request survives close({ timeoutMs: Infinity }) (L-9)', async () => {
    const started = gate()
    const proceed = gate()
    const { connect, app } = await serve(engine, (server) => {
      server.get('/', async (c) => {
        started.open()
        await proceed.promise
        c.text('done')
      })
    })
    const wire = await connect()
    await wire.send(GET)
    await started.promise
    const closing = app.close({ timeoutMs: Number.POSITIVE_INFINITY })
    for (let i = 0; i < 50; i++) await turn()
    expect(wire.ending).toBe('open')
    proceed.open()
    expect((await wire.answer()).text).toBe('done')
    expect(await closing).toMatchObject({ drained: 1, cut: 0 })
  })

  test('unix socket: served, peer without address, its own inode unlinked (L-7)', async () => {
    const path = join(directory(), 'a.sock')
    const app = make(engine)
    app.get('/peer', (c) => c.json([c.remoteAddress, c.remotePort, c.clientIp]))
    expect(await app.listen({ path })).toEqual({ address: path, port: 0, engine })
    expect(await ask({ path })).toBe('hello')
    const wire = await Wire.open({ path })
    expect((await wire.ask('GET /peer HTTP/1.1\r\nhost: a\r\n\r\n')).json).toEqual(['', 0, ''])
    await wire.close()
    await app.close({ timeoutMs: 0 })
    expect(() => lstatSync(path)).toThrow('ENOENT')
  })

  test('unix socket: a stale one is replaced, one in use is EADDRINUSE, other files stay (L-7)', async () => {
    const folder = directory()
    const stale = join(folder, 'stale.sock')
    // A process that leaves without closing.
    await runModule(
      `import { createServer } from 'node:net'; createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`,
    )
    expect(lstatSync(stale).isSocket()).toBe(true)
    const first = make(engine)
    await first.listen({ path: stale })
    expect(await ask({ path: stale })).toBe('hello')
    const second = make(engine)
    await expect(second.listen({ path: stale })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      address: stale,
    })
    expect(await ask({ path: stale })).toBe('hello')
    const file = join(folder, 'file')
    writeFileSync(file, 'precious')
    await expect(second.listen({ path: file })).rejects.toMatchObject({ name: 'ListenError' })
    expect(lstatSync(file).size).toBe(8)
  })

  test('unix socket: a path of more than 107 bytes is an error, 107 are not cut (L-7)', async () => {
    const folder = directory()
    const fits = join(folder, 'x'.repeat(106 - folder.length))
    expect(Buffer.byteLength(fits)).toBe(107)
    const app = make(engine)
    await expect(app.listen({ path: `${fits}y` })).rejects.toMatchObject({ name: 'ListenError' })
    expect(readdirSync(folder)).toEqual([])
    await app.listen({ path: fits })
    expect(await ask({ path: fits })).toBe('hello')
  })

  test('unix socket: close() leaves what another has put in its place (L-7)', async () => {
    const path = join(directory(), 'a.sock')
    const first = make(engine)
    await first.listen({ path })
    rmSync(path)
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(path, resolve))
    atEnd(() => new Promise((resolve) => other.close(resolve)))
    await first.close({ timeoutMs: 0 })
    expect(lstatSync(path).isSocket()).toBe(true)
    expect(readdirSync(dirname(path))).toEqual(['a.sock'])
    const wire = await Wire.open({ path })
    await wire.close()
  })

  test('unix socket: mode sets the permission bits, whatever the umask is (L-7)', async () => {
    const folder = directory()
    const before = process.umask()
    for (const mode of [0o600, 0o660, 0o666, 0o000]) {
      const path = join(folder, `${mode}.sock`)
      await make(engine).listen({ path, mode })
      expect((lstatSync(path).mode & 0o777).toString(8)).toBe(mode.toString(8))
    }
    const path = join(folder, 'umask.sock')
    await make(engine).listen({ path })
    expect(lstatSync(path).mode & 0o777).toBe(0o777 & ~before)
    for (const mode of [-1, 0o1777, 1.5, Number.NaN, '660'])
      await expect(
        make(engine).listen({ path: `${path}2`, mode: mode as number }),
      ).rejects.toBeInstanceOf(RangeError)
  })

  test('unix socket: a directory that is missing is a clear error (L-3, L-7)', async () => {
    const path = join(directory(), 'none', 'a.sock')
    await expect(make(engine).listen({ path })).rejects.toMatchObject({
      name: 'ListenError',
      address: path,
      port: 0,
    })
  })

  test('descriptors that are no sockets are refused and stay open (L-6)', async () => {
    const path = join(directory(), 'file')
    const file = openSync(path, 'w')
    atEnd(() => closeSync(file))
    const app = make(engine)
    for (const fd of [file, 99_999]) {
      await expect(app.listen({ fd })).rejects.toMatchObject({
        name: 'ListenError',
        code: 'CELERIS_INVALID_FD',
        syscall: expect.any(String),
        message: expect.stringContaining(String(fd)),
      })
    }
    writeSync(file, 'still open')
    expect(lstatSync(path).size).toBe(10)
  })

  test('a host name that does not exist is a clear error (L-3)', async () => {
    const host = 'no-such-host.invalid'
    await expect(make(engine).listen(0, host)).rejects.toMatchObject({
      name: 'ListenError',
      address: host,
      message: expect.stringContaining(host),
    })
  })

  test('close() during a listen() that looks a name up ends closed (L-10)', async () => {
    for (const host of ['127.0.0.1', 'localhost']) {
      const app = make(engine)
      const opening = app.listen(0, host)
      const closing = app.close()
      const { port } = await opening
      expect(await closing).toMatchObject({ drained: 0, cut: 0 })
      await expect(Wire.open({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    }
  })

  test('a later close() brings the end forward, never back (L-10, C8)', async () => {
    const started = gate()
    const reasons: unknown[] = []
    const { connect, app } = await serve(engine, (server) => {
      server.get('/', async (c) => {
        c.signal.addEventListener('abort', () => void reasons.push(c.signal.reason.code))
        started.open()
        await new Promise(() => undefined)
      })
    })
    const wire = await connect()
    await wire.send(GET)
    await started.promise
    const closing = app.close({ timeoutMs: Number.POSITIVE_INFINITY })
    for (let i = 0; i < 20; i++) await turn()
    expect(app.close()).toBe(closing)
    for (let i = 0; i < 20; i++) await turn()
    expect(wire.ending).toBe('open')
    expect(app.close({ timeoutMs: 0 })).toBe(closing)
    expect(app.close({ timeoutMs: 60_000 })).toBe(closing)
    expect(await closing).toMatchObject({ drained: 0, cut: 1 })
    await wire.rest()
    expect([wire.ending, reasons]).toEqual(['reset', ['CELERIS_SERVER_CUT']])
  })

  test('a later close() ends a hook that waits (L-9, L-10)', async () => {
    const waiting = gate()
    const { app, errors } = await serve(engine, (server) => {
      server.onShutdown(async ({ signal }) => {
        waiting.open()
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        throw new Error('told to end')
      })
    })
    const closing = app.close({ timeoutMs: Number.POSITIVE_INFINITY })
    await waiting.promise
    void app.close({ timeoutMs: 0 })
    expect((await closing).hookErrors.map(String)).toEqual(['Error: told to end'])
    expect(errors()).toEqual(['Error: told to end'])
  })

  test('a target that names nothing is refused, never the configured port (L-6, L-7)', async () => {
    const app = make(engine)
    const bad: unknown[] = [{ fd: -1 }, { fd: 1.5 }, { fd: 99_999 }, { path: '' }, { path: 'a\0b' }]
    for (const target of bad) await expect(app.listen(target as { fd: number })).rejects.toThrow()
    await expect(app.listen({ fd: 99_999 })).rejects.toMatchObject({ code: 'CELERIS_INVALID_FD' })
    await expect(app.listen({ fd: -1 })).rejects.toMatchObject({ code: 'CELERIS_INVALID_FD' })
    expect((await app.listen()).port).toBeGreaterThan(0)
  })

  test('100 rounds of listen, requests and close leave no descriptor (L-11)', async () => {
    const round = async (): Promise<void> => {
      const app = new Server({ port: 0, host: '127.0.0.1', engine, logger: recorder().logger })
      app.get('/', async (c) => {
        await turn()
        c.text('hello')
      })
      const { port } = await app.listen()
      const [first, idle] = await Promise.all([Wire.open({ port }), Wire.open({ port })])
      expect((await first.ask(GET)).text).toBe('hello')
      await app.close({ timeoutMs: 0 })
      await Promise.all([first.close(), idle.close()])
    }
    for (let i = 0; i < 3; i++) await round()
    const before = descriptors()
    for (let i = 0; i < 100; i++) await round()
    await until(() => descriptors() <= before)
  })
})

describe('two servers in one process', () => {
  const pairs = [
    ['epoll', 'epoll'],
    ['epoll', 'node'],
    ['node', 'epoll'],
    ['node', 'node'],
    ['epoll', 'request'],
    ['node', 'request'],
  ] as const
  test.each(pairs)(
    '%s and %s at once: no answer gets lost or crosses (L-2, data path)',
    async (one, two) => {
      const targets = await Promise.all(
        [one, two].map((subject, index) =>
          serve(subject, (app) => {
            const own = `server ${index}`
            app.get('/sync/:n', (c) => c.setHeader('x-server', own).text(`${own} ${c.param('n')}`))
            app.get('/hello', () => own)
            app.get('/late/:n', async (c) => {
              await turn()
              if (Number(c.param('n')) % 3 === 0)
                await new Promise<void>((resolve) => process.nextTick(resolve))
              c.setHeader('x-server', own)
              return { server: own, n: c.param('n'), path: c.path, mine: c.header('x-mine') }
            })
            app.get('/micro/:n', async (c) => {
              await Promise.resolve()
              await Promise.resolve()
              return `${own} ${c.param('n')} ${c.header('x-mine')}`
            })
            app.post('/body/:n', async (c) => `${own} ${c.param('n')} ${await c.bodyText()}`)
          }),
        ),
      )
      const client = async (index: number, number: number): Promise<number> => {
        const { ask: send, subject, connect } = targets[index] as (typeof targets)[number]
        const own = `server ${index}`
        const wire = subject === 'request' ? null : await connect()
        let done = 0
        for (let round = 0; round < 25; round++) {
          const batch = Array.from({ length: 8 }, (_, k) => `${number}-${round * 8 + k}`)
          const kinds = ['sync', 'late', 'micro', 'hello', 'body'] as const
          const asked = batch.map((n, k) => ({
            n,
            kind: kinds[(round + k) % 5] as (typeof kinds)[number],
          }))
          const texts: string[] = []
          if (wire === null) {
            const answers = await Promise.all(
              asked.map(({ n, kind }) =>
                kind === 'body'
                  ? send(`/body/${n}`, { method: 'POST', body: `b${n}` })
                  : send(kind === 'hello' ? '/hello' : `/${kind}/${n}`, {
                      headers: [['x-mine', n]],
                    }),
              ),
            )
            texts.push(...answers.map(({ text }) => text))
          } else {
            await wire.send(
              asked
                .map(({ n, kind }) =>
                  kind === 'body'
                    ? `POST /body/${n} HTTP/1.1\r\nhost: a\r\ncontent-length: ${n.length + 1}\r\n\r\nb${n}`
                    : `GET ${kind === 'hello' ? '/hello' : `/${kind}/${n}`} HTTP/1.1\r\nhost: a\r\nx-mine: ${n}\r\n\r\n`,
                )
                .join(''),
            )
            for (const _ of asked) texts.push((await wire.answer()).text)
          }
          asked.forEach(({ n, kind }, k) => {
            const expected = {
              sync: `${own} ${n}`,
              hello: own,
              micro: `${own} ${n} ${n}`,
              body: `${own} ${n} b${n}`,
              late: JSON.stringify({ server: own, n, path: `/late/${n}`, mine: n }),
            }[kind]
            expect(texts[k]).toBe(expected)
            done++
          })
        }
        return done
      }
      const counts = await Promise.all(
        Array.from({ length: 12 }, (_, number) => client(number % 2, number)),
      )
      expect(counts).toEqual(new Array(12).fill(200))
      for (const { app } of targets)
        expect(app.collector?.snapshot().byClass).toEqual([0, 0, 1_200, 0, 0, 0])
    },
  )

  test.each(ENGINES)('one closes while the other serves on, %s', async (engine) => {
    const [one, two] = await Promise.all(
      ['one', 'two'].map((name) =>
        serve(engine, (app) => {
          app.get('/', async (c) => {
            await turn()
            c.text(name)
          })
        }),
      ),
    )
    const wire = await (two as Awaited<ReturnType<typeof serve>>).connect()
    const closing = (one as Awaited<ReturnType<typeof serve>>).app.close()
    for (let i = 0; i < 50; i++) expect((await wire.ask(GET)).text).toBe('two')
    await closing
    for (let i = 0; i < 50; i++) expect((await wire.ask(GET)).text).toBe('two')
  })

  test('a handler of one asks the other, and itself (X-4)', async () => {
    const inner = await serve('epoll', (app) => {
      app.get('/:n', async (c) => {
        await turn()
        return `inner ${c.param('n')} ${c.path}`
      })
    })
    const outer = await serve('epoll', (app) => {
      app.get('/ask/:n', async (c) => {
        const [far, near] = await Promise.all([
          inner.ask(`/${c.param('n')}`),
          app.request(`/self/${c.param('n')}`).then((answer) => answer.text()),
        ])
        return `${far.text}, ${near}, ${c.path}`
      })
      app.get('/self/:n', (c) => `self ${c.param('n')}`)
    })
    const texts = await Promise.all(
      Array.from({ length: 30 }, async (_, n) => (await outer.ask(`/ask/${n}`)).text),
    )
    expect(texts).toEqual(texts.map((_, n) => `inner ${n} /${n}, self ${n}, /ask/${n}`))
  })
})

describe.each(EVERYWHERE)('before listen(), %s', (subject) => {
  test('request() works, does not seal, and sees later registrations (L-1, X-4)', async () => {
    const app = new Server({
      engine: subject === 'epoll' ? 'epoll' : 'node',
      logger: recorder().logger,
    })
    atEnd(() => app.close())
    app.get('/a', () => 'a')
    expect(await (await app.request('/a')).text()).toBe('a')
    expect((await app.request('/b')).status).toBe(404)
    app.get('/b', () => 'b')
    app.use((c, next) => {
      c.setHeader('x-late', '1')
      return next()
    })
    app.get('/c', () => 'c')
    expect(await (await app.request('/b')).text()).toBe('b')
    expect((await app.request('/c')).headers.get('x-late')).toBe('1')
    expect(app.engineInfo()).toEqual({
      type: '',
      reason: 'not listening yet',
      candidates: [],
      metrics: null,
    })
    expect(await (await app.fetch(new Request('http://x.example/a?b'))).text()).toBe('a')
  })
})
