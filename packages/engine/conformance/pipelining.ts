import assert from 'node:assert/strict'
import { OWED_ANSWERS_MAX } from '@celeris/engine/layout'
import type { SeenRequest } from './batch-reader.ts'
import { get } from './request-text.ts'
import type { CaseDefinition, Served } from './scope.ts'

/** Sends `count` requests in one piece. */
const many = (count: number, prefix = ''): string =>
  Array.from({ length: count }, (_, index) => get(`/${prefix}${index}`)).join('')

/** A small generator, so that an order that fails can be run again. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const copy = [...items]
  let state = seed
  for (let i = copy.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    const other = state % (i + 1)
    ;[copy[i], copy[other]] = [copy[other] as T, copy[i] as T]
  }
  return copy
}

const answerLate = (served: Served, request: SeenRequest): void =>
  served.late((write) => write.answer(request, { body: request.path }))

export const pipeliningCases: readonly CaseDefinition[] = [
  {
    name: 'requests of one piece arrive in one batch and are answered in order (PIP-1)',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      await client.send(many(16))
      for (let i = 0; i < 16; i++)
        assert.equal((await client.readAnswer()).body.toString(), `/${i}`)
      assert.equal(new Set(served.requests.map(({ batch }) => batch)).size, 1, 'one batch')
    },
  },
  {
    name: '64 deep, answered at once (PIP-1)',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      for (let round = 0; round < 5; round++) {
        await client.send(many(OWED_ANSWERS_MAX, `${round}-`))
        for (let i = 0; i < OWED_ANSWERS_MAX; i++)
          assert.equal((await client.readAnswer()).body.toString(), `/${round}-${i}`)
      }
    },
  },
  {
    name: 'answers keep request order whatever finishes first (C3)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      for (let round = 0; round < 6; round++) {
        const count = 24
        await client.send(many(count, `${round}-`))
        await served.seen((round + 1) * count)
        const requests = served.requests.slice(round * count)
        const order = round === 0 ? [...requests].reverse() : shuffled(requests, round)
        for (const request of order) answerLate(served, request)
        for (let i = 0; i < count; i++)
          assert.equal((await client.readAnswer()).body.toString(), `/${round}-${i}`)
      }
    },
  },
  {
    name: 'an answer waits for the one before it, and only for that (C3)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const slow = await served.connect()
      const quick = await served.connect()
      await slow.send(get('/first') + get('/second'))
      const second = await served.seen(2)
      answerLate(served, second)
      await quick.send(get('/quick'))
      answerLate(served, await served.seen(3))
      assert.equal((await quick.readAnswer()).body.toString(), '/quick')
      assert.equal(slow.unread(), 0, 'nothing may leave before the first answer')
      answerLate(served, served.requests[0] as SeenRequest)
      assert.equal((await slow.readAnswer()).body.toString(), '/first')
      assert.equal((await slow.readAnswer()).body.toString(), '/second')
    },
  },
  {
    name: 'interleaved connections get their own answers (C3)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const clients = await Promise.all(Array.from({ length: 8 }, () => served.connect()))
      await Promise.all(clients.map((client, index) => client.send(many(8, `c${index}-`))))
      await served.seen(64)
      for (const request of shuffled(served.requests, 7)) answerLate(served, request)
      for (const [index, client] of clients.entries()) {
        for (let i = 0; i < 8; i++)
          assert.equal((await client.readAnswer()).body.toString(), `/c${index}-${i}`)
      }
    },
  },
  {
    name: 'a mix of answers inside dispatch, in microtasks and late keeps its order (C3)',
    async run(scope) {
      const later: SeenRequest[] = []
      const served = await scope.serve({
        onRequest(request, write) {
          const kind = Number(request.path.slice(1)) % 3
          if (kind === 0) write.answer(request, { body: request.path })
          else if (kind === 1)
            void Promise.resolve().then(() => write.answer(request, { body: request.path }))
          else later.push(request)
        },
      })
      const client = await served.connect()
      await client.send(many(30))
      await served.seen(30)
      for (const request of later.reverse()) answerLate(served, request)
      for (let i = 0; i < 30; i++)
        assert.equal((await client.readAnswer()).body.toString(), `/${i}`)
    },
  },
  {
    name: `at most ${OWED_ANSWERS_MAX} answers are owed; reading goes on when half is gone (PIP-3)`,
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      const other = await served.connect()
      const count = 3 * OWED_ANSWERS_MAX
      await client.send(many(count))
      await served.seen(OWED_ANSWERS_MAX)
      // A round trip on another connection: had there been more to dispatch, it would be here.
      for (let i = 0; i < 3; i++) {
        await other.send(get('/other'))
        await scope.until(
          () => served.requests.some(({ path }) => path === '/other'),
          'the other connection is served',
        )
        const index = served.requests.findIndex(({ path }) => path === '/other')
        answerLate(served, served.requests.splice(index, 1)[0] as SeenRequest)
        await other.readAnswer()
      }
      assert.equal(served.requests.length, OWED_ANSWERS_MAX, 'no more than the limit is dispatched')
      for (let i = 0; i < count; i++) {
        answerLate(served, await served.seen(i + 1))
        assert.equal((await client.readAnswer()).body.toString(), `/${i}`)
      }
    },
  },
  {
    name: 'a bad later request: owed answers first, then the error in its place, then the end (PIP-4)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(
        `${get('/a')}${get('/b')}GET /bad HTTP/1.1\r\nhost: a b\r\n\r\n${get('/never')}`,
      )
      const second = await served.seen(2)
      answerLate(served, second)
      answerLate(served, served.requests[0] as SeenRequest)
      assert.equal((await client.readAnswer()).body.toString(), '/a')
      assert.equal((await client.readAnswer()).body.toString(), '/b')
      const error = await client.readAnswer()
      assert.equal(error.status, 400)
      assert.equal(error.value('connection'), 'close')
      await client.readEnd()
      assert.equal(served.requests.length, 2, 'earlier handlers run, later bytes are discarded')
    },
  },
  {
    name: 'after an answer that closes, later answers are dropped (PIP-5)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(many(3))
      await served.seen(3)
      const [first, second, third] = served.requests as [SeenRequest, SeenRequest, SeenRequest]
      answerLate(served, third)
      served.late((write) => write.answer(second, { body: 'closing', close: true }))
      answerLate(served, first)
      assert.equal((await client.readAnswer()).body.toString(), '/0')
      const closing = await client.readAnswer()
      assert.equal(closing.body.toString(), 'closing')
      assert.equal(closing.value('connection'), 'close')
      await client.readEnd()
    },
  },
]
