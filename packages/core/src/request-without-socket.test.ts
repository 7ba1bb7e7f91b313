import { createBatchMemory, type ListenOptions } from '@celeris/engine'
import {
  BLOCK_BYTES_OFFSET,
  BLOCK_LENGTH,
  BLOCK_OFFSET,
  BLOCK_TABLE_WORD,
  BLOCK_WORDS,
  COMMAND_READ_ON,
  CONTROL_BLOCK_COUNT,
  CONTROL_OUTPUT_USED,
  CONTROL_RESPONSE_COUNT,
  EVENT_KIND_ABORTED,
  EVENT_KIND_BODY_BYTES,
  EVENT_KIND_BODY_END,
  EVENT_KIND_BODY_ERROR,
  EVENT_KIND_CODE,
  EVENT_LENGTH,
  EVENT_OFFSET,
  EVENT_WORDS,
  EVENTS_WORD,
  OUTPUT_OFFSET,
  REQUEST_BODY_LENGTH,
  REQUEST_BODY_OFFSET,
  REQUEST_GENERATION,
  REQUEST_HEAD_LENGTH,
  REQUEST_HEAD_OFFSET,
  REQUEST_SEQUENCE,
  REQUEST_SLOT,
  REQUEST_WORDS,
  REQUESTS_WORD,
  RESPONSE_KIND_COMMAND,
  RESPONSE_KIND_HEAD,
  RESPONSE_WORDS,
  RESPONSES_WORD,
} from '@celeris/engine/layout'
import { expect, test } from 'vitest'
import { type MemoryEngine, memoryEngine } from './request-without-socket.ts'

interface Seen {
  readonly head: string
  readonly body: string
  readonly name: readonly [slot: number, generation: number, sequence: number]
}

interface Fixture {
  readonly engine: MemoryEngine
  readonly seen: Seen[]
  readonly events: { kind: number; code: number; bytes: string }[]
  readonly words: Int32Array
  answer(to: Seen, body: string): void
  command(to: Seen, command: number): void
}

/** A dispatch of the simplest kind: it notes what comes and lets the test answer. */
async function open(
  onRequest: (seen: Seen, fixture: Fixture) => void,
  overrides: Partial<ListenOptions> = {},
): Promise<Fixture> {
  const engine = memoryEngine()
  const memory = createBatchMemory()
  const { words, bytes } = memory
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n'
  bytes.write(head, BLOCK_BYTES_OFFSET, 'latin1')
  words[BLOCK_TABLE_WORD + BLOCK_WORDS + BLOCK_OFFSET] = BLOCK_BYTES_OFFSET
  words[BLOCK_TABLE_WORD + BLOCK_WORDS + BLOCK_LENGTH] = head.length
  words[CONTROL_BLOCK_COUNT] = 2
  const record = (to: Seen, rest: readonly number[]): void => {
    const count = words[CONTROL_RESPONSE_COUNT] as number
    words.set([...to.name, ...rest], RESPONSES_WORD + count * RESPONSE_WORDS)
    words[CONTROL_RESPONSE_COUNT] = count + 1
  }
  const fixture: Fixture = {
    engine,
    seen: [],
    events: [],
    words,
    answer(to, body) {
      const at = OUTPUT_OFFSET + (words[CONTROL_OUTPUT_USED] as number)
      const length = bytes.write(body, at)
      words[CONTROL_OUTPUT_USED] = at - OUTPUT_OFFSET + length
      record(to, [RESPONSE_KIND_HEAD, 1, length, at, 0])
    },
    command: (to, command) => record(to, [RESPONSE_KIND_COMMAND, command, 0, 0, 0]),
  }
  const text = (offset: number, length: number): string =>
    bytes.toString('latin1', offset, offset + length)
  await engine.listen(
    {
      memory,
      bufferedBodySize: 1024 * 1024,
      maxRequestBodySize: 100 * 1024 * 1024,
      maxHeaderBytes: 32_768,
      maxHeaders: 200,
      literals: [],
      ...overrides,
    } as ListenOptions,
    (_base, requests, events) => {
      for (let i = 0; i < events; i++) {
        const at = EVENTS_WORD + i * EVENT_WORDS
        const packed = words[at + EVENT_KIND_CODE] as number
        fixture.events.push({
          kind: packed & 0xff,
          code: packed >>> 8,
          bytes: text(words[at + EVENT_OFFSET] as number, words[at + EVENT_LENGTH] as number),
        })
        const last = fixture.seen.at(-1)
        if (
          (packed & 0xff) >= EVENT_KIND_BODY_END &&
          (packed & 0xff) <= EVENT_KIND_BODY_ERROR &&
          last !== undefined
        ) {
          fixture.answer(
            last,
            `read ${fixture.events.reduce((sum, event) => sum + event.bytes.length, 0)}`,
          )
        }
      }
      for (let i = 0; i < requests; i++) {
        const at = REQUESTS_WORD + i * REQUEST_WORDS
        const bodyLength = words[at + REQUEST_BODY_LENGTH] as number
        const seen: Seen = {
          head: text(
            words[at + REQUEST_HEAD_OFFSET] as number,
            words[at + REQUEST_HEAD_LENGTH] as number,
          ),
          body:
            bodyLength < 0
              ? 'streamed'
              : text(words[at + REQUEST_BODY_OFFSET] as number, bodyLength),
          name: [
            words[at + REQUEST_SLOT] as number,
            words[at + REQUEST_GENERATION] as number,
            words[at + REQUEST_SEQUENCE] as number,
          ],
        }
        fixture.seen.push(seen)
        onRequest(seen, fixture)
      }
    },
  )
  return fixture
}

