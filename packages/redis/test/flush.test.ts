import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type RedisServer, startRedis } from '@celeris/test-support'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import Redis, { AbstractConnector } from '../src/index.ts'

/** A stream of the user: it keeps what it is given, and takes it when it likes. */
class KeepingStream extends Duplex {
  readonly chunks: Buffer[] = []
  readonly copies: Buffer[] = []
  readonly #socket: Socket
  #waiting: (() => void)[] | undefined

  constructor(port: number) {
    super({ allowHalfOpen: false })
    this.#socket = connectSocket(port, '127.0.0.1')
    this.#socket.on('data', (chunk) => this.push(chunk))
    this.#socket.on('end', () => this.push(null))
    this.#socket.on('error', (error) => this.destroy(error))
  }

  setNoDelay(): void {}
  setKeepAlive(): void {}

  hold(): void {
    this.#waiting ??= []
  }

  release(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const take of waiting) take()
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk)
    this.copies.push(Buffer.from(chunk))
    const take = () => {
      this.#socket.write(chunk)
      done()
    }
    if (this.#waiting) this.#waiting.push(take)
    else take()
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}

let server: RedisServer
let redis: Redis
let stream: KeepingStream

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
afterEach(() => redis.disconnect())

/** A client whose connection is a stream of the user. */
async function connect(): Promise<void> {
  class Connector extends AbstractConnector {
    constructor() {
      super(1000)
    }

    override connect(): Promise<never> {
      this.connecting = true
      stream = new KeepingStream(server.port)
      this.stream = stream as never
      return Promise.resolve(stream as never)
    }
  }
  redis = new Redis({ Connector: Connector as never })
  await once(redis, 'ready')
}

/** Writes that reach the stream while `work` runs. */
async function writesOf(work: () => unknown): Promise<number> {
  const before = stream.chunks.length
  await work()
  return stream.chunks.length - before
}

describe('commands leave', () => {
  it('in one write, when called in one turn on an idle connection (FLUSH-1)', async () => {
    await connect()
    const writes = await writesOf(() =>
      Promise.all(Array.from({ length: 100 }, (_, i) => redis.set(`k${i}`, i))),
    )
    expect(writes).toBe(1)
  })

  it('in two writes, when called from 64 callbacks of one turn (FLUSH-1)', async () => {
    await connect()
    const calls: Promise<unknown>[] = []
    const writes = await writesOf(async () => {
      await new Promise<void>((done) => {
        for (let i = 0; i < 64; i++) {
          setImmediate(() => {
            calls.push(redis.get('k'))
            if (calls.length === 64) done()
          })
        }
      })
      await Promise.all(calls)
    })
    expect(writes).toBe(2)
  })

  it('before the event loop goes on, when one is called alone (FLUSH-1, SAME-18)', async () => {
    await connect()
    const reply = redis.get('k')
    const writes = await writesOf(() => new Promise<void>((done) => process.nextTick(done)))
    expect(writes).toBe(1)
    await reply
  })

  it('at once, when 64 KiB wait (FLUSH-2)', async () => {
    await connect()
    const before = stream.chunks.length
    const calls = Array.from({ length: 100 }, () => redis.set('k', 'x'.repeat(1000)))
    expect(stream.chunks.length).toBeGreaterThan(before)
    await Promise.all(calls)
  })

  it('at once with flush() (FLUSH-4)', async () => {
    await connect()
    const before = stream.chunks.length
    const reply = redis.get('k')
    expect(stream.chunks.length).toBe(before)
    redis.flush()
    expect(stream.chunks.length).toBe(before + 1)
    await reply
  })

  it.each(['disconnect', 'end', 'quit'] as const)(
    'before the connection closes by %s (FLUSH-3, SAME-13)',
    async (method) => {
      await connect()
      const reply = redis.set('last', method)
      reply.catch(() => {})
      const ended = once(redis, 'end')
      await redis[method]()
      await ended
      // A disconnect does not wait for the reply; the server has the command all the same.
      expect(await server.command('GET', 'last')).toBe(method)
    },
  )

  it('as bytes that nobody overwrites, on a stream of the user (FLUSH-6)', async () => {
    await connect()
    for (let i = 0; i < 50; i++) {
      await Promise.all([redis.set(`key${i}`, 'v'.repeat(i * 10)), redis.get(`key${i}`)])
    }
    expect(Buffer.concat(stream.chunks).equals(Buffer.concat(stream.copies))).toBe(true)
  })

  it('in order and together, when the stream takes bytes again (FLUSH-7)', async () => {
    await connect()
    stream.hold()
    const calls = Array.from({ length: 3000 }, (_, i) => redis.incrby('sum', i % 7))
    // Turns of the loop in which nothing can leave.
    for (let turn = 0; turn < 5; turn++) await new Promise((done) => setImmediate(done))
    calls.push(redis.incrby('sum', 1))
    expect(redis.queued.bytes).toBeGreaterThan(100_000)
    stream.release()
    const sums = await Promise.all(calls)
    expect(sums.every((sum, i) => i === 0 || sum >= (sums[i - 1] as number))).toBe(true)
    expect(redis.queued).toEqual({ bytes: 0, commands: 0, offline: 0 })
  })
})

describe('one connection', () => {
  it('answers lean, stock and pipelined commands in the order of the calls (SAME-1, LPL-4)', async () => {
    await connect()
    const order: string[] = []
    const note = (name: string) => () => {
      order.push(name)
    }
    await redis.del('list')
    await Promise.all([
      redis.rpush('list', '1').then(note('1')),
      new Promise<void>((done) => {
        redis.rpush('list', '2', () => done(note('2')()))
      }),
      redis.pipeline().rpush('list', '3').rpush('list', '4').exec().then(note('3')),
      redis.multi().rpush('list', '5').exec().then(note('4')),
      redis.call('RPUSH', 'list', '6').then(note('5')),
      redis.rpush('list', Buffer.from('7')).then(note('6')),
    ])
    expect(await redis.lrange('list', 0, -1)).toEqual(['1', '2', '3', '4', '5', '6', '7'])
    expect(order.toSorted()).toEqual(['1', '2', '3', '4', '5', '6'])
  })

  it('gives what a listener throws to the process, and goes on (TRA-8)', async () => {
    await connect()
    const subscriber = redis.duplicate()
    await subscriber.subscribe('channel')
    subscriber.once('message', () => {
      throw new Error('of the listener')
    })
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const thrown = once(process, 'uncaughtException')
    await redis.publish('channel', '1')
    expect(await thrown).toMatchObject([{ message: 'of the listener' }, 'uncaughtException'])
    for (const listener of others) process.on('uncaughtException', listener)
    expect(await subscriber.ping()).toBe('PONG')
    subscriber.disconnect()
  })

  it('owns no buffer while it is idle (TRA-9)', async () => {
    await connect()
    await redis.get('k')
    expect(redis.queued).toEqual({ bytes: 0, commands: 0, offline: 0 })
    expect(stream.listenerCount('drain')).toBeLessThan(3)
  })
})
