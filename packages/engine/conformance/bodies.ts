import assert from 'node:assert/strict'
import {
  COMMAND_READ_OFF,
  COMMAND_READ_ON,
  DISCARD_BYTES_MAX,
  EVENT_KIND_BODY_BYTES,
  EVENT_KIND_BODY_END,
  EVENT_KIND_BODY_ERROR,
  EVENT_KIND_HALF_CLOSED,
  INLINE_BODY_BYTES_MAX,
  REQUEST_FLAG_CHUNKED,
} from '@celeris/engine/layout'
import { collectBodies } from './body-collector.ts'
import { chunk, chunkedHead, get, lastChunk, pattern, post } from './request-text.ts'
import type { CaseDefinition, Served } from './scope.ts'

/** Reads no body before the case says so; the rest as `collectBodies`. */
function collectLater(): ReturnType<typeof collectBodies> & { readOn: (served: Served) => void } {
  const collecting = collectBodies()
  return {
    ...collecting,
    onRequest: () => undefined,
    readOn: (served) =>
      served.late((write) => {
        for (const request of served.requests) collecting.onRequest?.(request, write)
      }),
  }
}

/** A request whose body is announced and not sent. */
const announced = (path: string, length: number): string =>
  post(path, '').replace('content-length: 0', `content-length: ${length}`)

