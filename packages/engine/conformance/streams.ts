// Answers in parts: framing, early ends, interim answers, room for output (http1.md RES-3 to RES-8, BP-1).
import assert from 'node:assert/strict'
import {
  COMMAND_CONTINUE,
  COMMAND_PULL,
  COMMAND_READ_ON,
  EVENT_KIND_ABORTED,
  EVENT_KIND_BODY_BYTES,
  EVENT_KIND_BODY_END,
  EVENT_KIND_HALF_CLOSED,
  EVENT_KIND_WRITABLE,
  OUTPUT_BYTES_MAX,
  WRITABLE_BYTES_MAX,
  WRITER_BYTES_MAX,
} from '@celeris/engine/layout'
import type { SeenRequest } from './batch-reader.ts'
import type { RawClient } from './raw-client.ts'
import type { Handlers } from './reference-dispatch.ts'
import { chunk, get, lastChunk, pattern, post } from './request-text.ts'
import type { AnswerParts } from './response-writer.ts'
import type { CaseDefinition, Scope, Served } from './scope.ts'
import { Producer } from './stream-producer.ts'

const CHUNKED: AnswerParts = { chunked: true }
const MORE: AnswerParts = { chunked: true, more: true }

const withLength = (body: Buffer): AnswerParts => ({
  ownLength: true,
  extra: [`content-length: ${body.length}`],
})

/** A served engine whose producers answer every path but `/quick` with the same body. */
async function serveBody(
  scope: Scope,
  body: Buffer,
  partBytes: number,
  framing: AnswerParts = CHUNKED,
  overrides: Parameters<Scope['serve']>[1] = {},
): Promise<{ served: Served; producers: Producer[] }> {
  const producers: Producer[] = []
  const handlers: Handlers = {
    onRequest: (request, write) => {
      if (request.path === '/quick') return write.answer(request, { body: 'quick' })
      const producer = new Producer(request, body, partBytes, framing)
      producers.push(producer)
      producer.start(write)
    },
    onEvent: (event, write) => {
      for (const producer of producers) producer.take(event, write)
    },
  }
  return { served: await scope.serve(handlers, overrides), producers }
}

/** A served engine that leaves every answer to the case. */
const serveLate = (scope: Scope, overrides: Parameters<Scope['serve']>[1] = {}): Promise<Served> =>
  scope.serve({ onRequest: () => undefined }, overrides)

async function roundTrips(client: RawClient, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await client.send(get('/quick'))
    assert.equal((await client.readAnswer()).status, 200)
  }
}

/** Waits until a producer stands still for a number of round trips on another connection. */
async function stalled(scope: Scope, producer: () => Producer, other: RawClient): Promise<void> {
  for (let quiet = 0, before = -1; quiet < 10; ) {
    await roundTrips(other, 1)
    scope.signal.throwIfAborted()
    const { written } = producer()
    quiet = written === before ? quiet + 1 : 0
    before = written
  }
}

const eventsOf = (served: Served, kind: number, request: SeenRequest): number =>
  served.events.filter(
    (event) =>
      event.kind === kind && event.slot === request.slot && event.sequence === request.sequence,
  ).length

const head103 = 'HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n'

/** More than the kernel wants free before it takes output again: a third of 4 MiB at most. */
const STEP_BYTES = 2 * 1024 * 1024

