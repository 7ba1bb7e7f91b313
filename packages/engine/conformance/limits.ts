import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { SILENT_MS } from '@celeris/engine/layout'
import { collectBodies } from './body-collector.ts'
import type { Overrides } from './listen-options.ts'
import type { RawClient } from './raw-client.ts'
import { chunkedHead, get, post } from './request-text.ts'
import type { CaseDefinition, Scope } from './scope.ts'

/** Sends the first text and expects service, then the second and expects the error and the end. */
async function edge(
  scope: Scope,
  overrides: Overrides,
  fits: string,
  over: string,
  statuses: readonly number[],
): Promise<void> {
  const served = await scope.serve(collectBodies(), overrides)
  const client = await served.connect()
  await client.send(fits)
  assert.equal((await client.readAnswer()).status, 200, 'at the limit')
  await client.send(over)
  const answer = await client.readAnswer()
  assert.ok(statuses.includes(answer.status), `over the limit: ${answer.status}`)
  assert.equal(answer.value('connection'), 'close')
  await client.readEnd()
}

/** A GET whose head is exactly so many bytes. */
function headOf(bytes: number): string {
  const empty = get('/', 'x-fill: ')
  return get('/', `x-fill: ${'f'.repeat(bytes - empty.length)}`)
}

const answered = async (client: RawClient): Promise<number> => (await client.readAnswer()).status

