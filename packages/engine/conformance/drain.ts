import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { createBatchMemory } from '@celeris/engine'
import { ACCEPT_BATCH_MAX, EVENT_KIND_ABORTED } from '@celeris/engine/layout'
import type { SeenRequest } from './batch-reader.ts'
import { listenOptions } from './listen-options.ts'
import { chunk, chunkedHead, get, pattern } from './request-text.ts'
import type { CaseDefinition } from './scope.ts'

export const drainCases: readonly CaseDefinition[] = [
  {
    name: 'a busy connection finishes with connection: close and counts as drained (C11)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(get('/busy'))
      const request = await served.seen(1)
      const closing = served.engine.close({ timeoutMs: 5000 })
      served.late((write) => write.answer(request, { body: 'done' }))
      const answer = await client.readAnswer()
      assert.equal(answer.body.toString(), 'done')
      assert.equal(answer.value('connection'), 'close')
      await client.readEnd()
      const report = await closing
      assert.deepEqual([report.drained, report.cut], [1, 0])
    },
  },
  {
    name: 'idle connections close after the grace (C11, L-9)',
    async run(scope) {
      const served = await scope.serve()
      const fresh = await served.connect()
      const used = await served.connect()
      await used.send(get('/'))
      await used.readAnswer()
      await scope.until(() => served.engine.metrics().active === 2, 'both are accepted')
      const start = performance.now()
      const closing = served.engine.close({ timeoutMs: 5000 })
      await fresh.readEnd()
      await used.readEnd()
      assert.ok(performance.now() - start >= 200, 'the grace is 250 ms')
      const report = await closing
      assert.deepEqual([report.drained, report.cut], [2, 0])
      assert.ok(report.elapsedMs < 2500, `${report.elapsedMs} ms`)
    },
  },
  {
    name: 'a request that arrives in the grace is served, with connection: close (C11)',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      await client.send(get('/'))
      await client.readAnswer()
      const closing = served.engine.close({ timeoutMs: 5000 })
      await client.send(get('/late'))
      const answer = await client.readAnswer()
      assert.equal(answer.body.toString(), '/late')
      assert.equal(answer.value('connection'), 'close')
      await client.readEnd()
      assert.equal((await closing).cut, 0)
    },
  },
  {
    name: 'what is left at the deadline is cut, and its handlers learn it (C11)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(get('/stuck'))
      const { slot } = await served.seen(1)
      const start = performance.now()
      const closing = served.engine.close({ timeoutMs: 300 })
      assert.equal((await client.readUntilGone()).how, 'reset')
      assert.ok(performance.now() - start >= 295, 'not before the deadline')
      const report = await closing
      assert.deepEqual([report.drained, report.cut], [0, 1])
      assert.ok(report.elapsedMs >= 295 && report.elapsedMs < 3000, `${report.elapsedMs} ms`)
      assert.ok(
        served.events.some((event) => event.kind === EVENT_KIND_ABORTED && event.slot === slot),
      )
    },
  },
  {
    name: 'drained and cut add up over connections in every phase (C11)',
    async run(scope) {
      const served = await scope.serve({
        onRequest(request, write) {
          if (request.path !== '/stuck') write.answer(request, { body: request.path })
        },
      })
      const phases = ['', 'GET /half HT', get('/done'), get('/stuck'), `${get('/done')}GET /half`]
      const clients = await Promise.all(phases.map(() => served.connect()))
      for (const [index, text] of phases.entries())
        if (text !== '') await clients[index]?.send(text)
      await scope.until(
        () => served.engine.metrics().active === phases.length && served.requests.length === 3,
        'all are there',
      )
      const report = await served.engine.close({ timeoutMs: 600 })
      assert.equal(report.drained + report.cut, phases.length)
      assert.ok(report.cut >= 1 && report.drained >= 2, JSON.stringify(report))
    },
  },
  {
    name: 'a large answer under way is sent whole (C11)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: pattern(500_000) }),
      })
      const client = await served.connect()
      client.pause()
      await client.send(get('/a').repeat(4))
      await served.seen(1)
      const closing = served.engine.close({ timeoutMs: 8000 })
      client.resume()
      let answers = 0
      for (let last = false; !last; answers++) {
        const answer = await client.readAnswer()
        assert.ok(answer.body.equals(pattern(500_000)))
        last = answer.value('connection') === 'close' || answers === 3
      }
      await client.readEnd()
      assert.equal((await closing).cut, 0)
    },
  },
  {
    name: 'silent peers do not block the loop while they are closed (R11)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const count = scope.subject.mode === 'torture' ? 1000 : 100
      for (let i = 0; i < count; i++) await served.connect()
      await scope.until(() => served.engine.metrics().active === count, 'all are accepted')
      let longest = 0
      let last = performance.now()
      let done = false
      const closing = served.engine.close({ timeoutMs: 1000 }).then(() => {
        done = true
      })
      await scope.until(() => {
        const now = performance.now()
        longest = Math.max(longest, now - last)
        last = now
        return done
      }, 'closed')
      await closing
      assert.ok(longest < 500, `one turn took ${longest.toFixed(0)} ms`)
    },
  },
  {
    name: 'close while listen is pending ends closed (C10, C11)',
    async run(scope) {
      const engine = scope.engine()
      const listening = engine
        .listen(listenOptions(createBatchMemory()), () => undefined)
        .catch(() => null)
      const report = await engine.close({ timeoutMs: 100 })
      assert.equal(report.cut, 0)
      const address = await listening
      if (address !== null) await assert.rejects(scope.connect({ port: address.port }))
    },
  },
  {
    name: 'pipelined requests that run all get their answers; only the last says close (C11, L-9)',
    async run(scope) {
      for (const order of [
        [0, 1, 2],
        [2, 0, 1],
      ]) {
        const served = await scope.serve({ onRequest: () => undefined })
        const client = await served.connect()
        await client.send(get('/0') + get('/1') + get('/2'))
        await served.seen(3)
        const closing = served.engine.close({ timeoutMs: 5000 })
        for (const index of order) {
          const request = served.requests[index] as SeenRequest
          served.late((write) => write.answer(request, { body: request.path }))
          // Each in a turn of its own.
          await turn()
          await turn()
        }
        for (const [path, connection] of [
          ['/0', undefined],
          ['/1', undefined],
          ['/2', 'close'],
        ] as const) {
          const answer = await client.readAnswer()
          assert.deepEqual([answer.body.toString(), answer.value('connection')], [path, connection])
        }
        await client.readEnd()
        const report = await closing
        assert.deepEqual([report.drained, report.cut], [1, 0])
      }
    },
  },
  {
    name: 'close takes every connection that waits to be accepted, and serves it (C11, L-9)',
    nativeOnly: 'libuv takes one connection a turn, and it has a second for that',
    async run(scope) {
      const served = await scope.serve()
      const waiting = Array.from({ length: 2 * ACCEPT_BATCH_MAX + 20 }, () => served.connect())
      // Connected in the kernel, and the engine has had no turn to accept anybody.
      await new Promise<void>((resolve) => process.nextTick(resolve))
      const closing = served.engine.close({ timeoutMs: 8000 })
      const clients = await Promise.all(waiting)
      await Promise.all(clients.map((client) => client.send(get('/waited'))))
      for (const client of clients) {
        const answer = await client.readAnswer()
        assert.deepEqual([answer.body.toString(), answer.value('connection')], ['/waited', 'close'])
      }
      const report = await closing
      assert.deepEqual([report.drained, report.cut], [clients.length, 0])
    },
  },
  {
    name: 'handlers that run when close is called keep their connections, in every state (C11, R14)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined }, { connectionEvents: true })
      const states = {
        plain: get('/plain'),
        pipelined: get('/first') + get('/second'),
        'half a head behind it': `${get('/with-half')}GET /half HT`,
        'a body that nobody reads': chunkedHead('/body') + chunk('abc'),
        'HTTP/1.0': 'GET /old HTTP/1.0\r\n\r\n',
        'said close itself': get('/closing', 'connection: close'),
        'sent FIN': get('/fin'),
      }
      const clients = await Promise.all(
        Object.entries(states).map(async ([state, text]) => {
          const client = await served.connect()
          await client.send(text)
          if (state === 'sent FIN') client.end()
          return client
        }),
      )
      await scope.until(() => served.requests.length === clients.length + 1, 'all handlers run')
      let closed = false
      const closing = served.engine.close({ timeoutMs: 10_000 }).then((report) => {
        closed = true
        return report
      })
      // The grace ends before any handler does.
      const clock = await scope.serve({}, { idleTimeoutMs: 400 })
      await (await clock.connect()).readEnd()
      assert.equal(closed, false, 'handlers run')
      assert.equal(served.engine.metrics().active, clients.length)
      for (const request of served.requests)
        served.late((write) => write.answer(request, { body: request.path }))
      for (const [index, text] of Object.values(states).entries()) {
        const client = clients[index] as (typeof clients)[number]
        const paths = [...text.matchAll(/(?:GET|POST) (\/\S+) HTTP\/1\.[01]\r/g)].map(
          ([, path]) => path,
        )
        for (const path of paths) assert.equal((await client.readAnswer()).body.toString(), path)
        await client.readEnd()
      }
      const report = await closing
      assert.deepEqual([report.drained, report.cut], [clients.length, 0])
      const { accepted, closed: gone, active, staleWrites } = served.engine.metrics()
      assert.deepEqual([accepted - gone, active, staleWrites], [0, 0, 0])
    },
  },
]
