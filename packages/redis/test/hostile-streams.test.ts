// Streams of a user's Connector that throw, reply inside `write`, lack methods, or speak after their end.
import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import { type RedisServer, startRedis } from '@celeris/test-support'
import { AbstractConnector } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type Redis from '../src/index.ts'
import type { RedisOptions } from '../src/index.ts'
import { clientOf, failureOf, readyClientOf } from './faults-support.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

/** What ioredis calls on a socket beside the methods of a stream. */
const SOCKET = { setNoDelay() {}, setKeepAlive() {}, setTimeout() {} }

/** A client whose connections are the streams that `open` returns. */
async function clientOver(open: () => object, options: RedisOptions = {}): Promise<Redis> {
  class Connector extends AbstractConnector {
    constructor() {
      super(10)
    }
    override connect(): Promise<never> {
      this.stream = Object.assign(open(), SOCKET) as never
      return Promise.resolve(this.stream) as Promise<never>
    }
  }
  const redis = clientOf(server, { Connector, ...options } as unknown as RedisOptions)
  await once(redis, 'ready')
  return redis
}

/** A stream to the server which lets `write` see, and change, what becomes of each chunk. */
function through(write: (chunk: Buffer, send: (chunk: Buffer) => void) => void): Duplex {
  const socket = connect(server.port, server.host)
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      write(chunk, (bytes) => socket.write(bytes))
      done()
    },
    destroy(error, done) {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk) => stream.push(chunk))
  socket.on('close', () => stream.destroy())
  return stream
}

it('a stream whose write throws ends its connection and no other (TRA-4, TRA-6)', async () => {
  const redis = await clientOver(
    () =>
      through((chunk, send) => {
        if (chunk.includes('throw')) throw new Error('no write')
        send(chunk)
      }),
    { autoResendUnfulfilledCommands: false },
  )
  const other = await readyClientOf(server)
  const errors: unknown[] = []
  redis.on('error', (error) => errors.push(error))
  const failed = failureOf(redis.echo('throw'))
  expect(await other.echo('other')).toBe('other')
  expect(await failed).toMatchObject({ command: { name: 'echo' } })
  expect(errors).toMatchObject([{ message: 'no write' }])
  expect(await redis.echo('again')).toBe('again')
})

it('commands called inside write, when a reply comes at once, are sent (TRA-1, TRA-4)', async () => {
  let stream: Duplex | undefined
  const redis = await clientOver(() => {
    stream = through((chunk, send) => {
      const text = String(chunk)
      send(Buffer.from(text.replace('*2\r\n$4\r\necho\r\n$6\r\ninside\r\n', '')))
      if (!text.includes('inside')) return
      stream?.emit('data', Buffer.from('>3\r\n+message\r\n+news\r\n+hello\r\n+inside\r\n'))
    })
    return stream
  })
  await redis.subscribe('news')
  const called: Promise<unknown>[] = []
  redis.on('message', () => called.push(redis.echo('from the listener')))
  expect(await redis.echo('inside')).toBe('inside')
  expect(await Promise.all(called)).toEqual(['from the listener'])
})

it('a stream without cork and writableLength will do (TRA-4, BOUND-6)', async () => {
  class Minimal extends EventEmitter {
    writable = true
    readonly #socket = connect(server.port, server.host)
    constructor() {
      super()
      this.#socket.on('data', (chunk) => this.emit('data', chunk))
      this.#socket.on('close', () => this.emit('close'))
    }
    write(chunk: Buffer): boolean {
      return this.#socket.write(chunk)
    }
    end(): void {
      this.writable = false
      this.#socket.end()
    }
    destroy(error?: Error): void {
      this.writable = false
      this.#socket.destroy(error)
    }
    resume(): void {}
  }
  const redis = await clientOver(() => new Minimal())
  const large = 'v'.repeat(100_000)
  const replies = [redis.set('a', large), redis.set('b', large), redis.strlen('b')]
  expect(await Promise.all(replies)).toEqual(['OK', 'OK', 100_000])
  expect(redis.queued.bytes).toBe(0)
})

it('what a stream says after its close is nobody’s reply (TRA-5)', async () => {
  const streams: Duplex[] = []
  const redis = await clientOver(() => {
    const stream = through((chunk, send) => send(chunk))
    streams.push(stream)
    return stream
  })
  streams[0]?.destroy()
  await once(redis, 'close')
  await once(redis, 'ready')
  const reply = redis.echo('mine')
  streams[0]?.emit('data', Buffer.from('+late\r\n'))
  expect(await reply).toBe('mine')
})

it('flush hands over what comes behind a large value in the same turn (FLUSH-4)', async () => {
  const redis = await readyClientOf(server)
  const socket = redis.stream
  const replies = [redis.set('large', 'v'.repeat(40_000))]
  redis.flush()
  const before = socket.bytesWritten
  replies.push(redis.set('small', '1'))
  redis.flush()
  expect(socket.bytesWritten).toBeGreaterThan(before)
  expect(await Promise.all(replies)).toEqual(['OK', 'OK'])
})