const framingCases: readonly CaseDefinition[] = [
  {
    name: 'each part is one chunk, an empty one is none, the last ends the body (RES-3, 9112 §7.1)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send(get('/a'))
      const request = await served.seen(1)
      served.late((write) => write.answer(request, { ...MORE, body: 'one' }))
      const head = await client.readTo('\r\n\r\n')
      assert.match(head, /\r\ntransfer-encoding: chunked\r\n/)
      assert.doesNotMatch(head, /content-length|connection/)
      assert.equal(await client.readTo('one\r\n'), '3\r\none\r\n')
      served.late((write) => {
        write.part(request, '', MORE)
        write.part(request, 'two', MORE)
      })
      assert.equal(await client.readTo('two\r\n'), '3\r\ntwo\r\n')
      served.late((write) => write.part(request, 'three', CHUNKED))
      assert.equal(await client.readTo('0\r\n\r\n'), '5\r\nthree\r\n0\r\n\r\n')
      await client.send(get('/b'))
      const next = await served.seen(2)
      served.late((write) => write.answer(next, { body: 'whole' }))
      assert.equal((await client.readAnswer()).body.toString(), 'whole')
      assert.equal(served.engine.metrics().staleWrites, 0)
    },
  },
  {
    name: 'the head of an answer in parts leaves before any part is there',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send(get('/a'))
      const request = await served.seen(1)
      served.late((write) => write.answer(request, MORE))
      assert.match(await client.readTo('\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n/)
      served.late((write) => write.part(request, '', CHUNKED))
      assert.equal(await client.readTo('0\r\n\r\n'), '0\r\n\r\n')
    },
  },
  {
    name: 'chunk sizes at every number of digits, and a head that is the last record too (9112 §7.1)',
    async run(scope) {
      const sizes = [1, 9, 10, 15, 16, 255, 256, 4095, 4096, 4097, 65_535, 65_536, 131_072]
      const served = await scope.serve({
        onRequest: (request, write) => {
          const size = Number(request.path.slice(1))
          write.answer(request, { ...CHUNKED, body: pattern(size) })
        },
      })
      const client = await served.connect()
      for (const size of sizes) {
        await client.send(get(`/${size}`))
        await client.readTo('\r\n\r\n')
        const line = `${size.toString(16)}\r\n`
        const expected = Buffer.concat([
          Buffer.from(line),
          pattern(size),
          Buffer.from('\r\n0\r\n\r\n'),
        ])
        assert.ok((await client.readBytes(expected.length)).equals(expected), `${size} bytes`)
      }
    },
  },
  {
    name: 'parts of a stated content-length are sent as they are; the connection persists (RES-3)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      for (let i = 1; i <= 3; i++) {
        await client.send(get('/a'))
        const request = await served.seen(i)
        served.late((write) =>
          write.answer(request, {
            more: true,
            ownLength: true,
            extra: ['content-length: 11'],
            body: 'one',
          }),
        )
        served.late((write) => write.part(request, ' two ', { more: true }))
        served.late((write) => write.part(request, 'end'))
        const answer = await client.readAnswer()
        assert.equal(answer.value('content-length'), '11')
        assert.equal(answer.body.toString(), 'one two end')
      }
    },
  },
  {
    name: 'without length on 1.0 the end of the connection ends the body, keep-alive or not (RES-3, VER-3)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send('GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n')
      const request = await served.seen(1)
      served.late((write) => {
        write.answer(request, { more: true, ownLength: true, close: true, body: 'one' })
        write.part(request, 'two', { more: true })
      })
      served.late((write) => write.part(request, ''))
      const answer = await client.readAnswer()
      assert.equal(answer.value('connection'), 'close')
      assert.deepEqual(
        answer.values('content-length').concat(answer.values('transfer-encoding')),
        [],
      )
      assert.equal(answer.body.toString(), 'onetwo')
      await client.readEnd()
    },
  },
  {
    name: 'HEAD of a stream: neither length nor coding, and the connection persists (RES-4)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { ownLength: true, omitBody: true }),
      })
      const client = await served.connect()
      for (let i = 0; i < 3; i++) {
        await client.send(get('/a').replace('GET', 'HEAD'))
        const answer = await client.readAnswer('HEAD')
        assert.deepEqual(
          answer.values('content-length').concat(answer.values('transfer-encoding')),
          [],
        )
        assert.equal(answer.value('connection'), undefined)
      }
    },
  },
]

