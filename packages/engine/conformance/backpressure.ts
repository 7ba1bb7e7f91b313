import assert from 'node:assert/strict'
import {
  OUTPUT_BYTES_MAX,
  OWED_ANSWERS_MAX,
  TURN_READ_BYTES_MAX,
  TURN_REQUESTS_MAX,
  UNSENT_BYTES_MAX,
} from '@celeris/engine/layout'
import { collectBodies } from './body-collector.ts'
import type { RawClient } from './raw-client.ts'
import { get, pattern, post } from './request-text.ts'
import type { CaseDefinition, Scope, Served } from './scope.ts'

const LARGE = 512 * 1024
/** Requests that PIP-3 takes at first from a connection that has had no answer yet. */
const UNTRIED_REQUESTS_MAX = 16

/** Answers `/n` with n bytes of the pattern. */
const bytesOf = (path: string): Buffer => pattern(Number(path.slice(1)))

/** Most answers that a stopped reader is sent: far more than the kernel's two socket buffers hold. */
const WAVES_MAX = 60

/** Asks for large answers, two at a time, until they are dispatched no more; how many were asked for. */
async function fillUntilStopped(
  scope: Scope,
  served: Served,
  client: RawClient,
  other: RawClient,
): Promise<number> {
  const dispatched = (): number => served.requests.filter(({ path }) => path === `/${LARGE}`).length
  for (let sent = 2; sent <= WAVES_MAX; sent += 2) {
    await client.send(get(`/${LARGE}`).repeat(2))
    // Round trips on another connection: what can be read and dispatched meanwhile, is.
    for (let i = 0; i < 5; i++) {
      await other.send(get('/1'))
      assert.equal((await other.readAnswer()).body.length, 1)
    }
    if (dispatched() < sent) return sent
    scope.signal.throwIfAborted()
  }
  throw new Error(`all ${WAVES_MAX} requests were dispatched for a peer that reads nothing`)
}

