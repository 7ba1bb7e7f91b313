import assert from 'node:assert/strict'
import {
  COMMAND_READ_OFF,
  COMMAND_READ_ON,
  EVENT_KIND_ABORTED,
  EVENT_KIND_BODY_BYTES,
  EVENT_KIND_BODY_END,
  EVENT_KIND_BODY_ERROR,
  LEADING_CRLF_MAX,
  PROGRESS_BYTES_PER_SECOND,
  WHEEL_TICK_MS,
} from '@celeris/engine/layout'
import { collectBodies } from './body-collector.ts'
import { chunk, chunkedHead, get, post } from './request-text.ts'
import type { CaseDefinition } from './scope.ts'

/** One tick late at most (C8); the rest is for a machine that is busy with other things. */
const LATE_MS = WHEEL_TICK_MS + 1500

/** Never early, and not much too late. */
function assertElapsed(since: number, expectedMs: number): void {
  const elapsed = performance.now() - since
  assert.ok(elapsed >= expectedMs, `fired ${(expectedMs - elapsed).toFixed(1)} ms early`)
  assert.ok(elapsed < expectedMs + LATE_MS, `fired ${(elapsed - expectedMs).toFixed(1)} ms late`)
}

export const timeoutCases: readonly CaseDefinition[] = [
  {
    name: 'a head that does not become complete is 408, counted from its first byte (Timers, C8)',
    async run(scope) {
      const served = await scope.serve({}, { readHeaderTimeoutMs: 300 })
      const client = await served.connect()
      const start = performance.now()
      await client.send('GET / HTTP/1.1\r\nhost:')
      const answer = await client.readAnswer()
      assertElapsed(start, 300)
      assert.equal(answer.status, 408)
      assert.equal(answer.value('connection'), 'close')
      await client.readUntilGone()
      assert.equal(served.engine.metrics().timeoutsHeader, 1)
    },
  },
  {
    name: 'bytes do not extend the head timeout (Timers)',
    async run(scope) {
      const served = await scope.serve({}, { readHeaderTimeoutMs: 300 })
      const client = await served.connect()
      const start = performance.now()
      let over = false
      const gone = client.readUntilGone().then((result) => {
        over = true
        return result
      })
      await client.send('GET / HTTP/1.1\r\nhost: a\r\nx-slow: ')
      while (!over && performance.now() - start < 5000) await client.sendPieces('y', 1)
      const { bytes } = await gone
      assertElapsed(start, 300)
      assert.match(bytes.toString('latin1'), /^HTTP\/1\.1 408 /)
    },
  },
  {
    name: 'the head timer of a kept connection starts at the first byte, not at the last answer (Timers)',
    async run(scope) {
      const served = await scope.serve({}, { readHeaderTimeoutMs: 300, idleTimeoutMs: 900 })
      const client = await served.connect()
      await client.send(get('/'))
      await client.readAnswer()
      const start = performance.now()
      assert.equal(
        (await client.readUntilGone()).bytes.length,
        0,
        'idle connections close in silence',
      )
      assertElapsed(start, 900)
    },
  },
  {
    name: 'a half-received next head behind an answer is timed from that answer (TIM-3)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined }, { readHeaderTimeoutMs: 300 })
      const clock = await scope.serve({}, { idleTimeoutMs: 400 })
      const client = await served.connect()
      await client.send(`${get('/')}GET /half HT`)
      const request = await served.seen(1)
      // The handler takes longer than a head may: that time is not the client's.
      await (await clock.connect()).readUntilGone()
      const start = performance.now()
      served.late((write) => write.answer(request, { body: 'done' }))
      assert.equal((await client.readAnswer()).status, 200)
      assert.equal((await client.readAnswer()).status, 408)
      assertElapsed(start, 300)
    },
  },
  {
    name: 'an idle connection is closed in silence, fresh or used (Timers)',
    async run(scope) {
      const served = await scope.serve({}, { idleTimeoutMs: 300 })
      const start = performance.now()
      const fresh = await served.connect()
      const used = await served.connect()
      await used.send(get('/'))
      await used.readAnswer()
      assert.equal((await fresh.readUntilGone()).bytes.length, 0)
      assertElapsed(start, 300)
      assert.equal((await used.readUntilGone()).bytes.length, 0)
      assert.equal(served.engine.metrics().timeoutsIdle, 2)
    },
  },
  {
    name: 'no engine timer limits a handler (TIM-1)',
    async run(scope) {
      const served = await scope.serve(
        { onRequest: () => undefined },
        { readHeaderTimeoutMs: 100, idleTimeoutMs: 100, readTimeoutMs: 100, writeTimeoutMs: 100 },
      )
      const slow = await served.connect()
      await slow.send(get('/slow'))
      const request = await served.seen(1)
      // Four idle timeouts one after the other: the handler's connection lives through all of them.
      for (let i = 0; i < 4; i++) await (await served.connect()).readUntilGone()
      served.late((write) => write.answer(request, { body: 'done' }))
      assert.equal((await slow.readAnswer()).body.toString(), 'done')
      await slow.readEnd()
    },
  },
  {
    name: 'a body that stalls before dispatch is 408 (Timers)',
    async run(scope) {
      const served = await scope.serve({}, { readTimeoutMs: 300 })
      const client = await served.connect()
      const start = performance.now()
      await client.send(post('/', 'x'.repeat(10)).slice(0, -9))
      const answer = await client.readAnswer()
      assertElapsed(start, 300)
      assert.equal(answer.status, 408)
      await client.readEnd()
      assert.equal(served.requests.length, 0)
      assert.equal(served.engine.metrics().timeoutsBody, 1)
    },
  },
  {
    name: 'a streamed body that stalls fails with 408; the handler answers (BODY-4)',
    async run(scope) {
      const served = await scope.serve(collectBodies(), { readTimeoutMs: 300 })
      const client = await served.connect()
      await client.send(chunkedHead('/') + chunk('part'))
      await served.event(({ kind }) => kind === EVENT_KIND_BODY_BYTES)
      const error = await served.event(({ kind }) => kind === EVENT_KIND_BODY_ERROR)
      assert.equal(error.code, 408)
      const answer = await client.readAnswer()
      assert.equal(answer.status, 408)
      assert.equal(answer.value('x-handler'), 'yes')
      await client.readEnd()
    },
  },
  {
    name: 'a body that keeps coming outlives the body timeout (Timers)',
    async run(scope) {
      const served = await scope.serve(collectBodies(), { readTimeoutMs: 200 })
      const client = await served.connect()
      const start = performance.now()
      await client.send(chunkedHead('/'))
      let sent = 0
      for (; performance.now() - start < 700; sent++) await client.sendPieces(chunk('x'), 100)
      await client.send('0\r\n\r\n')
      const answer = await client.readAnswer()
      assert.equal(answer.status, 200)
      assert.equal(answer.body.length, sent)
    },
  },
  {
    name: `a body must bring ${PROGRESS_BYTES_PER_SECOND} bytes a second of its timeout: one less is 408, that many live on (Timers)`,
    async run(scope) {
      const served = await scope.serve({}, { readTimeoutMs: 1000 })
      const slow = await served.connect()
      const quick = await served.connect()
      const start = performance.now()
      for (const client of [slow, quick]) await client.send(post('/', 'x'.repeat(40)).slice(0, -40))
      // Bytes that come with the head are before the window: wait until the heads are read.
      const other = await served.connect()
      for (let i = 0; i < 3; i++) {
        await other.send(get('/'))
        await other.readAnswer()
      }
      await slow.send('x'.repeat(PROGRESS_BYTES_PER_SECOND - 1))
      await quick.send('x'.repeat(PROGRESS_BYTES_PER_SECOND + 2))
      assert.equal((await slow.readAnswer()).status, 408)
      assertElapsed(start, 1000)
      await quick.send('x'.repeat(40 - PROGRESS_BYTES_PER_SECOND - 2))
      assert.equal((await quick.readAnswer()).status, 200)
      assert.equal(served.engine.metrics().timeoutsBody, 1)
    },
  },
  {
    name: 'pauses of our own do not count against a body (Timers)',
    async run(scope) {
      const served = await scope.serve(
        {
          onRequest: (request, write) => write.command(request, COMMAND_READ_ON),
          onEvent(event, write) {
            if (event.kind === EVENT_KIND_BODY_BYTES && event.bytes.toString() === 'pause')
              write.command(event, COMMAND_READ_OFF)
            if (event.kind === EVENT_KIND_BODY_END) write.answer(event, { body: 'read' })
          },
        },
        { readTimeoutMs: 300 },
      )
      const clock = await scope.serve({}, { idleTimeoutMs: 900 })
      const client = await served.connect()
      await client.send(chunkedHead('/') + chunk('pause'))
      const request = await served.seen(1)
      await served.event(({ kind }) => kind === EVENT_KIND_BODY_BYTES)
      await (await clock.connect()).readUntilGone()
      served.late((write) => write.command(request, COMMAND_READ_ON))
      await client.send(`${chunk('more')}0\r\n\r\n`)
      assert.equal((await client.readAnswer()).body.toString(), 'read')
      assert.equal(served.engine.metrics().timeoutsBody, 0)
    },
  },
  {
    name: 'a body that nobody asked for is not timed (Timers)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined }, { readTimeoutMs: 200 })
      const clock = await scope.serve({}, { idleTimeoutMs: 700 })
      const client = await served.connect()
      await client.send(chunkedHead('/') + chunk('part'))
      const request = await served.seen(1)
      await (await clock.connect()).readUntilGone()
      assert.equal(served.engine.metrics().timeoutsBody, 0)
      served.late((write) => write.answer(request, { body: 'unread' }))
      assert.equal((await client.readAnswer()).body.toString(), 'unread')
    },
  },
  {
    name: 'an answer restarts the idle timer, however long its handler took (Timers)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined }, { idleTimeoutMs: 400 })
      const clock = await scope.serve({}, { idleTimeoutMs: 600 })
      const client = await served.connect()
      await client.send(get('/slow'))
      const request = await served.seen(1)
      await (await clock.connect()).readUntilGone()
      const start = performance.now()
      served.late((write) => write.answer(request, { body: 'done' }))
      assert.equal((await client.readAnswer()).body.toString(), 'done')
      assert.equal((await client.readUntilGone()).bytes.length, 0)
      assertElapsed(start, 400)
    },
  },
  {
    name: 'a peer that takes nothing is reset after the write timeout, and the handler learns it (Timers, EOF-3)',
    async run(scope) {
      const large = Buffer.alloc(500_000)
      const served = await scope.serve(
        {
          onRequest(request, write) {
            if (request.path === '/large') write.answer(request, { body: large })
            else if (request.path === '/other') write.answer(request)
          },
        },
        { writeTimeoutMs: 300 },
      )
      const client = await served.connect()
      const other = await served.connect()
      client.pause()
      let start = 0
      for (let i = 0; i < 60 && served.engine.metrics().queuedBytes === 0; i++) {
        start = performance.now()
        await client.send(get('/large'))
        for (let round = 0; round < 3; round++) {
          await other.send(get('/other'))
          await other.readAnswer()
        }
      }
      await client.send(get('/wait'))
      await served.event(({ kind }) => kind === EVENT_KIND_ABORTED)
      assertElapsed(start, 300)
      await scope.until(() => served.engine.metrics().active === 1, 'the connection is gone')
      assert.equal(served.engine.metrics().timeoutsWrite, 1)
    },
  },
  {
    name: 'zero disables each timer (TIM-1)',
    async run(scope) {
      const served = await scope.serve(
        {},
        { readHeaderTimeoutMs: 0, readTimeoutMs: 0, writeTimeoutMs: 0, idleTimeoutMs: 0 },
      )
      const clock = await scope.serve({}, { idleTimeoutMs: 400 })
      const head = await served.connect()
      const body = await served.connect()
      const idle = await served.connect()
      await head.send('GET /head HT')
      await body.send(post('/', 'body').slice(0, -1))
      await (await clock.connect()).readUntilGone()
      await head.send('TP/1.1\r\nhost: a\r\n\r\n')
      assert.equal((await head.readAnswer()).status, 200)
      await body.send('y')
      assert.equal((await body.readAnswer()).status, 200)
      await idle.send(get('/'))
      assert.equal((await idle.readAnswer()).status, 200)
    },
  },
  {
    name: 'a silent loop wakes only for due timers (C14)',
    async run(scope) {
      const served = await scope.serve({}, { idleTimeoutMs: 2000 })
      const client = await served.connect()
      await client.send(get('/'))
      await client.readAnswer()
      const before = served.engine.metrics()
      await client.readUntilGone()
      const after = served.engine.metrics()
      const wakeups = after.wakeups - before.wakeups
      assert.ok(wakeups <= 2 * 2 + 4, `${wakeups} wake-ups in two silent seconds`)
    },
  },
  {
    name: 'CRLF alone starts no head timer and refreshes no idle timer (RL-1)',
    async run(scope) {
      const served = await scope.serve({}, { readHeaderTimeoutMs: 150, idleTimeoutMs: 500 })
      const fresh = await served.connect()
      const used = await served.connect()
      await used.send(get('/'))
      await used.readAnswer()
      const start = performance.now()
      await fresh.send('\r\n')
      await used.send('\r\n'.repeat(LEADING_CRLF_MAX))
      for (const client of [fresh, used])
        assert.equal((await client.readUntilGone()).bytes.length, 0)
      assertElapsed(start, 450)
      const { timeoutsHeader, timeoutsIdle, truncated } = served.engine.metrics()
      assert.deepEqual([timeoutsHeader, timeoutsIdle, truncated], [0, 2, 0])
    },
  },
  {
    name: 'one CRLF more than may stand before a request is 400, in whatever pieces they come (RL-1)',
    nativeOnly: 'node skips any number of them',
    async run(scope) {
      const served = await scope.serve()
      const blank = '\r\n'.repeat(LEADING_CRLF_MAX)
      for (const size of [1000, 3, 1]) {
        const client = await served.connect()
        await client.sendPieces(blank + get('/'), size)
        assert.equal((await client.readAnswer()).status, 200)
        await client.sendPieces(`${blank}\r\n`, size)
        assert.equal((await client.readAnswer()).status, 400)
        await client.readUntilGone()
      }
    },
  },
  {
    name: 'timers fire while the application has a quicker one of its own (C8)',
    async run(scope) {
      const ticking = setInterval(() => undefined, 10)
      scope.onEnd(() => clearInterval(ticking))
      const served = await scope.serve({}, { readHeaderTimeoutMs: 300, idleTimeoutMs: 350 })
      const idle = await served.connect()
      const half = await served.connect()
      const start = performance.now()
      await half.send('GET / HT')
      assert.equal((await half.readAnswer()).status, 408)
      assertElapsed(start, 300)
      assert.equal((await idle.readUntilGone()).bytes.length, 0)
      assertElapsed(start, 300)
    },
  },
]