const endCases: readonly CaseDefinition[] = [
  {
    name: 'an answer cut short ends with the connection and without a last chunk (RES-6)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send(get('/a') + get('/b'))
      const behind = await served.seen(2)
      const request = served.requests[0] as SeenRequest
      served.late((write) => write.answer(request, { ...MORE, body: 'one' }))
      served.late((write) => write.part(request, 'two', { ...CHUNKED, cut: true }))
      await client.readTo('\r\n\r\n')
      const { how, bytes } = await client.readUntilGone()
      assert.equal(how, 'end')
      assert.equal(bytes.toString(), '3\r\none\r\n3\r\ntwo\r\n')
      await served.event(({ kind, slot }) => kind === EVENT_KIND_ABORTED && slot === behind.slot)
      await scope.until(() => served.engine.metrics().active === 0, 'the slot is free')
    },
  },
  {
    name: 'an answer cut short behind a slow one is sent in its turn, then the end (RES-6, PIP-1)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send(get('/slow') + get('/cut'))
      const request = await served.seen(2)
      served.late((write) => {
        write.answer(request, { ...MORE, body: 'one' })
        write.part(request, '', { ...CHUNKED, cut: true })
      })
      served.late((write) => write.answer(served.requests[0] as SeenRequest, { body: 'slow' }))
      assert.equal((await client.readAnswer()).body.toString(), 'slow')
      await client.readTo('\r\n\r\n')
      const { bytes } = await client.readUntilGone()
      assert.equal(bytes.toString(), '3\r\none\r\n')
    },
  },
  {
    name: 'a cut close-delimited answer ends with RST, or it would look complete (RES-6)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send('GET /a HTTP/1.0\r\n\r\n')
      const request = await served.seen(1)
      served.late((write) =>
        write.answer(request, { more: true, ownLength: true, close: true, body: 'one' }),
      )
      await client.readTo('one')
      served.late((write) => write.part(request, '', { cut: true, close: true }))
      assert.equal((await client.readUntilGone()).how, 'reset')
      await scope.until(() => served.engine.metrics().active === 0, 'the slot is free')
    },
  },
  {
    name: 'a head that says close binds: what is behind is dropped and learns it once (PIP-5, CON-3)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send(get('/stream') + get('/behind'))
      const behind = await served.seen(2)
      const request = served.requests[0] as SeenRequest
      served.late((write) => write.answer(request, { ...MORE, close: true, body: 'one' }))
      assert.match(await client.readTo('one\r\n'), /\r\nconnection: close\r\n/)
      await client.send(get('/ignored'))
      served.late((write) => write.answer(behind, { body: 'never' }))
      served.late((write) => write.part(request, 'two', MORE))
      assert.equal(await client.readTo('two\r\n'), '3\r\ntwo\r\n')
      assert.equal(eventsOf(served, EVENT_KIND_ABORTED, request), 0, 'the stream itself goes on')
      served.late((write) => write.part(request, '', CHUNKED))
      assert.equal(await client.readTo('0\r\n\r\n'), '0\r\n\r\n')
      await client.readEnd()
      assert.equal(served.requests.length, 2)
    },
  },
  {
    name: 'FIN of the client in the middle is told, and every part is still sent (EOF-1)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send(get('/a'))
      const request = await served.seen(1)
      served.late((write) => write.answer(request, { ...MORE, body: 'one' }))
      await client.readTo('one\r\n')
      client.end()
      await served.event(({ kind }) => kind === EVENT_KIND_HALF_CLOSED)
      served.late((write) => write.part(request, 'two', MORE))
      assert.equal(await client.readTo('two\r\n'), '3\r\ntwo\r\n')
      served.late((write) => write.part(request, '', CHUNKED))
      assert.equal(await client.readTo('0\r\n\r\n'), '0\r\n\r\n')
      await client.readEnd()
      await scope.until(() => served.engine.metrics().active === 0, 'the slot is free')
    },
  },
  {
    name: 'RST of the client in the middle: one abort notice, later parts are refused (EOF-3, C2)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send(get('/a'))
      const request = await served.seen(1)
      served.late((write) => {
        write.answer(request, { ...MORE, body: 'one' })
        write.command(request, COMMAND_PULL)
      })
      await served.event(({ kind }) => kind === EVENT_KIND_WRITABLE)
      client.reset()
      await served.event(({ kind }) => kind === EVENT_KIND_ABORTED)
      await scope.until(() => served.engine.metrics().active === 0, 'the slot is free')
      const before = served.engine.metrics().staleWrites
      served.late((write) => write.part(request, 'two', MORE))
      await scope.until(() => served.engine.metrics().staleWrites === before + 1, 'it is refused')
      assert.equal(eventsOf(served, EVENT_KIND_ABORTED, request), 1)
    },
  },
  {
    name: 'a drain lets a stream finish; a head behind it says close (C11, CON-3)',
    async run(scope) {
      const served = await serveLate(scope)
      const early = await served.connect()
      await early.send(get('/early'))
      const first = await served.seen(1)
      served.late((write) => write.answer(first, { ...MORE, body: 'one' }))
      assert.doesNotMatch(await early.readTo('one\r\n'), /connection: close/)
      const late = await served.connect()
      await late.send(get('/late'))
      const second = await served.seen(2)
      const closing = served.engine.close({ timeoutMs: 10_000 })
      served.late((write) => write.answer(second, { ...MORE, body: 'one' }))
      assert.match(await late.readTo('one\r\n'), /\r\nconnection: close\r\n/)
      for (const request of [first, second])
        served.late((write) => write.part(request, 'two', CHUNKED))
      for (const client of [early, late]) {
        assert.equal(await client.readTo('0\r\n\r\n'), '3\r\ntwo\r\n0\r\n\r\n')
        await client.readEnd()
      }
      const report = await closing
      assert.deepEqual([report.drained, report.cut], [2, 0])
    },
  },
  {
    name: 'a stream that outlasts the drain is cut, and its producer learns it (C11)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send(get('/a'))
      const request = await served.seen(1)
      served.late((write) => write.answer(request, { ...MORE, body: 'one' }))
      await client.readTo('one\r\n')
      const report = await served.engine.close({ timeoutMs: 300 })
      assert.deepEqual([report.drained, report.cut], [0, 1])
      assert.equal((await client.readUntilGone()).how, 'reset')
      assert.equal(eventsOf(served, EVENT_KIND_ABORTED, request), 1)
    },
  },
]

