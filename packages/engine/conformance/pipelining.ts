import assert from 'node:assert/strict'
import { EVENT_KIND_ABORTED, OWED_ANSWERS_MAX } from '@celeris/engine/layout'
import type { SeenRequest } from './batch-reader.ts'
import type { RawClient } from './raw-client.ts'
import { get, pattern } from './request-text.ts'
import type { ResponseWriter } from './response-writer.ts'
import type { CaseDefinition, Scope, Served } from './scope.ts'

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

/** A body that names its request in every line, so that a byte of another answer is seen. */
const filled = (path: string, bytes: number): string => `${path}\n`.repeat(bytes).slice(0, bytes)

/** Which answers have a long line in their head. */
const hasLine = (path: string): boolean => /^\/(?:lines|copied)/.test(path)

/** What an answer is made of, by the first part of its path. */
function bodyOf(path: string): string {
  if (path.startsWith('/large')) return filled(path, 5000)
  if (path.startsWith('/lines')) return filled(path, 4500)
  if (path.startsWith('/copied')) return filled(path, 4000)
  // A block of its own, as application code has for a constant; there is room for a few.
  if (path.startsWith('/block')) return filled(`/block ${path.at(-1)}`, 5000)
  return 'whole'
}

function answerKind(request: SeenRequest, write: ResponseWriter): void {
  const { path } = request
  const omitBody = request.method === 'HEAD'
  const body = bodyOf(path)
  if (path.startsWith('/whole')) write.answerWhole(request, body, { omitBody })
  else if (path.startsWith('/block')) write.answerBlocks(request, { body, omitBody })
  else if (hasLine(path))
    write.answer(request, {
      body,
      omitBody,
      extra: [`x-path: ${filled(path, 2000).trim()}`.replaceAll('\n', ' ')],
    })
  else write.answer(request, { body, omitBody })
}

/** Sends the requests, each `METHOD /kind/number`, in one piece. */
const sendAll = (client: RawClient, requests: readonly string[]): Promise<void> =>
  client.send(
    requests
      .map((line) =>
        get(line.slice(line.indexOf(' ') + 1)).replace(/^GET/, line.split(' ')[0] as string),
      )
      .join(''),
  )

/** Reads an answer for each and checks every byte but the date. */
async function readAll(client: RawClient, requests: readonly string[]): Promise<void> {
  for (const line of requests) {
    const [method, path] = line.split(' ') as [string, string]
    const answer = await client.readAnswer(method)
    const body = bodyOf(path)
    assert.equal(answer.status, 200, line)
    assert.equal(answer.value('content-length'), String(body.length), line)
    assert.equal(answer.body.toString('latin1'), method === 'HEAD' ? '' : body, line)
    assert.equal(answer.values('date').length, 1, line)
    if (hasLine(path))
      assert.equal(answer.value('x-path'), filled(path, 2000).trim().replaceAll('\n', ' '), line)
  }
}

/** Answers that wait behind the first, on a connection that has sent nothing yet. */
async function stashBehindFirst(
  served: Served,
  client: RawClient,
  count: number,
  body: Buffer,
): Promise<SeenRequest> {
  const before = served.requests.length
  await client.send(many(count))
  await served.seen(before + count)
  const [first, ...rest] = served.requests.slice(before) as [SeenRequest, ...SeenRequest[]]
  for (const request of rest.reverse()) served.late((write) => write.answer(request, { body }))
  return first
}