export const bodyCases: readonly CaseDefinition[] = [
  {
    name: 'a body of known length arrives complete, however it is cut (BODY-3)',
    async run(scope) {
      const served = await scope.serve(collectBodies())
      const client = await served.connect()
      for (const length of [0, 1, 100, 5000]) {
        const body = pattern(length).toString('latin1')
        for (const size of [1_000_000, 97, 1].filter((piece) => length / piece <= 200)) {
          await client.sendPieces(post('/x', body), size)
          const answer = await client.readAnswer()
          assert.equal(answer.status, 200)
          assert.ok(answer.body.equals(pattern(length)), `${length} bytes in pieces of ${size}`)
        }
      }
      assert.ok(served.requests.every(({ body }) => body !== null))
    },
  },
  {
    name: 'the largest inline body is inline, one byte more is streamed (BODY-3)',
    async run(scope) {
      const served = await scope.serve(collectBodies())
      const client = await served.connect()
      for (const [length, inline] of [
        [INLINE_BODY_BYTES_MAX, true],
        [INLINE_BODY_BYTES_MAX + 1, false],
      ] as const) {
        await client.send(post('/x', pattern(length).toString('latin1')))
        assert.ok((await client.readAnswer()).body.equals(pattern(length)))
        assert.equal(served.requests.at(-1)?.body !== null, inline)
        assert.equal(served.requests.at(-1)?.contentLength, length)
      }
    },
  },
  {
    name: 'bufferedBodySize lowers what is inline (BODY-3)',
    async run(scope) {
      const served = await scope.serve(collectBodies(), { bufferedBodySize: 10 })
      const client = await served.connect()
      for (const [length, inline] of [
        [10, true],
        [11, false],
        [0, true],
      ] as const) {
        await client.send(post('/x', pattern(length).toString('latin1')))
        assert.ok((await client.readAnswer()).body.equals(pattern(length)))
        assert.equal(served.requests.at(-1)?.body !== null, inline, `${length} bytes`)
      }
    },
  },
  {
    name: 'a streamed body is whole and in order, and the next request starts behind it (CHK-4)',
    async run(scope) {
      const served = await scope.serve(collectBodies())
      const client = await served.connect()
      const bytes = pattern(700_000)
      const text = bytes.toString('latin1')
      await client.send(post('/length', text) + get('/behind'))
      assert.ok((await client.readAnswer()).body.equals(bytes))
      assert.equal((await client.readAnswer()).status, 200)
      const chunks = [1, 10, 4096, 100_000].map((size, index) =>
        chunk(text.slice(index * 100_000, index * 100_000 + size)),
      )
      await client.send(chunkedHead('/chunked') + chunks.join('') + lastChunk + get('/behind'))
      const expected = [1, 10, 4096, 100_000]
        .map((size, index) => text.slice(index * 100_000, index * 100_000 + size))
        .join('')
      assert.equal((await client.readAnswer()).body.toString('latin1'), expected)
      assert.equal((await client.readAnswer()).status, 200)
      assert.ok(((served.requests[2]?.flags ?? 0) & REQUEST_FLAG_CHUNKED) !== 0)
      assert.equal(served.requests[2]?.body, null)
    },
  },
  {
    name: 'a chunked body byte by byte, with extensions and trailers that are dropped (CHK-2, CHK-3)',
    async run(scope) {
      const served = await scope.serve(collectBodies())
      const client = await served.connect()
      await client.sendPieces(
        `${chunkedHead('/c')}3;x=y\r\nabc\r\n04\r\ndefg\r\n0\r\nx-trailer: dropped\r\n\r\n${get('/next')}`,
        1,
      )
      assert.equal((await client.readAnswer()).body.toString(), 'abcdefg')
      assert.equal((await client.readAnswer()).status, 200)
      assert.ok(
        served.requests.every(({ fields }) => !fields.some(([name]) => name === 'x-trailer')),
      )
    },
  },
  {
    name: 'no byte of a streamed body comes before it is asked for (BODY-3)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => void (request.body !== null && write.answer(request)),
      })
      const client = await served.connect()
      const other = await served.connect()
      await client.send(chunkedHead('/x') + chunk('early') + lastChunk)
      const request = await served.seen(1)
      for (let i = 0; i < 3; i++) {
        await other.send(get('/'))
        await other.readAnswer()
      }
      assert.equal(served.events.length, 0)
      served.late((write) => write.command(request, COMMAND_READ_ON))
      await served.event(({ kind }) => kind === EVENT_KIND_BODY_END)
      const bytes = served.events
        .filter(({ kind }) => kind === EVENT_KIND_BODY_BYTES)
        .map((event) => event.bytes)
      assert.equal(Buffer.concat(bytes).toString(), 'early')
      assert.ok(
        served.events.every(
          ({ slot, sequence }) => slot === request.slot && sequence === request.sequence,
        ),
      )
      served.late((write) => write.answer(request, { body: 'ok' }))
      assert.equal((await client.readAnswer()).body.toString(), 'ok')
    },
  },
  {
    name: 'READ_OFF stops the flow within a bound, READ_ON goes on (BP-2)',
    async run(scope) {
      const total = 8 * 1024 * 1024
      let paused = false
      const served = await scope.serve({
        onRequest: (request, write) => {
          if (request.body !== null) write.answer(request)
          else write.command(request, COMMAND_READ_ON)
        },
        onEvent: (event, write) => {
          if (event.kind !== EVENT_KIND_BODY_BYTES || paused) return
          paused = true
          write.command(event, COMMAND_READ_OFF)
        },
      })
      const client = await served.connect()
      const other = await served.connect()
      const sent = client.send(
        Buffer.concat([Buffer.from(announced('/big', total)), pattern(total)]),
      )
      const request = await served.seen(1)
      await served.event(({ kind }) => kind === EVENT_KIND_BODY_BYTES)
      const count = (): number =>
        served.events.reduce((bytes, event) => bytes + event.bytes.length, 0)
      for (let i = 0; i < 20; i++) {
        await other.send(get('/'))
        await other.readAnswer()
      }
      assert.ok(count() <= 1024 * 1024, `${count()} bytes came after READ_OFF`)
      served.late((write) => write.command(request, COMMAND_READ_ON))
      await served.event(({ kind }) => kind === EVENT_KIND_BODY_END)
      await sent
      assert.equal(count(), total)
      assert.ok(Buffer.concat(served.events.map(({ bytes }) => bytes)).equals(pattern(total)))
      served.late((write) => write.answer(request, { body: 'ok' }))
      await client.readAnswer()
    },
  },
  {
    name: 'a streamed body that breaks fails with 400 and is answered by the handler, then close (BODY-4)',
    async run(scope) {
      const served = await scope.serve(collectBodies())
      const client = await served.connect()
      await client.send(chunkedHead('/x') + chunk('good'))
      await served.event(({ kind }) => kind === EVENT_KIND_BODY_BYTES)
      await client.send(`zz\r\n${get('/never')}`)
      const error = await served.event(({ kind }) => kind === EVENT_KIND_BODY_ERROR)
      assert.equal(error.code, 400)
      const answer = await client.readAnswer()
      assert.equal(answer.value('x-handler'), 'yes', 'the engine never answers for a handler')
      assert.equal(answer.value('connection'), 'close')
      await client.readEnd()
      assert.equal(served.requests.length, 1)
    },
  },
  {
    name: 'a chunked body over the limit fails with 413 (BODY-2)',
    async run(scope) {
      const served = await scope.serve(collectBodies(), { maxRequestBodySize: 1000 })
      const client = await served.connect()
      await client.send(chunkedHead('/fits') + chunk('x'.repeat(1000)) + lastChunk)
      assert.equal((await client.readAnswer()).status, 200)
      await client.send(chunkedHead('/over') + chunk('x'.repeat(999)) + chunk('yy') + lastChunk)
      const answer = await client.readAnswer()
      assert.equal(answer.status, 413)
      assert.equal(answer.value('x-handler'), 'yes')
      await client.readEnd()
    },
  },
  {
    name: 'FIN inside a streamed body fails the read with 400; the answer is still sent (EOF-1)',
    async run(scope) {
      const served = await scope.serve(collectBodies())
      const client = await served.connect()
      await client.send(`${announced('/x', 100_000)}part`)
      await served.event(({ kind }) => kind === EVENT_KIND_BODY_BYTES)
      client.end()
      const answer = await client.readAnswer()
      assert.equal(answer.status, 400)
      assert.equal(answer.value('x-handler'), 'yes')
      await client.readEnd()
    },
  },
  {
    name: 'an early answer with little of the body missing keeps the connection (CLOSE-1)',
    async run(scope) {
      const served = await scope.serve(
        { onRequest: (request, write) => write.answer(request, { body: request.path }) },
        { bufferedBodySize: 10 },
      )
      const client = await served.connect()
      const length = DISCARD_BYTES_MAX - 100
      await client.send(announced('/early', length))
      const answer = await client.readAnswer()
      assert.equal(answer.value('connection'), undefined)
      await client.send(`${'x'.repeat(length)}${get('/next')}`)
      assert.equal((await client.readAnswer()).body.toString(), '/next')
    },
  },
  {
    name: 'an early answer with much of the body missing says close and is not lost to a reset (CLOSE-1, CLOSE-3)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: request.path }),
      })
      const client = await served.connect()
      await client.send(announced('/early', 10_000_000))
      // The upload goes on, unaware: a socket closed under it would answer with a reset.
      client.pause()
      for (let i = 0; i < 40; i++) await client.sendPieces(Buffer.alloc(50_000), 50_000)
      client.resume()
      const answer = await client.readAnswer()
      assert.equal(answer.value('connection'), 'close')
      assert.equal(answer.body.toString(), '/early')
      await client.readEnd()
    },
  },
  {
    name: 'an early answer to a chunked body says close (CLOSE-2)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: 'early' }),
      })
      const client = await served.connect()
      await client.send(chunkedHead('/x') + chunk('abc'))
      assert.equal((await client.readAnswer()).value('connection'), 'close')
      await client.readEnd()
    },
  },
  {
    name: 'FIN right behind a complete chunked body: the body is read, its answer is sent, then the end (EOF-1)',
    async run(scope) {
      for (const late of [false, true]) {
        const handlers = late ? collectLater() : collectBodies()
        const served = await scope.serve(handlers)
        const client = await served.connect()
        void client.send(chunkedHead('/x') + chunk('hello') + lastChunk)
        client.end()
        await served.seen(1)
        if (late) {
          await served.event(({ kind }) => kind === EVENT_KIND_HALF_CLOSED)
          ;(handlers as ReturnType<typeof collectLater>).readOn(served)
        }
        const answer = await client.readAnswer()
        assert.deepEqual([answer.status, answer.body.toString()], [200, 'hello'])
        await client.readEnd()
        await scope.until(() => served.engine.metrics().active === 0, 'the slot is free')
      }
    },
  },
  {
    name: 'FIN right behind a part of a body: the read fails with 400, whenever it begins; the answer is sent (EOF-1, BODY-4)',
    async run(scope) {
      const parts = [
        `${chunkedHead('/x')}5\r\nhe`,
        chunkedHead('/x') + chunk('hello'),
        chunkedHead('/x'),
        `${announced('/x', 90_000)}he`,
      ]
      for (const [index, text] of [...parts, ...parts].entries()) {
        const late = index >= parts.length
        const handlers = late ? collectLater() : collectBodies()
        const served = await scope.serve(handlers)
        const client = await served.connect()
        void client.send(text)
        client.end()
        await served.seen(1)
        if (late) {
          const other = await served.connect()
          other.end()
          await other.readEnd()
          ;(handlers as ReturnType<typeof collectLater>).readOn(served)
        }
        const answer = await client.readAnswer()
        assert.deepEqual([answer.status, answer.value('x-handler')], [400, 'yes'], text)
        await client.readEnd()
        await scope.until(() => served.engine.metrics().active === 0, 'the slot is free')
      }
    },
  },
  {
    name: 'READ_ON for a body that is gone is answered with BODY_ERROR, never with silence (BODY-4)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.command(request, COMMAND_READ_ON),
      })
      const errors = (): number =>
        served.events.filter(({ kind }) => kind === EVENT_KIND_BODY_ERROR).length
      const client = await served.connect()
      await client.send(`${chunkedHead('/x')}5\r\nhe`)
      const request = await served.seen(1)
      client.end()
      await served.event(({ kind }) => kind === EVENT_KIND_BODY_ERROR)
      for (let count = 2; count < 5; count++) {
        served.late((write) => write.command(request, COMMAND_READ_ON))
        await scope.until(() => errors() === count, `${count} errors`)
      }
      served.late((write) => write.answer(request, { body: 'given up' }))
      assert.equal((await client.readAnswer()).body.toString(), 'given up')
      await client.readEnd()
    },
  },
  {
    name: "chunks of one byte are handed over many at a time: their number is the peer's choice (BP-2)",
    async run(scope) {
      const served = await scope.serve(collectBodies())
      const client = await served.connect()
      const length = 20_000
      const body = pattern(length)
      const chunks = Array.from(body, (byte) => chunk(String.fromCharCode(byte))).join('')
      await client.send(chunkedHead('/x') + chunks + lastChunk)
      const answer = await client.readAnswer()
      assert.ok(answer.body.equals(body))
      const events = served.events.filter(({ kind }) => kind === EVENT_KIND_BODY_BYTES).length
      assert.ok(events < length / 20, `${events} events for ${length} bytes`)
    },
  },
]