const orderCases: readonly CaseDefinition[] = [
  {
    name: 'interim answers come before the final head (RES-8)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send(get('/a'))
      const request = await served.seen(1)
      served.late((write) => write.interim(request, head103))
      assert.equal(await client.readTo('\r\n\r\n'), head103)
      served.late((write) => {
        write.interim(request, head103)
        write.answer(request, { body: 'done' })
      })
      assert.equal(await client.readTo('\r\n\r\n'), head103)
      assert.equal((await client.readAnswer()).body.toString(), 'done')
    },
  },
  {
    name: 'interim answers keep their place behind earlier answers (EXP-3, PIP-1)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send(get('/1') + get('/2') + get('/3'))
      const third = await served.seen(3)
      const [first, second] = served.requests as [SeenRequest, SeenRequest]
      served.late((write) => {
        write.interim(third, head103)
        write.answer(third, { body: '3' })
        write.interim(second, head103)
      })
      served.late((write) => write.answer(second, { body: '2' }))
      served.late((write) => write.answer(first, { body: '1' }))
      assert.equal((await client.readAnswer()).body.toString(), '1')
      for (const body of ['2', '3']) {
        assert.equal(await client.readTo('\r\n\r\n'), head103)
        assert.equal((await client.readAnswer()).body.toString(), body)
      }
    },
  },
  {
    name: 'a stream behind a slow answer is held; there is no room for it before its turn (BP-1, PIP-1)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      const other = await served.connect()
      await client.send(get('/slow') + get('/stream'))
      const request = await served.seen(2)
      const body = pattern(WRITER_BYTES_MAX)
      served.late((write) => {
        write.answer(request, { ...MORE, body: body.subarray(0, 1000) })
        write.part(request, body.subarray(1000), MORE)
        write.command(request, COMMAND_PULL)
      })
      for (let i = 0; i < 5; i++) {
        await other.send(get('/quick'))
        const quick = await served.seen(3 + i)
        served.late((write) => write.answer(quick, { body: 'quick' }))
        await other.readAnswer()
      }
      assert.equal(eventsOf(served, EVENT_KIND_WRITABLE, request), 0)
      served.late((write) => write.answer(served.requests[0] as SeenRequest, { body: 'slow' }))
      assert.equal((await client.readAnswer()).body.toString(), 'slow')
      await served.event(
        ({ kind, sequence }) => kind === EVENT_KIND_WRITABLE && sequence === request.sequence,
      )
      served.late((write) => write.part(request, '', CHUNKED))
      assert.ok((await client.readAnswer()).body.equals(body))
    },
  },
  {
    name: 'two streams of one connection: the second has room once the first has ended (BP-1, PIP-1)',
    async run(scope) {
      const body = pattern(3 * WRITER_BYTES_MAX)
      const { served, producers } = await serveBody(scope, body, 5000)
      const client = await served.connect()
      await client.send(get('/1') + get('/2') + get('/3'))
      for (let i = 0; i < 3; i++)
        assert.ok((await client.readAnswer()).body.equals(body), `answer ${i}`)
      assert.equal(producers.length, 3)
      const sequences = served.events
        .filter(({ kind }) => kind === EVENT_KIND_WRITABLE)
        .map(({ sequence }) => sequence)
      assert.deepEqual(
        sequences,
        [...sequences].sort((a, b) => a - b),
        'room goes from answer to answer',
      )
    },
  },
  {
    name: 'whole answers and streams mixed on one connection keep their order (PIP-1)',
    async run(scope) {
      const body = pattern(WRITER_BYTES_MAX + 7)
      const { served } = await serveBody(scope, body, 4097)
      const client = await served.connect()
      const paths = ['/quick', '/a', '/quick', '/quick', '/b', '/c', '/quick']
      for (let round = 0; round < 5; round++) {
        await client.send(paths.map((path) => get(path)).join(''))
        for (const path of paths) {
          const answer = await client.readAnswer()
          if (path === '/quick') assert.equal(answer.body.toString(), 'quick')
          else assert.ok(answer.body.equals(body), path)
        }
      }
      assert.equal(served.engine.metrics().badRecords, 0)
    },
  },
]

