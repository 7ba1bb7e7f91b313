// What only the node engine has, or has in its own way; the rest is in the conformance suite.
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { connect as connectTls, type TlsOptions } from 'node:tls'
import { createBatchMemory, type ListenOptions } from '@celeris/engine'
import {
  BLOCK_BODY,
  BLOCK_BYTES_OFFSET,
  BLOCK_LENGTH,
  BLOCK_OFFSET,
  BLOCK_TABLE_WORD,
  BLOCK_WORDS,
  CONTROL_BLOCK_COUNT,
  CONTROL_RESPONSE_COUNT,
  REQUEST_GENERATION,
  REQUEST_SEQUENCE,
  REQUEST_SLOT,
  REQUEST_WORDS,
  REQUESTS_WORD,
  RESPONSE_KIND_WHOLE,
  RESPONSE_WORDS,
  RESPONSES_WORD,
} from '@celeris/engine/layout'
import { afterEach, expect, test } from 'vitest'
import { Server } from '../src/index.ts'
import { nodeEngine } from '../src/node-http/engine.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** An engine whose every request is answered with one interned block. */
async function serve(
  overrides: Partial<ListenOptions>,
): Promise<{ port: number; peers: unknown[] }> {
  const engine = nodeEngine()
  const memory = createBatchMemory()
  const { words, bytes } = memory
  const head = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n'
  const length = bytes.write(`${head}ok`, BLOCK_BYTES_OFFSET, 'latin1')
  const block = BLOCK_TABLE_WORD + BLOCK_WORDS
  words[block + BLOCK_OFFSET] = BLOCK_BYTES_OFFSET
  words[block + BLOCK_LENGTH] = length
  words[block + BLOCK_BODY] = head.length
  words[CONTROL_BLOCK_COUNT] = 2
  const peers: unknown[] = []
  const options = {
    memory,
    port: 0,
    host: '127.0.0.1',
    readTimeoutMs: 5000,
    readHeaderTimeoutMs: 5000,
    writeTimeoutMs: 5000,
    idleTimeoutMs: 5000,
    maxHeaderBytes: 32_768,
    maxHeaders: 200,
    maxRequestBodySize: 1_000_000,
    bufferedBodySize: 65_536,
    maxConnections: 100,
    backlog: 100,
    reusePort: false,
    disableKeepAlive: false,
    connectionEvents: false,
    literals: [],
    warn: () => undefined,
    ...overrides,
  } as unknown as ListenOptions
  const { port } = await engine.listen(options, (_base, requests) => {
    for (let i = 0; i < requests; i++) {
      const at = REQUESTS_WORD + i * REQUEST_WORDS
      const slot = words[at + REQUEST_SLOT] as number
      const generation = words[at + REQUEST_GENERATION] as number
      peers.push(engine.peer(slot, generation))
      const count = words[CONTROL_RESPONSE_COUNT] as number
      const sequence = words[at + REQUEST_SEQUENCE] as number
      words.set(
        [slot, generation, sequence, RESPONSE_KIND_WHOLE, 1, 0, 0, 0],
        RESPONSES_WORD + count * RESPONSE_WORDS,
      )
      words[CONTROL_RESPONSE_COUNT] = count + 1
    }
  })
  closers.push(() => engine.close({ timeoutMs: 100 }))
  return { port, peers }
}

const psk = randomBytes(32)
const pskOptions = {
  ciphers: 'PSK+HIGH',
  maxVersion: 'TLSv1.2',
  pskIdentityHint: 'test',
  pskCallback: () => psk,
} as unknown as TlsOptions

/** Sends text over TLS and collects what comes back until the end; sends its own end once `last` has come. */
function exchange(port: number, text: string, last?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      ciphers: 'PSK+HIGH',
      maxVersion: 'TLSv1.2',
      checkServerIdentity: () => undefined,
      pskCallback: () => ({ psk, identity: 'test' }),
    })
    let received = ''
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
      if (last !== undefined && received.endsWith(last)) socket.end()
    })
    socket.on('end', () => resolve(received))
    socket.on('error', reject)
    socket.write(text)
  })
}

const request = (target: string, ...lines: string[]): string =>
  [`GET ${target} HTTP/1.1`, 'host: a', ...lines, '', ''].join('\r\n')

test('serves TLS, pipelined and kept alive (L-12)', async () => {
  const { port, peers } = await serve({ tls: pskOptions })
  const received = await exchange(
    port,
    request('/a') + request('/b') + request('/c', 'connection: close'),
  )
  expect(received.match(/HTTP\/1\.1 200 OK/g)?.length).toBe(3)
  expect(received.match(/connection: close/g)?.length).toBe(1)
  expect(peers[0]).toMatchObject({ address: '127.0.0.1' })
})

test('an absolute target says https on TLS, and http is misdirected (TGT-3)', async () => {
  const { port } = await serve({ tls: pskOptions })
  expect(await exchange(port, request('https://a/', 'connection: close'))).toMatch(
    /^HTTP\/1\.1 200 /,
  )
  expect(await exchange(port, request('http://a/'))).toMatch(/^HTTP\/1\.1 421 /)
})

test('over TLS answers stream and a socket can be taken, with what came behind it (L-12, UPG-2)', async () => {
  const tls = { ...pskOptions, SNICallback: () => undefined }
  const app = new Server({ engine: 'node', tls, port: 0, host: '127.0.0.1' })
  closers.push(() => app.close({ timeoutMs: 1000 }))
  app.get('/stream', (c) => c.stream(Readable.from(['one', 'two'])))
  app.get('/raw', async (c) => {
    const socket = await c.hijack()
    socket.pipe(socket)
  })
  const { port } = await app.listen()
  const streamed = await exchange(port, request('/stream', 'connection: close'))
  expect(streamed).toMatch(/\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n$/)
  const upgrade = request('/raw', 'connection: upgrade', 'upgrade: raw')
  expect(await exchange(port, `${upgrade}payload`, 'payload')).toBe('payload')
  expect(app.engineInfo().metrics).toMatchObject({ released: 1 })
})

test('a failed handshake ends that connection only', async () => {
  const { port } = await serve({ tls: pskOptions })
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await new Promise<void>((resolve) => {
    socket.on('error', () => resolve())
    socket.on('close', () => resolve())
  })
  expect(await exchange(port, request('/', 'connection: close'))).toMatch(/^HTTP\/1\.1 200 /)
})

test('closing an engine that never listened reports nothing', async () => {
  const engine = nodeEngine()
  const first = engine.close({ timeoutMs: 0 })
  expect(engine.close({ timeoutMs: 1 })).toBe(first)
  expect(await first).toEqual({ drained: 0, cut: 0, elapsedMs: 0 })
})