export const backpressureCases: readonly CaseDefinition[] = [
  {
    name: 'answers of every size arrive whole, across every buffer boundary (2.6)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: bytesOf(request.path) }),
      })
      const client = await served.connect()
      for (const edge of [4096, 16_384, 65_536, 131_072, 262_144, LARGE]) {
        for (const size of [edge - 1, edge, edge + 1].filter((bytes) => bytes <= LARGE)) {
          await client.send(get(`/${size}`))
          assert.ok((await client.readAnswer()).body.equals(pattern(size)), `${size} bytes`)
        }
      }
    },
  },
  {
    name: 'answers that together exceed the output arena leave through flush, in order (datapath rule 4)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: bytesOf(request.path) }),
      })
      const client = await served.connect()
      const sizes = [LARGE, 10, LARGE, LARGE - 1, 3, LARGE, 0, LARGE]
      await client.send(sizes.map((size) => get(`/${size}`)).join(''))
      for (const size of sizes)
        assert.ok((await client.readAnswer()).body.equals(pattern(size)), `${size} bytes`)
    },
  },
  {
    name: 'a slow reader gets every byte; reading and dispatch stop meanwhile (PIP-3, C9)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: bytesOf(request.path) }),
      })
      const client = await served.connect()
      const other = await served.connect()
      client.pause()
      const count = await fillUntilStopped(scope, served, client, other)
      assert.ok(
        served.engine.metrics().queuedBytes <= 2 * UNSENT_BYTES_MAX + 4 * LARGE,
        'queued output is bounded',
      )
      client.resume()
      for (let i = 0; i < count; i++)
        assert.ok((await client.readAnswer()).body.equals(pattern(LARGE)), `answer ${i}`)
      await scope.until(
        () => served.engine.metrics().queuedBytes === 0,
        'nothing is queued any more',
      )
    },
  },
  {
    name: 'a reader that pauses between reads gets every byte (C9)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: bytesOf(request.path) }),
      })
      const client = await served.connect()
      const helper = await served.connect()
      await client.send(Array.from({ length: 8 }, () => get(`/${LARGE}`)).join(''))
      let answers = 0
      while (answers < 8) {
        client.pause()
        await helper.send(get('/1'))
        await helper.readAnswer()
        client.resume()
        if (client.unread() < LARGE) await client.change()
        if (client.unread() < LARGE) continue
        assert.ok((await client.readAnswer()).body.equals(pattern(LARGE)), `answer ${answers}`)
        answers++
      }
    },
  },
  {
    name: 'many slow readers do not delay a quick one (BP-4)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: bytesOf(request.path) }),
      })
      const slow = await Promise.all(Array.from({ length: 20 }, () => served.connect()))
      for (const client of slow) {
        client.pause()
        await client.send(get(`/${LARGE}`).repeat(6))
      }
      await scope.until(() => served.requests.length >= slow.length, 'all are being answered')
      const quick = await served.connect()
      for (let i = 0; i < 100; i++) {
        await quick.send(get('/5'))
        assert.equal((await quick.readAnswer()).body.length, 5)
      }
      for (const client of slow) await client.close()
      await scope.until(() => served.engine.metrics().active === 1, 'the slow ones are gone')
      assert.equal(served.engine.metrics().queuedBytes, 0)
    },
  },
  {
    name: `at most ${TURN_REQUESTS_MAX} requests of one connection in one turn (BP-4)`,
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      const count = 1000
      await client.send(get('/x').repeat(count))
      for (let i = 0; i < count; i++) await client.readAnswer()
      const most = Math.max(...served.calls.map(([requests]) => requests))
      assert.ok(most <= TURN_REQUESTS_MAX, `${most} requests in one turn`)
    },
  },
  {
    name: `at most ${TURN_READ_BYTES_MAX} bytes of one connection are read in one turn (BP-4)`,
    nativeOnly: 'io batching',
    async run(scope) {
      const reads: number[] = []
      let read = 0
      const served = await scope.serve({
        ...collectBodies(),
        onCall() {
          const { bytesRead } = served.engine.metrics()
          reads.push(bytesRead - read)
          read = bytesRead
        },
      })
      const client = await served.connect()
      const body = pattern(900_000)
      await client.send(post('/x', body.toString('latin1')))
      assert.ok((await client.readAnswer()).body.equals(body))
      const most = Math.max(...reads)
      assert.ok(most <= TURN_READ_BYTES_MAX, `${most} bytes in one turn`)
    },
  },
  {
    name: 'an idle connection owns no buffer, used or fresh (BP-4)',
    async run(scope) {
      const served = await scope.serve(collectBodies())
      const clients = await Promise.all(Array.from({ length: 20 }, () => served.connect()))
      for (const [index, client] of clients.entries()) {
        if (index % 2 === 0) continue
        await client.sendPieces(
          get('/x') + post('/y', 'body') + post('/z', 'x'.repeat(90_000)),
          5000,
        )
        for (let i = 0; i < 3; i++) assert.equal((await client.readAnswer()).status, 200)
      }
      const { ownedBuffers, queuedBytes } = served.engine.metrics()
      assert.deepEqual([ownedBuffers, queuedBytes], [0, 0])
    },
  },
  {
    name: '64 large answers for a peer that reads nothing: what is queued stays bounded (PIP-3, C9)',
    async run(scope) {
      const size = OUTPUT_BYTES_MAX
      const body = pattern(size)
      const served = await scope.serve({
        onRequest: (request, write) =>
          write.answer(request, { body: request.path === '/large' ? body : 'x' }),
      })
      const other = await served.connect()
      // A connection without earlier answers is tried with some; one whose answers are known to be large is not.
      for (const [tried, bound] of [
        [false, UNTRIED_REQUESTS_MAX * size + UNSENT_BYTES_MAX + size],
        [true, UNSENT_BYTES_MAX + 3 * size],
      ] as const) {
        const client = await served.connect()
        if (tried) {
          await client.send(get('/large'))
          assert.equal((await client.readAnswer()).body.length, size)
        }
        client.pause()
        await client.send(get('/large').repeat(OWED_ANSWERS_MAX))
        let most = 0
        for (let i = 0; i < 30; i++) {
          await other.send(get('/x'))
          await other.readAnswer()
          most = Math.max(most, served.engine.metrics().queuedBytes)
        }
        assert.ok(most > 0, 'the peer reads nothing')
        assert.ok(most <= bound, `${most} bytes were queued`)
        client.resume()
        for (let i = 0; i < OWED_ANSWERS_MAX; i++)
          assert.ok((await client.readAnswer()).body.equals(body), `answer ${i}`)
      }
    },
  },
]