const roomCases: readonly CaseDefinition[] = [
  {
    name: 'room is told with a later turn, never at once, and once for each question (BP-1)',
    async run(scope) {
      const served = await serveLate(scope)
      const client = await served.connect()
      await client.send(get('/a'))
      const request = await served.seen(1)
      for (let told = 1; told <= 3; told++) {
        served.late((write) => {
          if (told === 1) write.answer(request, MORE)
          write.command(request, COMMAND_PULL)
        })
        assert.equal(eventsOf(served, EVENT_KIND_WRITABLE, request), told - 1)
        while (eventsOf(served, EVENT_KIND_WRITABLE, request) < told) await served.nextCall()
      }
      served.late((write) => write.part(request, '', CHUNKED))
      await client.readAnswer()
      assert.equal(eventsOf(served, EVENT_KIND_WRITABLE, request), 3)
    },
  },
  {
    name: 'a peer that does not read stops its producer; neighbours do not notice (BP-1, BP-4)',
    guardMs: 60_000,
    async run(scope) {
      const body = pattern(24 * 1024 * 1024)
      const { served, producers } = await serveBody(scope, body, 16_384, withLength(body))
      const client = await served.connect()
      const other = await served.connect()
      client.pause()
      await client.send(get('/a'))
      await served.seen(1)
      const [producer] = producers as [Producer]
      await stalled(scope, () => producer, other)
      assert.ok(!producer.done, 'the kernel holds less than 24 MiB')
      const queued = served.engine.metrics().queuedBytes
      assert.ok(queued > WRITABLE_BYTES_MAX, 'what stopped it is unsent output')
      // What was left when there was room, one helping of the producer, and its framing.
      assert.ok(queued <= WRITABLE_BYTES_MAX + WRITER_BYTES_MAX + 1024, `${queued} bytes queued`)
      client.resume()
      assert.ok((await client.readAnswer()).body.equals(body))
      assert.ok(producer.done)
    },
  },
  {
    name: '64 KiB parts by the hundred: every byte arrives, and what is queued stays bounded (BP-1, C9)',
    guardMs: 60_000,
    async run(scope) {
      const body = pattern(16 * 1024 * 1024)
      const { served } = await serveBody(scope, body, WRITER_BYTES_MAX, withLength(body))
      const clients = await Promise.all([0, 1].map(() => served.connect()))
      for (const client of clients) await client.send(get('/a'))
      const bound = clients.length * (WRITABLE_BYTES_MAX + WRITER_BYTES_MAX + 1024)
      let most = 0
      const watched = Promise.all(
        clients.map(async (client) => (await client.readAnswer()).body.equals(body)),
      )
      let ended = false
      const settled = watched.finally(() => {
        ended = true
      })
      await scope.until(() => {
        most = Math.max(most, served.engine.metrics().queuedBytes)
        return ended
      }, 'all bytes arrived')
      assert.deepEqual(await settled, [true, true])
      assert.ok(most <= bound, `${most} bytes were queued`)
      assert.equal(served.engine.metrics().queuedBytes, 0)
    },
  },
  {
    name: 'a peer that takes nothing of a stream is reset after the write timeout (Timers, EOF-3)',
    async run(scope) {
      const body = pattern(24 * 1024 * 1024)
      const { served } = await serveBody(scope, body, 16_384, CHUNKED, { writeTimeoutMs: 300 })
      const client = await served.connect()
      client.pause()
      await client.send(get('/a'))
      const request = await served.seen(1)
      await served.event(({ kind }) => kind === EVENT_KIND_ABORTED)
      assert.equal(eventsOf(served, EVENT_KIND_ABORTED, request), 1)
      assert.equal(served.engine.metrics().timeoutsWrite, 1)
      await scope.until(() => served.engine.metrics().active === 0, 'the slot is free')
      client.resume()
      await client.readUntilGone()
    },
  },
  {
    name: 'a peer that reads slowly but steadily outlives the write timeout, stream or not (Timers)',
    guardMs: 60_000,
    async run(scope) {
      const body = pattern(40 * 1024 * 1024)
      // Writing it blocks this thread, in which its reader runs too: not for long.
      const whole = body.subarray(0, 24 * 1024 * 1024)
      const writeTimeoutMs = 3000
      const streaming = await serveBody(scope, body, 16_384, withLength(body), { writeTimeoutMs })
      // The same in one go, as an answer that was there as a whole.
      const atOnce = await scope.serve(
        {
          onRequest: (request, write) => {
            write.answer(request, { ...withLength(whole), more: true })
            for (let at = 0; at < whole.length; at += OUTPUT_BYTES_MAX / 2) {
              const end = Math.min(at + OUTPUT_BYTES_MAX / 2, whole.length)
              write.part(request, whole.subarray(at, end), { more: end < whole.length })
            }
          },
        },
        { writeTimeoutMs },
      )
      const clock = await scope.serve({}, { idleTimeoutMs: 200 })
      const servers = [atOnce, streaming.served]
      const readers = await Promise.all(servers.map((served) => served.connect()))
      for (const reader of readers) {
        await reader.send(get('/a'))
        await reader.readTo('\r\n\r\n')
        reader.pause()
      }
      const start = performance.now()
      let at = 0
      for (let rested = true; at < body.length; at += STEP_BYTES) {
        const expected = body.subarray(at, at + STEP_BYTES)
        for (const reader of at < whole.length ? readers : readers.slice(1)) {
          reader.resume()
          const came = await reader.readBytes(expected.length)
          assert.ok(came.equals(expected), `bytes from ${at} on`)
          if (rested) reader.pause()
        }
        rested = performance.now() - start < 2.2 * writeTimeoutMs
        if (rested) await (await clock.connect()).readUntilGone()
      }
    },
  },
  {
    name: 'what the peer acknowledges is progress, long before the socket has room again (Timers)',
    nativeOnly: 'node is not told what the peer has acknowledged',
    guardMs: 60_000,
    async run(scope) {
      const step = 256 * 1024
      const body = pattern(16 * 1024 * 1024)
      const { served } = await serveBody(scope, body, 65_536, withLength(body), {
        writeTimeoutMs: 1500,
      })
      const clock = await scope.serve({}, { idleTimeoutMs: 400 })
      const reader = await served.connect()
      await reader.send(get('/a'))
      await reader.readTo('\r\n\r\n')
      // More than two windows of the write timer, in each of which the reader takes a little.
      for (let at = 0; at < 8 * step; at += step) {
        reader.pause()
        await (await clock.connect()).readUntilGone()
        reader.resume()
        const expected = body.subarray(at, at + step)
        assert.ok((await reader.readBytes(step)).equals(expected), `bytes from ${at} on`)
      }
    },
  },
  {
    name: 'no timer limits a stream that has nothing to send (TIM-1)',
    async run(scope) {
      const served = await serveLate(scope, {
        readHeaderTimeoutMs: 100,
        idleTimeoutMs: 100,
        readTimeoutMs: 100,
        writeTimeoutMs: 100,
      })
      const client = await served.connect()
      await client.send(get('/a'))
      const request = await served.seen(1)
      served.late((write) => write.answer(request, { ...MORE, body: 'one' }))
      await client.readTo('one\r\n')
      // Four idle timeouts one after the other: the stream lives through all of them.
      for (let i = 0; i < 4; i++) await (await served.connect()).readUntilGone()
      served.late((write) => write.part(request, 'two', CHUNKED))
      assert.equal(await client.readTo('0\r\n\r\n'), '3\r\ntwo\r\n0\r\n\r\n')
    },
  },
]

