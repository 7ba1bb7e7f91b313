import assert from 'node:assert/strict'
import {
  COMMAND_ABORT,
  EVENT_KIND_ABORTED,
  EVENT_KIND_HALF_CLOSED,
  OWED_ANSWERS_MAX,
} from '@celeris/engine/layout'
import { sameConnection } from './reference-dispatch.ts'
import { chunk, chunkedHead, get, lastChunk, pattern, post } from './request-text.ts'
import type { CaseDefinition, Served } from './scope.ts'

const gone = (served: Served): boolean => served.engine.metrics().active === 0

export const abortCases: readonly CaseDefinition[] = [
  {
    name: 'RST while a handler runs: one abort notice, the late answer is refused and counted (C2, C7, EOF-3)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(get('/a') + get('/b'))
      const request = await served.seen(2)
      client.reset()
      await served.event(
        (event) => event.kind === EVENT_KIND_ABORTED && sameConnection(event, request),
      )
      await scope.until(() => gone(served), 'the slot is free')
      const before = served.engine.metrics().staleWrites
      served.late((write) => write.answer(request, { body: 'too late' }))
      await scope.until(() => served.engine.metrics().staleWrites === before + 1, 'it is refused')
      assert.equal(served.events.filter(({ kind }) => kind === EVENT_KIND_ABORTED).length, 1)
      assert.ok(served.engine.metrics().resets >= 1)
    },
  },
  {
    name: 'RST of an idle connection says nothing to anybody (C7)',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      await client.send(get('/'))
      await client.readAnswer()
      client.reset()
      await scope.until(() => gone(served), 'the slot is free')
      assert.equal(served.events.length, 0)
    },
  },
  {
    name: 'RST at every byte of a request frees the slot',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const text = post('/x', 'body')
      for (let cut = 1; cut < text.length; cut += 3) {
        const client = await served.connect()
        await client.send(text.slice(0, cut))
        client.reset()
      }
      await scope.until(
        () => gone(served) && served.engine.metrics().closed === served.engine.metrics().accepted,
        'all slots are free',
      )
      assert.equal(served.requests.length, 0)
    },
  },
  {
    name: 'FIN behind complete requests: every answer is sent in full, then the end (EOF-1)',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      await client.send(get('/a') + get('/b') + post('/c', 'x'))
      client.end()
      for (const path of ['/a', '/b', '/c'])
        assert.equal((await client.readAnswer()).body.toString(), path)
      await client.readEnd()
      await scope.until(() => gone(served), 'the slot is free')
    },
  },
  {
    name: 'FIN while handlers run: a notice, and writing still works (C7, EOF-2)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(get('/a') + get('/b'))
      const second = await served.seen(2)
      client.end()
      const notice = await served.event(({ kind }) => kind === EVENT_KIND_HALF_CLOSED)
      assert.ok(sameConnection(notice, second))
      served.late((write) => write.answer(second, { body: 'second' }))
      served.late((write) => write.answer(served.requests[0] ?? second, { body: pattern(300_000) }))
      assert.ok((await client.readAnswer()).body.equals(pattern(300_000)))
      assert.equal((await client.readAnswer()).body.toString(), 'second')
      await client.readEnd()
      assert.equal(served.events.filter(({ kind }) => kind === EVENT_KIND_HALF_CLOSED).length, 1)
      assert.equal(served.events.filter(({ kind }) => kind === EVENT_KIND_ABORTED).length, 0)
    },
  },
  {
    name: 'FIN of an idle connection closes it in silence (2.4)',
    async run(scope) {
      const served = await scope.serve()
      const fresh = await served.connect()
      fresh.end()
      await fresh.readEnd()
      const used = await served.connect()
      await used.send(get('/'))
      await used.readAnswer()
      used.end()
      await used.readEnd()
      assert.equal(served.events.length, 0)
      assert.equal(served.engine.metrics().truncated, 0)
    },
  },
  {
    name: 'FIN at every byte of a request: no answer, counted as truncated (EOF-1)',
    async run(scope) {
      const served = await scope.serve()
      const text = post('/x', 'body')
      let cuts = 0
      for (let cut = 1; cut < text.length; cut += 3, cuts++) {
        const client = await served.connect()
        await client.send(text.slice(0, cut))
        client.end()
        await client.readEnd()
      }
      assert.equal(served.requests.length, 0)
      assert.equal(served.engine.metrics().truncated, cuts)
    },
  },
  {
    name: 'FIN inside a head behind owed answers: they are sent, then the end (EOF-1)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(`${get('/owed')}GET /half HT`)
      const request = await served.seen(1)
      client.end()
      await served.event(({ kind }) => kind === EVENT_KIND_HALF_CLOSED)
      served.late((write) => write.answer(request, { body: 'owed' }))
      assert.equal((await client.readAnswer()).body.toString(), 'owed')
      await client.readEnd()
    },
  },
  {
    name: 'request and FIN in one segment, many times, leaves nothing behind (2.4, faults)',
    guardMs: 60_000,
    async run(scope) {
      const served = await scope.serve()
      const rounds = scope.subject.mode === 'torture' ? 50_000 : 500
      for (let i = 0; i < rounds; i++) {
        const client = await scope.connect({ port: served.address.port })
        void client.send(get('/x'))
        client.end()
        if (i % 2 === 0) assert.equal((await client.readAnswer()).body.toString(), '/x')
        else client.reset()
        await client.close()
      }
      await scope.until(() => gone(served), 'all slots are free')
    },
  },
  {
    name: 'FIN and RST are seen while a handler runs and its body is unread (EOF-4, EOF-3)',
    nativeOnly: 'while reading is paused node sees no FIN or RST',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const unread = [
        chunkedHead('/x') + chunk('abc') + lastChunk,
        chunkedHead('/x') + chunk('abc'),
        // More than is held: the rest stays in the kernel.
        post('/x', pattern(1_000_000).toString('latin1')),
        post('/x', '').replace('content-length: 0', 'content-length: 100000'),
      ]
      for (const text of unread) {
        for (const leave of ['end', 'reset'] as const) {
          const client = await served.connect()
          const before = served.requests.length
          void client.send(text)
          const request = await served.seen(before + 1)
          if (leave === 'end') {
            // A FIN behind bytes that nobody takes does not arrive.
            if (text.length < 100_000) {
              client.end()
              await served.event(
                (event) =>
                  event.kind === EVENT_KIND_HALF_CLOSED &&
                  event.sequence === request.sequence &&
                  sameConnection(event, request),
              )
            }
            client.reset()
          } else client.reset()
          await served.event(
            (event) => event.kind === EVENT_KIND_ABORTED && sameConnection(event, request),
          )
          await scope.until(() => gone(served), 'the slot is free')
        }
      }
    },
  },
  {
    name: 'FIN and RST are seen behind a full account of owed answers (EOF-4, PIP-3)',
    nativeOnly: 'while reading is paused node sees no FIN or RST',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      for (const kind of [EVENT_KIND_HALF_CLOSED, EVENT_KIND_ABORTED]) {
        const client = await served.connect()
        const before = served.requests.length
        await client.send(get('/x').repeat(OWED_ANSWERS_MAX + 10))
        const request = await served.seen(before + OWED_ANSWERS_MAX)
        if (kind === EVENT_KIND_ABORTED) client.reset()
        else client.end()
        await served.event((event) => event.kind === kind && sameConnection(event, request))
        client.reset()
        await scope.until(() => gone(served), 'the slot is free')
      }
    },
  },
  {
    name: 'the ABORT command resets the connection, and only that one (EOF-3)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      const other = await served.connect()
      await client.send(get('/cut'))
      const request = await served.seen(1)
      await other.send(get('/other'))
      const kept = await served.seen(2)
      served.late((write) => write.command(request, COMMAND_ABORT))
      assert.equal((await client.readUntilGone()).how, 'reset')
      served.late((write) => write.answer(kept, { body: 'kept' }))
      assert.equal((await other.readAnswer()).body.toString(), 'kept')
      await scope.until(() => served.engine.metrics().active === 1, 'one connection is left')
    },
  },
]
