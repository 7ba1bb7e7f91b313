import assert from 'node:assert/strict'
import { RESPONSE_KIND_HEAD } from '@celeris/engine/layout'
import type { RawAnswer } from './answer-parser.ts'
import { answerPath } from './reference-dispatch.ts'
import { nameOf } from './response-writer.ts'
import type { CaseDefinition } from './scope.ts'

const IMF_FIXDATE =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/

const get = (path: string, ...lines: string[]): string =>
  [`GET ${path} HTTP/1.1`, 'host: a', ...lines, '', ''].join('\r\n')

function assertDate(answer: RawAnswer): void {
  const date = answer.value('date') ?? ''
  assert.match(date, IMF_FIXDATE)
  assert.ok(Math.abs(Date.parse(date) - Date.now()) < 60_000, `date is now: ${date}`)
}

export const keepAliveCases: readonly CaseDefinition[] = [
  {
    name: 'answers many requests on one connection, without a connection field (CON-2, CON-3)',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      for (let i = 0; i < 20; i++) {
        await client.send(get(`/${i}`))
        const answer = await client.readAnswer()
        assert.equal(answer.status, 200)
        assert.equal(answer.phrase, 'OK')
        assert.equal(answer.body.toString(), `/${i}`)
        assert.equal(answer.value('content-type'), 'text/plain')
        assert.equal(answer.value('connection'), undefined)
        assert.equal(answer.value('keep-alive'), undefined)
        assert.equal(answer.value('server'), undefined)
        assertDate(answer)
      }
      const names = new Set(served.requests.map(({ slot, generation }) => `${slot} ${generation}`))
      assert.equal(names.size, 1, 'one connection, one name')
    },
  },
  {
    name: 'sequences of one connection count up by one',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      for (let i = 0; i < 5; i++) {
        await client.send(get('/'))
        await client.readAnswer()
      }
      const first = served.requests[0]?.sequence ?? 0
      assert.deepEqual(
        served.requests.map(({ sequence }) => sequence - first),
        [0, 1, 2, 3, 4],
      )
    },
  },
  {
    name: 'closes after a request with connection: close, and says so (CON-1, CON-3)',
    async run(scope) {
      const served = await scope.serve()
      for (const value of ['close', 'Close', 'close, x', 'keep-alive, close']) {
        const client = await served.connect()
        await client.send(get('/', `connection: ${value}`))
        assert.equal((await client.readAnswer()).value('connection'), 'close', value)
        await client.readEnd()
      }
    },
  },
  {
    name: 'a token that only contains close does not close (CON-1)',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      for (let i = 0; i < 2; i++) {
        await client.send(get('/', 'connection: closed, foreclose'))
        assert.equal((await client.readAnswer()).value('connection'), undefined)
      }
    },
  },
  {
    name: 'closes after an answer that says so (CON-3)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => answerPath(request, write, { close: true }),
      })
      const client = await served.connect()
      await client.send(get('/'))
      assert.equal((await client.readAnswer()).value('connection'), 'close')
      await client.readEnd()
    },
  },
  {
    name: 'HTTP/1.0 closes unless it asked to persist, and is then told (CON-2, VER-3)',
    async run(scope) {
      const served = await scope.serve()
      const once = await served.connect()
      await once.send('GET /old HTTP/1.0\r\n\r\n')
      const answer = await once.readAnswer()
      assert.equal(answer.body.toString(), '/old')
      assert.equal(answer.value('connection'), 'close')
      await once.readEnd()
      const client = await served.connect()
      for (let i = 0; i < 3; i++) {
        await client.send('GET /kept HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n')
        const kept = await client.readAnswer()
        assert.equal(kept.value('connection'), 'keep-alive')
        assert.equal(kept.body.toString(), '/kept')
      }
    },
  },
  {
    name: 'disableKeepAlive closes after one answer (CON-3)',
    async run(scope) {
      const served = await scope.serve({}, { disableKeepAlive: true })
      const client = await served.connect()
      await client.send(get('/a') + get('/b'))
      const answer = await client.readAnswer()
      assert.equal(answer.body.toString(), '/a')
      assert.equal(answer.value('connection'), 'close')
      await client.readEnd()
    },
  },
  {
    name: 'bytes behind a request with close are never processed (PIP-5)',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      await client.send(get('/last', 'connection: close') + get('/never'))
      assert.equal((await client.readAnswer()).body.toString(), '/last')
      await client.readEnd()
      assert.deepEqual(
        served.requests.map(({ path }) => path),
        ['/last'],
      )
    },
  },
  {
    name: 'adds content-length and date; extra lines keep their order and case of values (RES-2, RES-3)',
    async run(scope) {
      const extra = ['x-one: 1', 'set-cookie: a=B', 'set-cookie: c=D', 'x-obs: \xe9']
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: 'twelve bytes', extra }),
      })
      const client = await served.connect()
      await client.send(get('/'))
      const answer = await client.readAnswer()
      assert.equal(answer.value('content-length'), '12')
      assertDate(answer)
      const sent = answer.fields
        .map(([name, value]) => `${name}: ${value}`)
        .filter((line) => extra.includes(line))
      assert.deepEqual(sent, extra)
    },
  },
  {
    name: 'a date of the answer wins (RES-2)',
    async run(scope) {
      const mine = 'Fri, 01 Jan 2021 00:00:00 GMT'
      const served = await scope.serve({
        onRequest: (request, write) =>
          write.answer(request, { body: 'x', extra: [`date: ${mine}`], ownDate: true }),
      })
      const client = await served.connect()
      await client.send(get('/'))
      assert.deepEqual((await client.readAnswer()).values('date'), [mine])
    },
  },
  {
    name: 'an empty body has content-length 0; 204 and 304 have none (RES-3, RES-4)',
    async run(scope) {
      const served = await scope.serve({
        onRequest(request, write) {
          const status = Number(request.path.slice(1))
          write.answer(request, {
            status,
            phrase: 'X',
            head: status === 200 ? ['content-type: text/plain'] : [],
          })
        },
      })
      const client = await served.connect()
      for (const status of [200, 204, 205, 304, 404, 200]) {
        await client.send(get(`/${status}`))
        const answer = await client.readAnswer()
        assert.equal(answer.status, status)
        assert.equal(
          answer.value('content-length'),
          status === 204 || status === 304 ? undefined : '0',
        )
        assertDate(answer)
      }
    },
  },
  {
    name: 'a status without phrase keeps its space (RES-1)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { status: 599, phrase: '' }),
      })
      const client = await served.connect()
      await client.send(get('/'))
      const answer = await client.readAnswer()
      assert.equal(answer.status, 599)
      assert.equal(answer.phrase, '')
    },
  },
  {
    name: 'HEAD gets the head of the answer and no body, of every kind (RES-4)',
    async run(scope) {
      const served = await scope.serve({
        onRequest(request, write) {
          const omitBody = request.method === 'HEAD'
          if (request.path === '/whole') write.answerWhole(request, 'whole body', { omitBody })
          else if (request.path === '/blocks')
            write.answerBlocks(request, { body: 'block body', omitBody })
          else write.answer(request, { body: 'arena body', omitBody })
        },
      })
      const client = await served.connect()
      for (const path of ['/arena', '/blocks', '/whole', '/arena']) {
        await client.send(`HEAD ${path} HTTP/1.1\r\nhost: a\r\n\r\n${get(path)}`)
        const head = await client.readAnswer('HEAD')
        assert.equal(head.value('content-length'), '10', path)
        assertDate(head)
        const full = await client.readAnswer()
        assert.equal(full.body.length, 10, path)
      }
    },
  },
  {
    name: 'a whole block leaves as it is, with the date filled in and connection where needed (CON-3)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answerWhole(request, 'interned'),
      })
      const client = await served.connect()
      for (let i = 0; i < 3; i++) {
        await client.send(get('/'))
        const answer = await client.readAnswer()
        assert.equal(answer.body.toString(), 'interned')
        assert.equal(answer.value('content-type'), 'text/plain')
        assert.equal(answer.value('connection'), undefined)
        assertDate(answer)
      }
      await client.send(get('/', 'connection: close'))
      const last = await client.readAnswer()
      assert.equal(last.value('connection'), 'close')
      assert.equal(last.body.toString(), 'interned')
      await client.readEnd()
      const old = await served.connect()
      await old.send('GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n')
      assert.equal((await old.readAnswer()).value('connection'), 'keep-alive')
    },
  },
  {
    name: 'a head block with a body block is framed like any other',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) =>
          write.answerBlocks(request, { body: 'a body block', status: 201, phrase: 'Created' }),
      })
      const client = await served.connect()
      await client.send(get('/'))
      const answer = await client.readAnswer()
      assert.equal(answer.status, 201)
      assert.equal(answer.body.toString(), 'a body block')
      assertDate(answer)
    },
  },
  {
    name: 'head and body leave in one send, whatever they are made of (RES-9)',
    nativeOnly: 'node does not count its sends',
    async run(scope) {
      const served = await scope.serve({
        onRequest(request, write) {
          if (request.path === '/whole') write.answerWhole(request, 'whole body')
          else if (request.path === '/blocks') write.answerBlocks(request, { body: 'block body' })
          else if (request.path === '/lines')
            write.answer(request, {
              body: 'x'.repeat(5000),
              extra: [`x-long: ${'y'.repeat(5000)}`],
            })
          else write.answer(request, { body: 'x'.repeat(Number(request.path.slice(1))) })
        },
      })
      const client = await served.connect()
      for (const path of ['/0', '/10', '/5000', '/60000', '/whole', '/blocks', '/lines']) {
        await client.send(get(path))
        const before = served.engine.metrics().sendCalls
        await client.readAnswer()
        assert.equal(served.engine.metrics().sendCalls - before, 1, path)
      }
      const before = served.engine.metrics().sendCalls
      await client.send(get('/10').repeat(20))
      for (let i = 0; i < 20; i++) await client.readAnswer()
      assert.equal(served.engine.metrics().sendCalls - before, 1, 'and so do all of a turn')
    },
  },
  {
    name: 'a late answer on an idle loop leaves without further input',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(get('/late'))
      const request = await served.seen(1)
      served.late((write) => write.answer(request, { body: 'late' }))
      assert.equal((await client.readAnswer()).body.toString(), 'late')
      await client.send(get('/again'))
      const again = await served.seen(2)
      served.late((write) =>
        write.record({
          ...nameOf(again),
          kindFlags: RESPONSE_KIND_HEAD,
          head: write.headBlock({}),
        }),
      )
      assert.equal((await client.readAnswer()).value('content-length'), '0')
    },
  },
]
