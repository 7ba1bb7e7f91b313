import assert from 'node:assert/strict'
import {
  CONTROL_PENDING_HEADS,
  EVENT_KIND_CLOSED,
  EVENT_KIND_OPENED,
  REQUEST_FLAG_UPGRADE,
  REQUESTS_MAX,
} from '@celeris/engine/layout'
import { currentThread } from './reference-dispatch.ts'
import { get, post } from './request-text.ts'
import type { CaseDefinition, Served } from './scope.ts'
import { captureUncaught } from './uncaught.ts'

export const batchingCases: readonly CaseDefinition[] = [
  {
    name: 'dispatch runs on the thread that called listen, with records, never inside itself (C1, R16)',
    async run(scope) {
      const threads = new Set<string>()
      const use = (): Served => served as Served
      let served: Served | null = null
      served = await scope.serve({
        onRequest(request, write) {
          threads.add(currentThread())
          // Every entry point, from inside: none may call dispatch again or touch this batch.
          use().engine.pauseAccept()
          use().engine.resumeAccept()
          use().engine.metrics()
          use().engine.peer(request.slot, request.generation)
          write.answer(request, { body: request.path })
          use().engine.flush()
        },
      })
      const client = await served.connect()
      await client.send(get('/a') + get('/b'))
      assert.equal((await client.readAnswer()).body.toString(), '/a')
      assert.equal((await client.readAnswer()).body.toString(), '/b')
      assert.deepEqual([...threads], [currentThread()])
      for (const [requests, events] of served.calls)
        assert.ok(requests + events > 0 && requests <= REQUESTS_MAX)
    },
  },
  {
    name: 'close from inside dispatch takes effect after the turn (C1, R16)',
    async run(scope) {
      const closing: Promise<unknown>[] = []
      const served = await scope.serve({
        onRequest(request, write) {
          closing.push(served.engine.close({ timeoutMs: 2000 }))
          write.answer(request, { body: 'bye' })
        },
      })
      const client = await served.connect()
      await client.send(get('/'))
      assert.equal((await client.readAnswer()).body.toString(), 'bye')
      await client.readEnd()
      await Promise.all(closing)
    },
  },
  {
    name: 'answers of promises that settle in the turn leave without flush (datapath 4)',
    async run(scope) {
      const served = await scope.serve({
        onRequest(request, write) {
          void (async (): Promise<void> => {
            for (let i = 0; i < 5; i++) await Promise.resolve()
            write.answer(request, { body: request.path })
          })()
        },
      })
      const client = await served.connect()
      for (let i = 0; i < 5; i++) {
        await client.send(get(`/a${i}`) + get(`/b${i}`))
        assert.equal((await client.readAnswer()).body.toString(), `/a${i}`)
        assert.equal((await client.readAnswer()).body.toString(), `/b${i}`)
      }
    },
  },
  {
    name: 'pending heads are announced before request bytes are reused, and only then (C4)',
    async run(scope) {
      let pending = false
      const ends: number[] = []
      const served = await scope.serve({
        onRequest(request) {
          if (request.path !== '/pending') return
          pending = true
          served.memory.words[CONTROL_PENDING_HEADS] = 1
        },
        onCall(requests, events) {
          if (requests + events > 0) return
          assert.ok(pending, 'a call without records ends a turn with pending heads')
          ends.push(served.calls.length)
          pending = false
          served.memory.words[CONTROL_PENDING_HEADS] = 0
        },
      })
      const client = await served.connect()
      const other = await served.connect()
      await client.send(get('/pending'))
      const request = await served.seen(1)
      await other.send(get('/other'))
      await served.seen(2)
      assert.equal(ends.length, 1, 'one call without records, before the next batch')
      served.late((write) => write.answer(request, { body: 'done' }))
      assert.equal((await client.readAnswer()).body.toString(), 'done')
    },
  },
  {
    name: 'a record says method, version, target, path, fields, body and flags',
    async run(scope) {
      const served = await scope.serve(
        {},
        {
          literals: [
            { path: '/lit', id: 7 },
            { path: '/lit/b', id: 9 },
          ],
        },
      )
      const client = await served.connect()
      await client.send(
        get('/lit?x=/lit', 'X-Mixed: Value', 'x-empty:', 'connection: upgrade', 'upgrade: y') +
          post('/lit/b', 'four', 'content-type: text/plain') +
          get('/lit/c'),
      )
      for (let i = 0; i < 3; i++) await client.readAnswer()
      const [first, second, third] = served.requests
      assert.equal(first?.path, '/lit')
      assert.equal(first?.target, '/lit?x=/lit')
      assert.deepEqual(first?.fields.slice(1, 3), [
        ['X-Mixed', 'Value'],
        ['x-empty', ''],
      ])
      assert.equal(first?.minor, 1)
      assert.equal((first?.flags ?? 0) & REQUEST_FLAG_UPGRADE, REQUEST_FLAG_UPGRADE)
      assert.equal(first?.body?.length, 0)
      assert.equal(second?.method, 'POST')
      assert.equal(second?.body?.toString(), 'four')
      assert.equal(second?.contentLength, 4)
      // An engine that matches no literals says 0.
      assert.ok(first?.literalId === 7 || first?.literalId === 0)
      assert.ok(second?.literalId === 9 || second?.literalId === 0)
      assert.equal(third?.literalId, 0)
    },
  },
  {
    name: 'a dispatch that throws closes the unanswered connections of its batch, and is reported once (C6)',
    async run(scope) {
      const reports = captureUncaught(scope)
      const served = await scope.serve({
        onRequest(request, write) {
          if (request.path === '/throw') throw new Error('thrown by the dispatch of the suite')
          write.answer(request, { body: request.path })
        },
      })
      const bystander = await served.connect()
      await bystander.send(get('/bystander'))
      await bystander.readAnswer()
      const victim = await served.connect()
      await victim.send(get('/throw'))
      const { bytes } = await victim.readUntilGone()
      assert.equal(bytes.length, 0, 'no answer')
      await bystander.send(get('/again'))
      assert.equal((await bystander.readAnswer()).body.toString(), '/again')
      await scope.until(() => reports.length > 0, 'the error is reported')
      assert.deepEqual(
        reports.map(({ message }) => message),
        ['thrown by the dispatch of the suite'],
      )
      assert.ok(served.engine.metrics().errors >= 1)
    },
  },
  {
    name: 'connection events come when asked for, one of each per connection',
    async run(scope) {
      const served = await scope.serve({}, { connectionEvents: true })
      const client = await served.connect()
      const opened = await served.event(({ kind }) => kind === EVENT_KIND_OPENED)
      await client.send(get('/'))
      await client.readAnswer()
      const { slot, generation } = await served.seen(1)
      assert.deepEqual([opened.slot, opened.generation], [slot, generation])
      assert.ok(!served.events.some(({ kind }) => kind === EVENT_KIND_CLOSED))
      await client.close()
      const closed = await served.event(({ kind }) => kind === EVENT_KIND_CLOSED)
      assert.deepEqual([closed.slot, closed.generation], [slot, generation])
      assert.equal(served.events.filter(({ kind }) => kind === EVENT_KIND_OPENED).length, 1)
    },
  },
]
