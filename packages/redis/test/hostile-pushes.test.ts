// What no Redis sends, from a server that does: a clear error, never the end of the process.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import Redis from '../src/index.ts'

let server: Server
let connection: Socket
let redis: Redis

beforeEach(async () => {
  server = createServer((socket) => {
    connection = socket
    socket.on('error', () => {})
    // As many replies as commands: each has one `*` at the start of a line.
    socket.on('data', (bytes) => {
      for (const _ of bytes.toString().matchAll(/^\*/gm)) socket.write('+OK\r\n')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  redis = new Redis(port, '127.0.0.1', { enableReadyCheck: false })
  await once(redis, 'ready')
})

afterEach(() => {
  redis.disconnect()
  server.close()
})

describe('a server that sends', () => {
  it.each([
    ['a push without a type', '>1\r\n_\r\n'],
    ['a subscription without a channel', '>1\r\n$9\r\nsubscribe\r\n'],
    ['a message without text', '>2\r\n$7\r\nmessage\r\n$1\r\nc\r\n'],
    ['a message of numbers', '>3\r\n$7\r\nmessage\r\n:1\r\n:2\r\n'],
  ])('%s is left, and connected to again (REPLY-10)', async (_name, bytes) => {
    const failed = once(redis, 'error')
    // `once` of node:events would reject with the error.
    const again = new Promise((done) => redis.once('ready', () => done(undefined)))
    connection.write(bytes)
    expect(await failed).toMatchObject([{ name: 'ParserError' }])
    await again
    expect(await redis.set('a', '1')).toBe('OK')
  })

  it('null without being asked is told so (REPLY-14)', async () => {
    const failed = once(redis, 'error')
    connection.write('_\r\n')
    const message = expect.stringContaining('Command queue state error')
    expect(await failed).toMatchObject([{ message }])
  })
})