/** Sends the body of a request back as it comes, once the case has written the head. */
function echoing(): Handlers {
  return {
    onRequest: () => undefined,
    onEvent: (event, write) => {
      if (event.kind === EVENT_KIND_BODY_BYTES) write.part(event, event.bytes, MORE)
      if (event.kind === EVENT_KIND_BODY_END) write.part(event, '', CHUNKED)
    },
  }
}

const bodyCases: readonly CaseDefinition[] = [
  {
    name: 'a body is read while its answer is written; a chunked one announces the close (CLOSE-2)',
    async run(scope) {
      const served = await scope.serve(echoing())
      const client = await served.connect()
      await client.send('POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n')
      const request = await served.seen(1)
      served.late((write) => {
        write.answer(request, MORE)
        write.command(request, COMMAND_READ_ON)
      })
      assert.match(await client.readTo('\r\n\r\n'), /\r\nconnection: close\r\n/)
      for (const text of ['one', 'two', 'three']) {
        await client.send(chunk(text))
        assert.equal(await client.readTo(`${text}\r\n`), chunk(text))
      }
      await client.send(lastChunk)
      assert.equal(await client.readTo('0\r\n\r\n'), '0\r\n\r\n')
      await client.readEnd()
    },
  },
  {
    name: 'a body that is left unread behind a stream is dropped, and the connection lives on (CLOSE-1)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined }, { bufferedBodySize: 0 })
      const client = await served.connect()
      const text = post('/a', 'x'.repeat(20_000))
      await client.send(text.slice(0, -10_000))
      const request = await served.seen(1)
      served.late((write) => write.answer(request, { ...MORE, body: 'one' }))
      assert.doesNotMatch(await client.readTo('one\r\n'), /connection/)
      served.late((write) => write.part(request, '', CHUNKED))
      assert.equal(await client.readTo('0\r\n\r\n'), '0\r\n\r\n')
      await client.send(text.slice(-10_000) + get('/b'))
      const next = await served.seen(2)
      assert.equal(next.path, '/b')
      served.late((write) => write.answer(next, { body: 'b' }))
      assert.equal((await client.readAnswer()).body.toString(), 'b')
    },
  },
  {
    name: 'behind the head of an answer in parts no 100 Continue is sent (EXP-2)',
    async run(scope) {
      const served = await scope.serve(echoing())
      const client = await served.connect()
      await client.send(post('/a', '', 'expect: 100-continue').replace('length: 0', 'length: 5'))
      const request = await served.seen(1)
      served.late((write) => write.answer(request, { ...MORE, body: 'one' }))
      assert.match(await client.readTo('one\r\n'), /\r\nconnection: close\r\n/)
      served.late((write) => write.command(request, COMMAND_CONTINUE))
      await client.send('hello')
      assert.equal(await client.readTo('0\r\n\r\n'), '5\r\nhello\r\n0\r\n\r\n')
      await client.readEnd()
    },
  },
]

export const streamCases: readonly CaseDefinition[] = [
  ...framingCases,
  ...endCases,
  ...orderCases,
  ...roomCases,
  ...bodyCases,
]
