// How connections end: early answers, the staged close, and what a lingering connection may not hold up (CLOSE).
import assert from 'node:assert/strict'
import {
  COMMAND_READ_ON,
  DISCARD_BYTES_MAX,
  EVENT_KIND_CLOSED,
  EVENT_KIND_OPENED,
  LINGER_MS,
  LINGER_SILENCE_MS,
} from '@celeris/engine/layout'
import { chunk, chunkedHead, get, post } from './request-text.ts'
import type { CaseDefinition, Scope, Served } from './scope.ts'

/** A request whose body is announced and not sent. */
const announced = (length: number): string =>
  post('/early', '').replace('content-length: 0', `content-length: ${length}`)

/** Answers at once, whatever of the body is missing. */
const early = (scope: Scope): Promise<Served> =>
  scope.serve(
    { onRequest: (request, write) => write.answer(request, { body: request.path }) },
    { bufferedBodySize: 10 },
  )

const BAD = 'GET / HTTP/1.1\r\nhost: a b\r\n\r\n'

/** A connection that has its last answer and does not close by itself. */
async function lingering(served: Served): ReturnType<Served['connect']> {
  const client = await served.connect()
  await client.send(BAD)
  assert.equal((await client.readAnswer()).status, 400)
  await client.readEnd()
  return client
}

export const closingCases: readonly CaseDefinition[] = [
  {
    name: `${DISCARD_BYTES_MAX} missing bytes are read and dropped, one more closes (CLOSE-1)`,
    async run(scope) {
      const served = await early(scope)
      const kept = await served.connect()
      await kept.send(announced(DISCARD_BYTES_MAX))
      assert.equal((await kept.readAnswer()).value('connection'), undefined)
      await kept.send('x'.repeat(DISCARD_BYTES_MAX) + get('/next'))
      assert.equal((await kept.readAnswer()).body.toString(), '/next')
      const closed = await served.connect()
      await closed.send(announced(DISCARD_BYTES_MAX + 1))
      assert.equal((await closed.readAnswer()).value('connection'), 'close')
      await closed.readEnd()
    },
  },
  {
    name: 'what counts is what was not read yet, not what was announced (CLOSE-1)',
    async run(scope) {
      const served = await scope.serve(
        { onRequest: (request, write) => write.command(request, COMMAND_READ_ON) },
        { bufferedBodySize: 10 },
      )
      const read = (): number => served.events.reduce((sum, { bytes }) => sum + bytes.length, 0)
      const client = await served.connect()
      const sent = 30_000
      await client.send(announced(DISCARD_BYTES_MAX + sent) + 'x'.repeat(sent))
      const request = await served.seen(1)
      await scope.until(() => read() === sent, 'what was sent is read')
      served.late((write) => write.answer(request, { body: 'early' }))
      assert.equal((await client.readAnswer()).value('connection'), undefined)
      await client.send('x'.repeat(DISCARD_BYTES_MAX) + get('/next'))
      const next = await served.seen(2)
      served.late((write) => write.answer(next, { body: next.path }))
      assert.equal((await client.readAnswer()).body.toString(), '/next')
    },
  },
  {
    name: 'a dropped rest that does not come ends the connection with the body timer (CLOSE-1)',
    async run(scope) {
      const served = await scope.serve(
        { onRequest: (request, write) => write.answer(request, { body: 'early' }) },
        { bufferedBodySize: 10, readTimeoutMs: 300 },
      )
      const client = await served.connect()
      await client.send(announced(1000))
      assert.equal((await client.readAnswer()).value('connection'), undefined)
      assert.equal((await client.readUntilGone()).bytes.length, 0, 'there is no second answer')
      assert.equal(served.engine.metrics().timeoutsBody, 1)
    },
  },
  {
    name: 'a chunked body that is not complete closes, wherever it stands (CLOSE-2)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      for (const body of ['', 'f', `${chunk('abc')}`, `${chunk('abc')}0\r\n`]) {
        const client = await served.connect()
        await client.send(chunkedHead('/x') + body)
        const request = await served.seen(served.requests.length + 1)
        served.late((write) => write.answer(request, { body: 'early' }))
        assert.equal((await client.readAnswer()).value('connection'), 'close', body)
        await client.readEnd()
      }
    },
  },
  {
    name: 'a lingering connection ends with FIN, however much came before (CLOSE-3)',
    async run(scope) {
      const served = await scope.serve()
      const client = await lingering(served)
      for (let i = 0; i < 64; i++) await client.send(Buffer.alloc(100_000))
      assert.equal(served.engine.metrics().active, 1, 'there is no limit in bytes')
      client.end()
      await scope.until(() => served.engine.metrics().active === 0, 'FIN ends it')
      assert.equal(served.engine.metrics().resets, 0)
    },
  },
  {
    name: 'lingering ends after two silent seconds, and after five in all (CLOSE-3)',
    async run(scope) {
      const served = await scope.serve()
      const start = performance.now()
      const silent = await lingering(served)
      const busy = await lingering(served)
      const gone: number[] = []
      const { engine } = served
      const watching = scope.until(() => {
        const left = engine.metrics().active
        if (left < 2 - gone.length) gone.push(performance.now() - start)
        return left === 0
      }, 'both are gone')
      let over = false
      void watching.finally(() => {
        over = true
      })
      while (!over) {
        await busy.sendPieces('x', 1)
        await silent.sendPieces('', 1)
      }
      await watching
      const [first = 0, second = 0] = gone
      assert.ok(first >= LINGER_SILENCE_MS, `silence ended it after ${first} ms`)
      assert.ok(first < LINGER_MS, `two seconds of silence took ${first} ms`)
      assert.ok(second >= LINGER_MS, `a busy one ended after ${second} ms`)
    },
  },
  {
    name: 'a head timeout closes plainly: it does not outlast an older lingering connection (CLOSE-3)',
    async run(scope) {
      const served = await scope.serve({}, { readHeaderTimeoutMs: 100, connectionEvents: true })
      const slow = await lingering(served)
      const half = await served.connect()
      await half.send('GET / HT')
      assert.equal((await half.readAnswer()).status, 408)
      const closed = await served.event(({ kind }) => kind === EVENT_KIND_CLOSED)
      const opened = served.events.filter(({ kind }) => kind === EVENT_KIND_OPENED)
      assert.equal(closed.slot, opened[1]?.slot, 'the one that lingers is older, and still there')
      await slow.close()
    },
  },
  {
    name: 'lingering connections count towards maxConnections (CLOSE-4)',
    async run(scope) {
      const served = await scope.serve({}, { maxConnections: 2 })
      const first = await lingering(served)
      const second = await lingering(served)
      const newcomer = await served.connect()
      assert.equal((await newcomer.readUntilGone()).bytes.length, 0)
      assert.equal(served.engine.metrics().rejected, 1)
      await first.close()
      await scope.until(() => served.engine.metrics().active === 1, 'its place is free')
      const next = await served.connect()
      await next.send(get('/next'))
      assert.equal((await next.readAnswer()).body.toString(), '/next')
      await second.close()
    },
  },
  {
    name: 'lingering connections do not delay close() (CLOSE-4)',
    async run(scope) {
      const served = await scope.serve()
      const clients = [await lingering(served), await lingering(served)]
      const report = await served.engine.close({ timeoutMs: 10_000 })
      assert.equal(report.cut, 0, 'they have their answers')
      assert.ok(report.elapsedMs < LINGER_SILENCE_MS, `${report.elapsedMs} ms`)
      for (const client of clients) await client.close()
    },
  },
]
