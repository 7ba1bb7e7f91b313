// What a server listens on, across processes: inherited sockets, shared ports, refused ports (L-3, L-6).
import { readFileSync } from 'node:fs'
import * as net from 'node:net'
import { Server as NetServer } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { type ProgramOptions, startProgram } from './support/program.ts'
import { atEnd } from './support/serve.ts'
import { Wire } from './support/wire.ts'

const ENGINES = ['epoll', 'node'] as const
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`

/** As systemd does: the variables name the process that is started, whose id is known behind the fork only. */
const AS_SERVICE = ['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh']

interface Handle {
  readonly fd: number
  close(): void
  getsockname(into: { port?: number }): number
}

/** A bound socket that this process never accepts from, and keeps while servers come and go. */
function boundSocket(): { fd: number; port: number } {
  const { _createServerHandle } = net as unknown as {
    _createServerHandle(address: string, port: number, family: 4): Handle
  }
  const handle = _createServerHandle('127.0.0.1', 0, 4)
  atEnd(() => handle.close())
  const name: { port?: number } = {}
  handle.getsockname(name)
  return { fd: handle.fd, port: name.port ?? 0 }
}

function inheriting(engine: string, fd: number, env: NodeJS.ProcessEnv = {}) {
  return startProgram('drain-server', [engine, 'inherited'], {
    wrapper: AS_SERVICE,
    stdio: ['ignore', 'pipe', 'pipe', fd],
    env: { LISTEN_FDS: '1', ...env },
  })
}

async function open(port: number): Promise<Wire> {
  const wire = await Wire.open({ port })
  atEnd(() => wire.close())
  return wire
}

// Processes start slowly on a machine that does other work.
vi.setConfig({ testTimeout: 90_000 })

describe.each(ENGINES)('a socket from a service manager, %s', (engine) => {
  test('is served, and outlives the server with its queue: nobody is lost over a restart (L-6)', async () => {
    const { fd, port } = boundSocket()
    const first = inheriting(engine, fd)
    expect(JSON.parse(await first.line())).toMatchObject({ port, address: '127.0.0.1' })
    const kept = await open(port)
    expect((await kept.ask(get('/now/1'))).text).toBe('1')
    first.child.kill('SIGTERM')
    // The first server has begun to drain when its idle connection ends.
    expect(await kept.rest()).toBe('')
    expect(await first.ended).toMatchObject({ code: 0, err: '' })
    // Nobody accepts now.
    const between = await Promise.all(Array.from({ length: 20 }, () => open(port)))
    await Promise.all(between.map((wire, index) => wire.send(get(`/now/${index}`))))
    const second = inheriting(engine, fd)
    for (const [index, wire] of between.entries())
      expect((await wire.answer()).text).toBe(String(index))
    second.child.kill('SIGTERM')
    expect(await second.ended).toMatchObject({ code: 0, err: '' })
  })

  test('survives a crash: what waited in the queue is served by the next one (L-6)', async () => {
    const { fd, port } = boundSocket()
    const first = inheriting(engine, fd)
    await first.line()
    const blocking = await open(port)
    await blocking.send(get('/block'))
    expect(await first.line()).toBe('blocked')
    const waiting = await Promise.all(Array.from({ length: 20 }, () => open(port)))
    await Promise.all(waiting.map((wire, index) => wire.send(get(`/now/${index}`))))
    first.child.kill('SIGKILL')
    await first.ended
    inheriting(engine, fd)
    for (const [index, wire] of waiting.entries())
      expect((await wire.answer()).text).toBe(String(index))
  })

  test('meant for another process is not taken (L-6)', async () => {
    const { fd, port } = boundSocket()
    const program = startProgram('drain-server', [engine, 'inherited', '{"port":0}'], {
      stdio: ['ignore', 'pipe', 'pipe', fd],
      env: { LISTEN_FDS: '1', LISTEN_PID: String(process.pid) },
    })
    const listening = JSON.parse(await program.line()) as { port: number }
    expect(listening.port).toBeGreaterThan(0)
    expect(listening.port).not.toBe(port)
  })

  test('that is no stream socket is CELERIS_INVALID_FD (L-6)', async () => {
    // Standard input of the program: a pipe or /dev/null, and a descriptor that is not open.
    for (const fd of [0, 77]) {
      const program = startProgram('drain-server', [engine, JSON.stringify({ fd })])
      const error = JSON.parse(await program.line()) as object
      expect(error).toMatchObject({ name: 'ListenError', code: 'CELERIS_INVALID_FD', port: 0 })
      expect(await program.ended).toMatchObject({ code: 1, err: '' })
    }
  })
})

describe.each(ENGINES)('a port between processes, %s', (engine) => {
  const on = (port: number, config: object = {}, options: ProgramOptions = {}) =>
    startProgram('drain-server', [engine, port, JSON.stringify(config)], options)

  test('reusePort: two processes share it and both serve (L-3, C7)', async ({ skip }) => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
    const ignored = engine === 'node' && (major < 22 || (major === 22 && minor < 12))
    const first = on(0, { reusePort: true })
    const { port, pid } = JSON.parse(await first.line()) as { port: number; pid: number }
    const second = on(port, { reusePort: true })
    const answer = JSON.parse(await second.line()) as { port: number; pid: number }
    if (ignored) {
      expect(answer).toMatchObject({ code: 'EADDRINUSE' })
      first.child.kill('SIGTERM')
      expect((await first.ended).err).toContain('reusePort needs Node 22.12')
      skip('node:net of this Node has no reusePort, and the server says so')
    }
    expect(answer.port).toBe(port)
    const seen = new Set<number>()
    while (seen.size < 2) {
      const wire = await open(port)
      seen.add(Number((await wire.ask(get('/pid'))).text))
      await wire.close()
    }
    expect([...seen].sort()).toEqual([pid, answer.pid].sort())
  })

  test('without it the second one is EADDRINUSE, whatever the first one has (L-3, C7)', async () => {
    for (const reusePort of engine === 'epoll' ? [false, true] : [false]) {
      const { port } = JSON.parse(await on(0, { reusePort }).line()) as { port: number }
      const second = on(port)
      const error = JSON.parse(await second.line()) as object
      expect(error).toMatchObject({
        name: 'ListenError',
        code: 'EADDRINUSE',
        syscall: expect.stringMatching(/^(bind|listen)$/),
        address: '127.0.0.1',
        port,
        message: expect.stringMatching(/another server is listening there/),
      })
      expect(await second.ended).toMatchObject({ code: 1, err: '' })
    }
  })

  test('below the unprivileged ports it is EACCES that says what to do (L-3)', async ({ skip }) => {
    const lowest = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
    if (lowest <= 80) skip('this system lets everybody bind port 80')
    const NOBODY = 65_534
    const root = process.getuid?.() === 0
    const program = on(80, {}, root ? { uid: NOBODY, gid: NOBODY } : {})
    const { out, err } = await program.ended
    if (out === '' && /EACCES|ERR_MODULE_NOT_FOUND|Cannot find/.test(err))
      skip('nobody may not read the workspace')
    expect(JSON.parse(out)).toMatchObject({
      name: 'ListenError',
      code: 'EACCES',
      syscall: expect.stringMatching(/^(bind|listen)$/),
      address: '127.0.0.1',
      port: 80,
      message: expect.stringContaining('CAP_NET_BIND_SERVICE'),
    })
  })

  test('taken by a server of node:net is EADDRINUSE too (L-3)', async () => {
    const holder = new NetServer()
    atEnd(() => new Promise((resolve) => holder.close(resolve)))
    const port = await new Promise<number>((resolve) =>
      holder.listen(0, '127.0.0.1', () => resolve((holder.address() as net.AddressInfo).port)),
    )
    const error = JSON.parse(await on(port, { reusePort: true }).line()) as object
    expect(error).toMatchObject({ code: 'EADDRINUSE', port })
  })
})

describe('reasons not to accept, epoll', () => {
  test('are kept apart: descriptors that are free again do not lift a pause of the user (L-11, R15)', async () => {
    const program = startProgram('drain-server', ['epoll'], {
      wrapper: ['/bin/sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'],
    })
    const { port } = JSON.parse(await program.line()) as { port: number }
    const first = await open(port)
    const metrics = async () =>
      (await first.ask(get('/metrics'))).json as { active: number; acceptBackoffs: number }
    await metrics()
    const crowd = await Promise.all(Array.from({ length: 100 }, () => open(port)))
    while ((await metrics()).acceptBackoffs === 0);
    program.child.kill('SIGUSR2')
    expect(await program.line()).toBe('paused')
    const { active } = await metrics()
    await Promise.all(crowd.map((wire) => wire.close()))
    while ((await metrics()).active >= active);
    const waiting = await open(port)
    await waiting.send(get('/now/waited'))
    let answered = false
    const answer = waiting.answer().then((got) => {
      answered = true
      return got.text
    })
    for (let i = 0; i < 30; i++) await metrics()
    expect(answered).toBe(false)
    program.child.kill('SIGHUP')
    expect(await program.line()).toBe('resumed')
    expect(await answer).toBe('waited')
  })

  test('a pause that the user ended does not end one for want of descriptors (L-11, R15)', async () => {
    const program = startProgram('drain-server', ['epoll'], {
      wrapper: ['/bin/sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'],
    })
    const { port } = JSON.parse(await program.line()) as { port: number }
    const first = await open(port)
    const metrics = async () =>
      (await first.ask(get('/metrics'))).json as { active: number; acceptBackoffs: number }
    await metrics()
    const crowd = await Promise.all(Array.from({ length: 100 }, () => open(port)))
    while ((await metrics()).acceptBackoffs === 0);
    const before = await metrics()
    for (const [signal, line] of [
      ['SIGUSR2', 'paused'],
      ['SIGHUP', 'resumed'],
    ] as const) {
      program.child.kill(signal)
      expect(await program.line()).toBe(line)
    }
    // A pause that was lifted would try to accept in every turn of these.
    for (let i = 0; i < 100; i++) await metrics()
    const after = await metrics()
    expect(after.acceptBackoffs - before.acceptBackoffs).toBeLessThan(20)
    await Promise.all(crowd.map((wire) => wire.close()))
    const next = await open(port)
    expect((await next.ask(get('/now/next'))).text).toBe('next')
  })
})