/** Round trips on another connection: what the engine was told meanwhile, it has done. */
async function roundTrips(scope: Scope, served: Served, other: RawClient): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const before = served.requests.length
    await other.send(get('/other'))
    answerLate(served, await served.seen(before + 1))
    assert.equal((await other.readAnswer()).body.toString(), '/other')
    scope.signal.throwIfAborted()
  }
}

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
    name: 'a bad request in the same piece as an upgrade that nobody takes: its answer, then 400 (UPG-1, PIP-4)',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      const upgrade = 'GET /a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'
      await client.send(`${upgrade}GET /bad HTTP/1.1\r\nhost: a\r\nx: b\rc\r\n\r\n${get('/never')}`)
      assert.equal((await client.readAnswer()).body.toString(), '/a')
      const error = await client.readAnswer()
      assert.equal(error.status, 400)
      assert.equal(error.value('connection'), 'close')
      await client.readEnd()
      assert.equal(served.requests.length, 1)
    },
  },
  {
    name: 'the next requests are dispatched when half of the owed answers is gone, not before (PIP-3)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      const other = await served.connect()
      await client.send(many(2 * OWED_ANSWERS_MAX))
      await served.seen(OWED_ANSWERS_MAX)
      const answer = (index: number): void =>
        answerLate(served, served.requests[index] as SeenRequest)
      for (let i = 0; i < OWED_ANSWERS_MAX / 2 - 1; i++) answer(i)
      for (let i = 0; i < OWED_ANSWERS_MAX / 2 - 1; i++) await client.readAnswer()
      await roundTrips(scope, served, other)
      const held = served.requests.filter(({ path }) => path !== '/other').length
      assert.equal(held, OWED_ANSWERS_MAX, 'more than half are owed')
      answer(OWED_ANSWERS_MAX / 2 - 1)
      await client.readAnswer()
      await scope.until(
        () => served.requests.some(({ path }) => path === `/${OWED_ANSWERS_MAX}`),
        'the next one is dispatched',
      )
    },
  },
  {
    name: 'a later request over a limit is answered in its place, and nobody is aborted (PIP-4)',
    async run(scope) {
      const rows = [
        [`GET /bad HTTP/1.1\r\nhost: a\r\n${'x: y\r\n'.repeat(300)}\r\n`, 431],
        ['POST /bad HTTP/1.1\r\nhost: a\r\ncontent-length: 1001\r\n\r\n', 413],
        ['GET https://a/ HTTP/1.1\r\nhost: a\r\n\r\n', 421],
        ['GET /bad HTTP/1.1\r\nhost: a\r\nexpect: x\r\n\r\n', 417],
        ['GET /bad HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n', 400],
      ] as const
      const served = await scope.serve({ onRequest: () => undefined }, { maxRequestBodySize: 1000 })
      for (const [text, status] of rows) {
        const client = await served.connect()
        const before = served.requests.length
        await client.send(get('/a') + get('/b') + text + get('/never'))
        await served.seen(before + 2)
        const [first, second] = served.requests.slice(before) as [SeenRequest, SeenRequest]
        answerLate(served, second)
        answerLate(served, first)
        for (const path of ['/a', '/b'])
          assert.equal((await client.readAnswer()).body.toString(), path)
        assert.equal((await client.readAnswer()).status, status)
        await client.readEnd()
        await client.close()
        assert.equal(served.requests.length, before + 2, 'nothing behind it runs')
      }
      assert.equal(served.events.filter(({ kind }) => kind === EVENT_KIND_ABORTED).length, 0)
    },
  },
  {
    name: 'after an answer that closes, later dispatched requests learn it, once (PIP-5)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(many(3))
      await served.seen(3)
      const [first, second] = served.requests as [SeenRequest, SeenRequest]
      served.late((write) => write.answer(first, { body: 'closing', close: true }))
      assert.equal((await client.readAnswer()).value('connection'), 'close')
      await client.readEnd()
      const notice = await served.event(({ kind }) => kind === EVENT_KIND_ABORTED)
      assert.equal(notice.sequence, second.sequence)
      await client.close()
      await scope.until(() => served.engine.metrics().active === 0, 'the slot is free')
      assert.equal(served.events.filter(({ kind }) => kind === EVENT_KIND_ABORTED).length, 1)
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
  {
    name: 'many large answers, then HEAD and small ones: every byte is that of its request (PIP-1, RES-4)',
    async run(scope) {
      const served = await scope.serve({ onRequest: answerKind })
      const client = await served.connect()
      // Known sizes let a whole piece be answered in one turn.
      await sendAll(client, ['GET /large/first', 'GET /whole/first'])
      await readAll(client, ['GET /large/first', 'GET /whole/first'])
      const numbered = (count: number, line: string): string[] =>
        Array.from({ length: count }, (_, index) => `${line}/${index}`)
      const pieces = [
        [...numbered(32, 'GET /large'), 'HEAD /whole/a', ...numbered(5, 'GET /whole')],
        [...numbered(32, 'GET /large'), ...numbered(31, 'GET /lines')],
        [...numbered(31, 'GET /lines'), 'HEAD /lines/a', 'HEAD /large/a', 'GET /whole/a'],
        numbered(60, 'HEAD /whole'),
      ]
      for (const piece of pieces) {
        await sendAll(client, piece)
        await readAll(client, piece)
      }
    },
  },
  {
    name: 'more answers of one turn than one gathering holds: every byte is that of its request (C3)',
    async run(scope) {
      const served = await scope.serve({ onRequest: answerKind })
      const clients = await Promise.all(Array.from({ length: 12 }, () => served.connect()))
      // Alternating; sent from where they stand, long lines last; all copied: more bytes than are copied in one go;
      // at last more pieces than one gathering has places.
      const mixed = ['GET /copied', 'GET /lines', 'HEAD /whole', 'GET /large', 'GET /whole']
      const kinds: ((k: number) => string)[] = [
        (k) => mixed[k % 5] as string,
        (k) => (k < 32 ? 'GET /large' : 'GET /lines'),
        () => 'GET /copied',
        (k) => (k % 2 === 0 ? 'GET /copied' : 'HEAD /copied'),
        () => 'GET /block',
        () => 'GET /block',
      ]
      for (const [round, kind] of kinds.entries()) {
        const piece = (index: number): string[] =>
          Array.from({ length: 60 }, (_, k) => `${kind(k)}/${round}-${index}-${k}`)
        await Promise.all(clients.map((client, index) => sendAll(client, piece(index))))
        for (const [index, client] of clients.entries()) await readAll(client, piece(index))
      }
    },
  },
  {
    name: 'RST while large answers wait for the first: nothing stays behind, others get their own bytes (C7, C9)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const other = await served.connect()
      for (let round = 0; round < 6; round++) {
        const client = await served.connect()
        const first = await stashBehindFirst(served, client, 6, pattern(100_000))
        await roundTrips(scope, served, other)
        // The reset is there before the answers: the first send of them fails.
        client.reset()
        served.late((write) => write.answer(first, { body: pattern(100_000) }))
        await scope.until(() => served.engine.metrics().active === 1, 'the connection is gone')
      }
      assert.equal(served.engine.metrics().queuedBytes, 0)
      assert.equal(served.engine.metrics().ownedBuffers, 0, 'no buffer is owned by anybody')
      // Memory given back twice would now belong to two of these at once.
      const clients = await Promise.all(Array.from({ length: 6 }, () => served.connect()))
      const firsts: SeenRequest[] = []
      for (const [index, client] of clients.entries())
        firsts.push(await stashBehindFirst(served, client, 4, Buffer.alloc(80_000, 97 + index)))
      await roundTrips(scope, served, other)
      for (const first of firsts) answerLate(served, first)
      for (const [index, client] of clients.entries()) {
        assert.equal((await client.readAnswer()).body.toString(), '/0')
        for (let i = 1; i < 4; i++)
          assert.ok((await client.readAnswer()).body.equals(Buffer.alloc(80_000, 97 + index)))
      }
    },
  },
]
