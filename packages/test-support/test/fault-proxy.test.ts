import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../src/fault-proxy.ts'
import { until } from '../src/until.ts'

/** Sends back what it gets, and keeps it. */
interface EchoServer {
  readonly listener: Server
  readonly received: () => string
  readonly sockets: Socket[]
}

async function startEcho(): Promise<EchoServer> {
  let received = ''
  const sockets: Socket[] = []
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('data', (chunk) => {
      received += chunk
      socket.write(chunk)
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return { listener, received: () => received, sockets }
}

/** A connection to the proxy and all that came over it. */
interface Client {
  readonly socket: Socket
  readonly chunks: string[]
  readonly text: () => string
  readonly reads: (text: string) => Promise<unknown>
  readonly events: string[]
}

let echo: EchoServer
let proxy: FaultProxy
const clients: Client[] = []

async function open(): Promise<Client> {
  const socket = connect({ port: proxy.port, host: proxy.host, allowHalfOpen: true })
  const chunks: string[] = []
  const events: string[] = []
  socket.on('data', (chunk) => chunks.push(`${chunk}`))
  socket.on('end', () => events.push('end'))
  socket.on('error', (error: NodeJS.ErrnoException) => events.push(`${error.code}`))
  await once(socket, 'connect')
  const text = (): string => chunks.join('')
  const reads = (wanted: string): Promise<unknown> =>
    until(`reads ${wanted}`, () => text() === wanted, { detail: text })
  const client = { socket, chunks, text, reads, events }
  clients.push(client)
  return client
}

const closed = ({ socket, events }: Client): Promise<unknown> =>
  until('the connection closes', () => socket.closed, { detail: () => `${events}` })

beforeEach(async () => {
  echo = await startEcho()
  proxy = await startFaultProxy(echo.listener.address() as { port: number })
})

afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy()
  await proxy.stop()
  await proxy.stop()
  for (const socket of echo.sockets) socket.destroy()
  echo.listener.close()
})

describe('startFaultProxy', () => {
  it('forwards, records and closes as both sides do', async () => {
    const client = await open()
    client.socket.write('hello')
    await client.reads('hello')
    client.socket.end()
    await closed(client)
    expect(client.events).toEqual(['end'])
    expect(proxy.record().requests.toString()).toBe('hello')
    expect(proxy.record().replies.toString()).toBe('hello')
    expect(proxy.connections).toBe(1)
    await until('the proxy forgets it', () => proxy.open === 0)
  })

  it('cuts all connections with a reset, and takes new ones', async () => {
    const both = [await open(), await open()]
    for (const { socket } of both) socket.write('x')
    await Promise.all(both.map((client) => client.reads('x')))
    proxy.cut()
    await Promise.all(both.map(closed))
    expect(both.map(({ events }) => events)).toEqual([['ECONNRESET'], ['ECONNRESET']])
    const next = await open()
    next.socket.write('y')
    await next.reads('y')
    expect(proxy.connections).toBe(3)
  })

  it('ends the side of the client, which may still write', async () => {
    const client = await open()
    client.socket.write('before')
    await client.reads('before')
    proxy.end()
    await until('the client reads the end', () => client.events.includes('end'))
    client.socket.write('after')
    await until('the server gets it', () => echo.received() === 'beforeafter')
    expect(client.text()).toBe('before')
  })

  it('is a black hole while stalled, for new connections too, and forwards all of it later', async () => {
    const before = await open()
    before.socket.write('a')
    await before.reads('a')
    proxy.stall()
    before.socket.write('b')
    const during = await open()
    during.socket.write('c')
    // What goes past the proxy arrives, though it was sent later.
    const direct = connect(echo.listener.address() as { port: number })
    for (const text of ['x', 'y', 'z']) {
      direct.write(text)
      await once(direct, 'data')
    }
    direct.destroy()
    expect(echo.received()).toBe('axyz')
    proxy.resume()
    await Promise.all([before.reads('ab'), during.reads('c')])
  })

  it('holds the replies alone back', async () => {
    const client = await open()
    proxy.stall('replies')
    client.socket.write('abc')
    await until('the server gets it', () => echo.received() === 'abc')
    expect(client.text()).toBe('')
    proxy.resume('replies')
    await client.reads('abc')
  })

  it('delays replies and keeps their order', async () => {
    const client = await open()
    const ms = 300
    proxy.delay({ ms })
    const arrival = once(client.socket, 'data').then(() => performance.now())
    const start = performance.now()
    client.socket.write('1')
    await until('the server gets it', () => echo.received() === '1')
    client.socket.write('2')
    // Never sooner, whatever the machine does; a timer may be a millisecond early.
    expect((await arrival) - start).toBeGreaterThanOrEqual(ms - 1)
    await client.reads('12')
  })

  it('splits replies into pieces that are read one by one', async () => {
    const client = await open()
    proxy.splitReplies(3)
    client.socket.write('abcdefgh')
    await client.reads('abcdefgh')
    expect(client.chunks).toEqual(['abc', 'def', 'gh'])
  })

  it('cuts after a number of reply bytes, counted from the call', async () => {
    const client = await open()
    client.socket.write('hello')
    await client.reads('hello')
    proxy.cutAfterReplyBytes(3)
    client.socket.write('world')
    await closed(client)
    expect(client.text()).toBe('hellowor')
    expect(client.events).toEqual(['ECONNRESET'])
    const next = await open()
    next.socket.write('again')
    await closed(next)
    expect(next.text()).toBe('aga')
  })

  it('cuts after a number of request bytes, all of which the server gets, once if told so', async () => {
    proxy.cutAfterRequestBytes(4, { once: true })
    const client = await open()
    client.socket.write('abcdef')
    await closed(client)
    expect(client.events).toEqual(['ECONNRESET'])
    await until('the server gets them', () => echo.received() === 'abcd')
    const next = await open()
    next.socket.write('ghijkl')
    await next.reads('ghijkl')
    expect(echo.received()).toBe('abcdghijkl')
  })

  it('stands in front of a Unix socket too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'celeris-proxy-'))
    const path = join(folder, 'echo.sock')
    const listener = createServer((socket) => socket.pipe(socket)).listen(path)
    await once(listener, 'listening')
    await proxy.stop()
    proxy = await startFaultProxy({ path })
    const client = await open()
    client.socket.write('hello')
    await client.reads('hello')
    proxy.cut()
    await closed(client)
    listener.close()
    await once(listener, 'close')
    rmSync(folder, { recursive: true })
  })

  it('resets a client whose server is not there', async () => {
    echo.listener.close()
    await once(echo.listener, 'close')
    const client = await open()
    await closed(client)
    expect(client.events).toEqual(['ECONNRESET'])
  })
})