export const limitCases: readonly CaseDefinition[] = [
  {
    name: 'a head of maxHeaderBytes is served, a longer one is 431 (FLD-4)',
    nativeOnly: 'node counts the bytes of a head in its own way',
    run: (scope) => edge(scope, { maxHeaderBytes: 5000 }, headOf(5000), headOf(5001), [431]),
  },
  {
    name: 'a head of twice maxHeaderBytes is 431 before it is complete (FLD-4)',
    async run(scope) {
      const served = await scope.serve({}, { maxHeaderBytes: 5000 })
      const client = await served.connect()
      await client.send(headOf(10_000).slice(0, -10))
      assert.equal(await answered(client), 431)
      await client.readEnd()
    },
  },
  {
    name: 'maxHeaders lines are served, one more is 431 (FLD-4)',
    run: (scope) =>
      edge(
        scope,
        { maxHeaders: 20 },
        get('/', ...Array.from({ length: 19 }, (_, index) => `x-${index}: y`)),
        get('/', ...Array.from({ length: 20 }, (_, index) => `x-${index}: y`)),
        [431],
      ),
  },
  {
    name: 'a request line longer than maxHeaderBytes is 414 (RL-5)',
    async run(scope) {
      const served = await scope.serve({}, { maxHeaderBytes: 4096 })
      const client = await served.connect()
      await client.send(get(`/${'a'.repeat(4200)}`))
      const statuses = scope.subject.differences === 'node' ? [414, 431] : [414]
      assert.ok(statuses.includes(await answered(client)))
      await client.readEnd()
    },
  },
  {
    name: 'a line of maxHeaderBytes leaves no room for fields and is 431, a longer one is 414 (RL-5, FLD-4)',
    nativeOnly: '414 (431)',
    async run(scope) {
      const served = await scope.serve({}, { maxHeaderBytes: 4096 })
      const line = (bytes: number): string => `GET /${'a'.repeat(bytes - 14)} HTTP/1.1`
      for (const [text, status] of [
        [`${line(4096)}\r\n`, 431],
        [line(4097), 414],
        ['A'.repeat(4097), 414],
        [`GET /${'a'.repeat(4092)}`, 414],
      ] as const) {
        const client = await served.connect()
        await client.send(text)
        assert.equal(await answered(client), status, `${text.length} bytes`)
        await client.readEnd()
      }
    },
  },
  {
    name: 'the blank line and the request line count as head, CRLF pairs before it do not (FLD-4, RL-1)',
    nativeOnly: 'node counts the bytes of a head in its own way',
    run: (scope) =>
      edge(scope, { maxHeaderBytes: 4096 }, `\r\n\r\n${headOf(4096)}`, headOf(4097), [431]),
  },
  {
    name: 'trailers have the limits of a head for themselves (CHK-3)',
    async run(scope) {
      const limits = { maxHeaderBytes: 4096, maxHeaders: 20 }
      const trailers = (bytes: number): string =>
        `${chunkedHead('/')}1\r\na\r\n0\r\nx: ${'y'.repeat(bytes - 7)}\r\n\r\n`
      await edge(scope, limits, trailers(4096), trailers(4097), [431])
      const lines = (count: number): string =>
        `${chunkedHead('/')}1\r\na\r\n0\r\n${'x: y\r\n'.repeat(count)}\r\n`
      await edge(scope, limits, lines(20), lines(21), [431])
    },
  },
  {
    name: 'a silent fresh connection makes room before a used one, an older one before a younger (BP-3)',
    async run(scope) {
      const served = await scope.serve({}, { maxConnections: 3, connectionEvents: true })
      const used = async (): Promise<RawClient> => {
        const client = await served.connect()
        await client.send(get('/used'))
        await client.readAnswer()
        return client
      }
      const older = await used()
      // Idle times are compared in milliseconds: those of the two must differ.
      const tick = await scope.serve({}, { idleTimeoutMs: 100 })
      await (await tick.connect()).readUntilGone()
      const younger = await used()
      const fresh = await served.connect()
      await scope.until(() => served.engine.metrics().active === 3, 'all are accepted')
      // A newcomer has a moment for its request before it counts as silent.
      const clock = await scope.serve({}, { idleTimeoutMs: SILENT_MS + 200 })
      await (await clock.connect()).readUntilGone()
      await used()
      assert.equal((await fresh.readUntilGone()).bytes.length, 0, 'the fresh one goes first')
      await used()
      assert.equal((await older.readUntilGone()).bytes.length, 0, 'then the longest idle')
      await younger.send(get('/still'))
      assert.equal((await younger.readAnswer()).body.toString(), '/still')
    },
  },
  {
    name: 'a newcomer that has not had time for its request makes no room before an idle one (BP-3)',
    async run(scope) {
      const served = await scope.serve({}, { maxConnections: 2 })
      const idle = await served.connect()
      await idle.send(get('/idle'))
      await idle.readAnswer()
      // Idle times are compared in milliseconds: those of the two must differ.
      const tick = await scope.serve({}, { idleTimeoutMs: 100 })
      await (await tick.connect()).readUntilGone()
      const newcomer = await served.connect()
      await scope.until(() => served.engine.metrics().active === 2, 'both are accepted')
      const next = await served.connect()
      await next.send(get('/next'))
      assert.equal((await next.readAnswer()).body.toString(), '/next')
      assert.equal((await idle.readUntilGone()).bytes.length, 0)
      await newcomer.send(get('/first'))
      assert.equal((await newcomer.readAnswer()).body.toString(), '/first')
    },
  },
  {
    name: 'a body of maxRequestBodySize is served, one byte more is 413 before dispatch (BODY-2)',
    run: (scope) =>
      edge(
        scope,
        { maxRequestBodySize: 1000 },
        post('/', 'x'.repeat(1000)),
        post('/', 'x'.repeat(1001)),
        [413],
      ),
  },
  {
    name: '413 comes before 100 Continue (EXP-1)',
    async run(scope) {
      const served = await scope.serve({}, { maxRequestBodySize: 1000 })
      const client = await served.connect()
      await client.send(
        post('/', '', 'expect: 100-continue').replace('content-length: 0', 'content-length: 1001'),
      )
      assert.equal(await answered(client), 413)
      await client.readEnd()
      assert.equal(served.requests.length, 0)
    },
  },
  {
    name: 'errors before dispatch are counted by status (C12)',
    async run(scope) {
      const served = await scope.serve({}, { maxRequestBodySize: 10 })
      for (const text of ['GET / HTTP/1.1\r\nhost: a b\r\n\r\n', post('/', 'x'.repeat(11))]) {
        const client = await served.connect()
        await client.send(text)
        await client.readAnswer()
        await client.readEnd()
      }
      const metrics = served.engine.metrics()
      assert.equal(metrics.status400, 1)
      assert.equal(metrics.status413, 1)
    },
  },
  {
    name: 'at maxConnections an idle connection makes room (BP-3)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined }, { maxConnections: 2 })
      const busy = await served.connect()
      await busy.send(get('/busy'))
      const request = await served.seen(1)
      const idle = await served.connect()
      await scope.until(() => served.engine.metrics().active === 2, 'both are accepted')
      const third = await served.connect()
      await third.send(get('/third'))
      await served.seen(2)
      assert.equal((await idle.readUntilGone()).bytes.length, 0)
      served.late((write) => write.answer(request, { body: 'still here' }))
      assert.equal((await busy.readAnswer()).body.toString(), 'still here')
      assert.equal(served.engine.metrics().rejected, 0)
    },
  },
  {
    name: 'at maxConnections with none idle a newcomer is turned away, counted and warned about once (BP-3)',
    async run(scope) {
      const warnings: string[] = []
      const served = await scope.serve(
        { onRequest: () => undefined },
        { maxConnections: 2, warn: (message) => warnings.push(message) },
      )
      const busy = [await served.connect(), await served.connect()]
      for (const client of busy) await client.send(get('/busy'))
      await served.seen(2)
      for (let i = 0; i < 3; i++) {
        const turnedAway = await served.connect()
        assert.equal((await turnedAway.readUntilGone()).bytes.length, 0)
      }
      assert.equal(served.engine.metrics().rejected, 3)
      assert.equal(warnings.length, 1)
      for (const request of served.requests)
        served.late((write) => write.answer(request, { body: 'kept' }))
      for (const client of busy) assert.equal((await client.readAnswer()).body.toString(), 'kept')
    },
  },
  {
    name: 'a burst at maxConnections: idle ones make room, newcomers with a request never do (BP-3)',
    async run(scope) {
      const idleCount = 5
      const served = await scope.serve({}, { maxConnections: 20 })
      const idle = await Promise.all(Array.from({ length: idleCount }, () => served.connect()))
      for (const client of idle) {
        await client.send(get('/early'))
        await client.readAnswer()
      }
      // All wait with their requests, unread, when they are accepted in one go.
      served.engine.pauseAccept()
      const burst = await Promise.all(Array.from({ length: 400 }, () => served.connect()))
      await Promise.all(burst.map((client) => client.send(get('/burst'))))
      served.engine.resumeAccept()
      const turnedAway = (
        await Promise.all(
          burst.map((client) =>
            client.readAnswer().then(
              (answer) => assert.equal(answer.body.toString(), '/burst'),
              () => 'gone',
            ),
          ),
        )
      ).filter((outcome) => outcome === 'gone').length
      const { rejected } = served.engine.metrics()
      assert.equal(turnedAway, rejected, 'nobody was accepted and then reset unread')
      assert.ok(burst.length - turnedAway >= 20 - idleCount, `${turnedAway} of 60 were turned away`)
      assert.equal(
        served.requests.filter(({ path }) => path === '/burst').length,
        burst.length - turnedAway,
      )
    },
  },
  {
    name: 'a burst of silent newcomers at maxConnections: each makes room for the next (BP-3)',
    async run(scope) {
      const maxConnections = 10
      const served = await scope.serve({}, { maxConnections })
      await Promise.all(Array.from({ length: maxConnections }, () => served.connect()))
      // All are accepted in one go, before any that is closed for them has gone.
      served.engine.pauseAccept()
      const burst = 100
      await Promise.all(Array.from({ length: burst }, () => served.connect()))
      // libuv accepts one per turn: then an engine that cannot leave them in the kernel holds them all.
      for (let i = 0; i < 2 * burst; i++) await turn()
      served.engine.resumeAccept()
      const { engine } = served
      const seen = (): number => engine.metrics().accepted + engine.metrics().rejected
      await scope.until(() => seen() === maxConnections + burst, 'all were accepted')
      await scope.until(() => engine.metrics().active <= maxConnections, 'no more are open')
    },
  },
]