const echo = (seen: Seen, fixture: Fixture): void =>
  fixture.answer(seen, `${seen.head.split('\r\n')[0]} ${seen.body}`)

test('answers a request with the framing of the wire (X-4)', async () => {
  const { engine, seen } = await open(echo)
  const response = await engine.fetch(
    new Request('http://localhost/a%20b?c=d', { headers: { 'x-y': 'z' } }),
  )
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain')
  expect(response.headers.get('content-length')).toBe('24')
  expect(response.headers.get('date')).toMatch(/GMT$/)
  expect(await response.text()).toBe('GET /a%20b?c=d HTTP/1.1 ')
  expect(seen[0]?.head).toBe('GET /a%20b?c=d HTTP/1.1\r\nhost: localhost\r\nx-y: z\r\n\r\n')
})

test('a short body is complete, HEAD has none in its answer', async () => {
  const { engine } = await open(echo)
  const posted = await engine.fetch(new Request('http://h:81/', { method: 'POST', body: 'four' }))
  expect(await posted.text()).toBe('POST / HTTP/1.1 four')
  const head = await engine.fetch(new Request('http://h/', { method: 'HEAD' }))
  expect(head.headers.get('content-length')).toBe('16')
  expect(await head.text()).toBe('')
})

test('a long body is streamed when it is asked for, and not before', async () => {
  const { engine, events } = await open((seen, fixture) => fixture.command(seen, COMMAND_READ_ON))
  const response = await engine.fetch(
    new Request('http://h/', { method: 'POST', body: 'x'.repeat(300_000) }),
  )
  expect(await response.text()).toBe('read 300000')
  expect(events.filter(({ kind }) => kind === EVENT_KIND_BODY_BYTES).length).toBeGreaterThan(4)
})

test('a streamed body over the limit fails with 413 (BODY-2)', async () => {
  const { engine, events } = await open((seen, fixture) => fixture.command(seen, COMMAND_READ_ON), {
    bufferedBodySize: 10,
    maxRequestBodySize: 1000,
  })
  await engine.fetch(new Request('http://h/', { method: 'POST', body: 'x'.repeat(2000) }))
  expect(events.at(-1)).toEqual({ kind: EVENT_KIND_BODY_ERROR, code: 413, bytes: '' })
})

test('what the rules of the wire refuse is refused here', async () => {
  const { engine, seen } = await open(echo)
  const response = await engine.fetch(new Request('http://h/', { headers: { host: 'a b' } }))
  expect(response.status).toBe(400)
  expect(seen).toEqual([])
})

test('an aborted signal rejects with its reason and tells dispatch (Q-9)', async () => {
  const abort = new AbortController()
  const { engine, events } = await open(() => {
    setImmediate(() => abort.abort(new Error('left')))
  })
  await expect(engine.fetch(new Request('http://h/', { signal: abort.signal }))).rejects.toThrow(
    'left',
  )
  await expect.poll(() => events.map(({ kind }) => kind)).toEqual([EVENT_KIND_ABORTED])
})

test('an answer that is none rejects, and later requests are served (C5)', async () => {
  const { engine } = await open((seen, fixture) => {
    if (seen.head.startsWith('GET /bad')) fixture.command(seen, 77)
    else echo(seen, fixture)
  })
  await expect(engine.fetch(new Request('http://h/bad'))).rejects.toMatchObject({
    code: 'CELERIS_CLIENT_ABORTED',
  })
  expect((await engine.fetch(new Request('http://h/good'))).status).toBe(200)
  expect(engine.metrics()).toMatchObject({ badRecords: 1, active: 0, requests: 2 })
})

test('close waits for requests in flight, and rejects what is left (C11)', async () => {
  const { engine, seen } = await open(() => undefined)
  const left = engine.fetch(new Request('http://h/'))
  left.catch(() => undefined)
  await expect.poll(() => seen.length).toBe(1)
  const report = await engine.close({ timeoutMs: 20 })
  expect([report.drained, report.cut]).toEqual([0, 1])
  await expect(left).rejects.toMatchObject({ code: 'CELERIS_CLIENT_ABORTED' })
  await expect(engine.fetch(new Request('http://h/'))).rejects.toMatchObject({
    code: 'CELERIS_ENGINE_STATE',
  })
})
