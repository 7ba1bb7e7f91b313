// A whole server that runs short of descriptors, is stopped, or is blocked by its own handler (engines.md §10, §2.3, C13).
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'

const core = new URL('../../core/', import.meta.url)
const PROGRAM = `
import { Server } from '@celeris/core'
const [eventLoop, ...timeouts] = process.argv.slice(-5)
const [readHeaderTimeoutMs, readTimeoutMs, writeTimeoutMs, idleTimeoutMs] = timeouts.map(Number)
const app = new Server({ port: 0, host: '127.0.0.1', engine: 'epoll', eventLoop,
  readHeaderTimeoutMs, readTimeoutMs, writeTimeoutMs, idleTimeoutMs })
app.get('/', () => 'x')
app.get('/metrics', (c) => c.json(app.engineInfo().metrics))
app.post('/echo', async (c) => c.text(await c.bodyText()))
app.get('/block', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000)
  return 'blocked'
})
console.log((await app.listen()).port)
`

type Child = ChildProcessByStdio<null, Readable, Readable>
const children: Child[] = []
const clients: Client[] = []
afterEach(() => {
  for (const client of clients.splice(0)) client.socket.destroy()
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

interface Timeouts {
  readonly header?: number
  readonly read?: number
  readonly write?: number
  readonly idle?: number
}

async function start(eventLoop: string, timeouts: Timeouts = {}) {
  const { header = 60_000, read = 60_000, write = 60_000, idle = 60_000 } = timeouts
  const numbers = [header, read, write, idle].map(String)
  const child: Child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', PROGRAM, '--', eventLoop, ...numbers],
    {
      cwd: core,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' },
    },
  )
  children.push(child)
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line').then(([text]) => text as string),
    once(child, 'close').then(() => Promise.reject(new Error(`the server ended: ${errors}`))),
  ])
  return { pid: child.pid as number, port: Number(line), errors: () => errors }
}

/** What a client got; every change wakes who waits for it. */
class Client {
  text = ''
  gone = false
  readonly socket: Socket
  #wake: () => void = () => undefined
  constructor(port: number) {
    clients.push(this)
    this.socket = connect(port, '127.0.0.1')
    this.socket.setNoDelay(true)
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1')
      this.#wake()
    })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.gone = true
      this.#wake()
    })
  }
  async until(condition: (client: Client) => boolean): Promise<void> {
    while (!condition(this))
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
  }
  get answers(): number {
    return this.text.split('HTTP/1.1 200 OK\r\n').length - 1
  }
  /** Sends a request and waits for the end of its answer. */
  async ask(path: string): Promise<string> {
    this.text = ''
    this.socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`)
    const body = (): string | undefined => this.text.split('\r\n\r\n')[1]
    const length = (): number => Number(/content-length: (\d+)/i.exec(this.text)?.[1] ?? Infinity)
    await this.until(() => this.gone || (body()?.length ?? 0) >= length())
    expect(this.gone).toBe(false)
    return body() as string
  }
}

function limitDescriptors(pid: number, soft: number): void {
  const { status, stderr } = spawnSync('prlimit', [`--pid=${pid}`, `--nofile=${soft}:4096`])
  expect([status, stderr?.toString()]).toEqual([0, ''])
}

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

describe.each(['native', 'libuv'])('eventLoop %s', (eventLoop) => {
  test('descriptor limit at 64, then raised: served ones go on, others wait their turn (C13)', {
    timeout: 60_000,
  }, async () => {
    const began = performance.now()
    const { pid, port, errors } = await start(eventLoop)
    const served = new Client(port)
    expect(await served.ask('/')).toBe('x')
    limitDescriptors(pid, 64)
    const crowd = Array.from({ length: 80 }, () => new Client(port))
    for (const client of crowd) client.socket.write(GET)
    const metrics = async (): Promise<Record<string, number>> =>
      JSON.parse(await served.ask('/metrics')) as Record<string, number>
    while (((await metrics()).acceptBackoffs as number) < 3);
    for (let i = 0; i < 50; i++) expect(await served.ask('/')).toBe('x')
    const answered = (): Client[] => crowd.filter(({ answers }) => answers > 0)
    const before = answered()
    expect(before.length).toBeGreaterThan(0)
    expect(before.length).toBeLessThan(64)
    const one = before[0] as Client
    one.socket.destroy()
    while (answered().length === before.length) await served.ask('/')
    limitDescriptors(pid, 4096)
    await Promise.all(
      crowd.map((client) => client.until(({ answers, gone }) => answers > 0 || gone)),
    )
    const turnedAway = crowd.filter(({ answers }) => answers === 0).length
    expect((await metrics()).rejected).toBe(turnedAway)
    expect(answered().length).toBe(crowd.length - turnedAway)
    const warnings = errors().split('out of file descriptors').length - 1
    expect(warnings).toBeGreaterThan(0)
    expect(warnings).toBeLessThanOrEqual(1 + Math.floor((performance.now() - began) / 10_000))
  })

  test('process stopped for 5 s: only those that really were idle time out (C8)', {
    timeout: 60_000,
  }, async () => {
    const { pid, port } = await start(eventLoop, {
      header: 3000,
      read: 3000,
      write: 3000,
      idle: 3000,
    })
    const all = Array.from({ length: 24 }, () => new Client(port))
    const [silent, sending, halfHead, halfBody] = [0, 6, 12, 18].map((at) =>
      all.slice(at, at + 6),
    ) as [Client[], Client[], Client[], Client[]]
    await Promise.all(all.map((client) => client.ask('/')))
    for (const client of all) client.text = ''
    for (const { socket } of halfHead) socket.write(GET.slice(0, 20))
    for (const { socket } of halfBody)
      socket.write('POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc')
    // Another connection's answer: what was written before has been read.
    await new Client(port).ask('/')
    process.kill(pid, 'SIGSTOP')
    while (!/\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await wait(1)
    for (const { socket } of sending) socket.write(GET)
    for (const { socket } of halfHead) socket.write(GET.slice(20))
    for (const { socket } of halfBody) socket.write('def')
    await wait(5000)
    process.kill(pid, 'SIGCONT')
    for (const client of [...sending, ...halfHead, ...halfBody]) {
      await client.until(({ answers, gone }) => answers > 0 || gone)
      expect(client.answers).toBe(1)
    }
    for (const client of halfBody) expect(client.text.endsWith('abcdef')).toBe(true)
    for (const client of silent) {
      await client.until(({ gone }) => gone)
      expect(client.text).toBe('')
    }
  })

  test('JS thread blocked for 2 s in a handler: nothing is lost (TIM-1)', {
    timeout: 60_000,
  }, async () => {
    const { port } = await start(eventLoop, { header: 1000, read: 1000, write: 1000, idle: 1000 })
    const blocking = new Client(port)
    const before = Array.from({ length: 20 }, () => new Client(port))
    await Promise.all([blocking, ...before].map((client) => client.ask('/')))
    for (const client of before) {
      client.text = ''
      client.socket.write(GET.slice(0, 20))
    }
    const blocked = blocking.ask('/block')
    // In the same turn of this process, while the handler runs or before it.
    for (const { socket } of before) socket.write(GET.slice(20) + GET)
    const during = Array.from({ length: 20 }, () => new Client(port))
    for (const { socket } of during) socket.write(GET.repeat(5))
    expect(await blocked).toBe('blocked')
    for (const [group, count] of [
      [before, 2],
      [during, 5],
    ] as const) {
      for (const client of group) {
        await client.until(({ answers, gone }) => answers === count || gone)
        expect(client.answers).toBe(count)
      }
    }
  })
})
