// The ws package serves WebSockets over our engines: what hijack() gives is a socket like any other.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { Context, Server } from '../src/index.ts'
import { atEnd, ENGINES, gate, serve, until } from './support/serve.ts'

/** Echoes every message; what an application would write. */
function echo(app: Server): WebSocketServer {
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 1024 } })
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  app.get('/echo', async (c) => {
    if (c.header('upgrade')?.toLowerCase() !== 'websocket') {
      c.text('websockets only', 426)
      return
    }
    const request = requestOf(c)
    const socket = await c.hijack()
    sockets.handleUpgrade(request, socket, Buffer.alloc(0), (client) =>
      sockets.emit('connection', client, request),
    )
  })
  app.get('/slow', async () => {
    for (let k = 0; k < 10; k++) await turn()
    return 'slow'
  })
  return sockets
}

/** The part of a request that ws reads. */
function requestOf(c: Context): IncomingMessage {
  return {
    method: c.method,
    url: c.rawPath,
    headers: Object.fromEntries(c.headers()),
  } as unknown as IncomingMessage
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = createHash('sha1')
  .update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  .digest('base64')
const UPGRADE = `GET /echo HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${KEY}\r\n\r\n`

/** A masked text frame, as a client sends it (RFC 6455 §5.2). */
function frame(text: string): Buffer {
  const payload = Buffer.from(text)
  const mask = Buffer.from([1, 2, 3, 4])
  const masked = payload.map((byte, index) => byte ^ (mask[index & 3] as number))
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, masked])
}

async function open(port: number): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/echo`)
  atEnd(() => client.terminate())
  await once(client, 'open')
  return client
}

describe.each(ENGINES)('ws over %s', (engine) => {
  test('messages of every size, both ways, and the closing handshake (A-16, UPG-1)', async () => {
    const { port, app } = await serve(engine, (app) => void echo(app))
    const client = await open(port)
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
      const sent = Buffer.alloc(size, 'abc')
      client.send(sent)
      const [received] = (await once(client, 'message')) as [Buffer]
      expect([size, received.equals(sent)]).toEqual([size, true])
    }
    client.ping('are you there')
    expect(String((await once(client, 'pong'))[0])).toBe('are you there')
    client.close(4001, 'enough')
    expect((await once(client, 'close'))[0]).toBe(4001)
    const { accepted, closed, released, active } = app.engineInfo().metrics ?? {}
    expect([accepted, closed, released, active]).toEqual([1, 0, 1, 0])
  })

  test('frames right behind the request come first, and are never parsed (UPG-2)', async () => {
    const { connect, errors } = await serve(engine, (app) => void echo(app))
    const wire = await connect()
    await wire.send(Buffer.concat([Buffer.from(UPGRADE), frame('early'), frame('GET / HTTP/1.1')]))
    const upgraded = await wire.answer()
    expect([upgraded.status, upgraded.header('Sec-WebSocket-Accept')]).toEqual([101, ACCEPT])
    await wire.send(frame('late'))
    wire.end()
    expect(await wire.rest()).toBe(`\x81\x05early\x81\x0eGET / HTTP/1.1\x81\x04late`)
    expect(errors()).toEqual([])
  })

  test('answers owed before the upgrade leave first (PIP-1, A-16)', async () => {
    const { connect } = await serve(engine, (app) => void echo(app))
    const wire = await connect()
    await wire.send(`GET /slow HTTP/1.1\r\nhost: a\r\n\r\n${UPGRADE}`)
    expect((await wire.answer()).text).toBe('slow')
    expect((await wire.answer()).status).toBe(101)
  })

  test('an upgrade that nobody takes is served as an ordinary request (UPG-1)', async () => {
    const { ask } = await serve(engine, (app) => void echo(app))
    const headers = [
      ['connection', 'upgrade, http2-settings'],
      ['upgrade', 'h2c'],
      ['http2-settings', 'AAMAAABkAAQAAP__'],
    ] as const
    expect((await ask('/slow', { headers })).text).toBe('slow')
    expect((await ask('/echo', { headers })).status).toBe(426)
  })

  test('a handler that fails after it took the socket ends it; one that answered cannot take it (C-8)', async () => {
    const codes: unknown[] = []
    const { connect, ask, errors } = await serve(engine, (app) => {
      app.get('/fails', async (c) => {
        await c.hijack()
        throw new Error('too late')
      })
      app.get('/answered', async (c) => {
        c.text('text')
        await Promise.resolve()
          .then(() => c.hijack())
          .catch((error) => codes.push(error.code))
      })
    })
    const wire = await connect()
    await wire.send(UPGRADE.replace('/echo', '/fails'))
    expect(await wire.rest()).toBe('')
    expect(errors()).toEqual(['Error: too late'])
    expect((await ask('/answered')).text).toBe('text')
    expect(codes).toEqual(['CELERIS_RESPONSE_WRITTEN'])
  })

  test('a client that leaves before the socket was taken rejects the promise (EOF-3)', async () => {
    const begun = gate()
    const failed = gate<unknown>()
    const { connect } = await serve(engine, (app) => {
      app.get('/never', () => new Promise(() => undefined))
      app.get('/echo', (c) => {
        begun.open()
        return c.hijack().then(
          (socket) => socket.destroy(),
          (error: { code: string }) => failed.open(error.code),
        )
      })
    })
    const wire = await connect()
    await wire.send(`GET /never HTTP/1.1\r\nhost: a\r\n\r\n${UPGRADE}`)
    await begun.promise
    wire.reset()
    expect(await failed.promise).toBe('CELERIS_CLIENT_ABORTED')
  })

  test('close() ends hijacked sockets, and resets those that stay (L-9)', async () => {
    let taken: Duplex | undefined
    const { app, port, connect } = await serve(engine, (app) => {
      echo(app)
      app.get('/raw', async (c) => {
        taken = await c.hijack()
        taken.write('hello')
        taken.resume()
      })
    })
    const client = await open(port)
    const stubborn = await connect()
    await stubborn.send(UPGRADE.replace('/echo', '/raw'))
    await until(() => taken !== undefined)
    const left = once(client, 'close')
    await app.close({ timeoutMs: 300 })
    await left
    expect(taken?.destroyed).toBe(true)
  })

  test('sockets come and go without a trace (R5, C15)', async () => {
    const { connect, app } = await serve(engine, (app) => {
      app.get('/raw', async (c) => {
        const socket = await c.hijack()
        socket.on('error', () => undefined)
        socket.end(`taken ${c.path}`)
        socket.resume()
      })
    })
    for (let round = 0; round < 100; round++) {
      const wire = await connect()
      await wire.send(UPGRADE.replace('/echo', '/raw'))
      if (round % 3 === 0) wire.reset()
      else {
        expect(await wire.rest()).toBe('taken /raw')
        wire.end()
      }
    }
    await until(() => app.engineInfo().metrics?.active === 0)
    await until(() => app.collector?.snapshot().active === 0)
    const { accepted = 0, closed = 0, released = 0 } = app.engineInfo().metrics ?? {}
    expect(accepted).toBe(closed + released)
  })
})

test('without a socket there is none to take (A-16)', async () => {
  const { ask } = await serve('request', (app) => {
    app.get('/', (c) => c.hijack().catch((error: { code: string }) => error.code))
  })
  expect((await ask('/')).text).toBe('CELERIS_HIJACK_UNSUPPORTED')
})
