import assert from 'node:assert/strict'
import {
  COMMAND_READ_ON,
  EVENT_KIND_BODY_END,
  REQUEST_FLAG_EXPECT_CONTINUE,
} from '@celeris/engine/layout'
import type { SeenRequest } from './batch-reader.ts'
import { collectBodies } from './body-collector.ts'
import { get, post } from './request-text.ts'
import type { CaseDefinition } from './scope.ts'

/** A request that waits for 100 Continue before it sends so many bytes. */
const expecting = (length: number): string =>
  post('/expect', '', 'expect: 100-continue').replace(
    'content-length: 0',
    `content-length: ${length}`,
  )

export const expectCases: readonly CaseDefinition[] = [
  {
    name: 'CONTINUE sends 100 in the place of its request, then reads (EXP-1, EXP-3)',
    async run(scope) {
      const served = await scope.serve(collectBodies(), { expectHook: true })
      const client = await served.connect()
      await client.send(get('/first') + expecting(4))
      assert.equal((await client.readAnswer()).status, 200)
      assert.equal((await client.readAnswer()).status, 100)
      assert.ok(((served.requests[1]?.flags ?? 0) & REQUEST_FLAG_EXPECT_CONTINUE) !== 0)
      await client.send('four')
      assert.equal((await client.readAnswer()).body.toString(), 'four')
      await client.send(get('/next'))
      assert.equal((await client.readAnswer()).status, 200)
    },
  },
  {
    name: 'READ_ON sends 100 too, at the first read and once (EXP-1)',
    async run(scope) {
      const served = await scope.serve({
        onRequest(request, write) {
          write.command(request, COMMAND_READ_ON)
          write.command(request, COMMAND_READ_ON)
        },
        onEvent(event, write) {
          if (event.kind === EVENT_KIND_BODY_END) write.answer(event, { body: 'read' })
        },
      })
      const client = await served.connect()
      await client.send(expecting(4))
      assert.equal((await client.readAnswer()).status, 100)
      await client.send('four')
      assert.equal((await client.readAnswer()).body.toString(), 'read')
    },
  },
  {
    name: 'no 100 when the body has come already (EXP-2)',
    async run(scope) {
      const served = await scope.serve(collectBodies())
      const client = await served.connect()
      await client.send(`${expecting(4)}four`)
      const answer = await client.readAnswer()
      assert.equal(answer.status, 200)
      assert.equal(answer.body.toString(), 'four')
    },
  },
  {
    name: '100 waits for the answers before it (EXP-3)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      const other = await served.connect()
      await client.send(get('/first') + expecting(4))
      const second = await served.seen(2)
      served.late((write) => write.command(second, COMMAND_READ_ON))
      // A round trip on another connection: what could leave has left.
      for (let i = 0; i < 3; i++) {
        await other.send(get('/other'))
        const request = await served.seen(3 + i)
        served.late((write) => write.answer(request))
        await other.readAnswer()
      }
      assert.equal(client.unread(), 0, 'nothing may leave before the first answer')
      const first = served.requests[0] as SeenRequest
      served.late((write) => write.answer(first, { body: 'first' }))
      assert.equal((await client.readAnswer()).body.toString(), 'first')
      assert.equal((await client.readAnswer()).status, 100)
      await client.send('four')
      await served.event(({ kind }) => kind === EVENT_KIND_BODY_END)
      served.late((write) => write.answer(second, { body: 'second' }))
      assert.equal((await client.readAnswer()).body.toString(), 'second')
    },
  },
  {
    name: 'no 1xx to a 1.0 client that says it waits (EXP-2, VER-3)',
    async run(scope) {
      const served = await scope.serve(collectBodies(), { expectHook: true, bufferedBodySize: 1 })
      const client = await served.connect()
      await client.send(expecting(4).replace('HTTP/1.1', 'HTTP/1.0'))
      assert.equal((await served.seen(1)).flags & REQUEST_FLAG_EXPECT_CONTINUE, 0)
      await client.send('four')
      const answer = await client.readAnswer()
      assert.equal(answer.status, 200)
      assert.equal(answer.body.toString(), 'four')
      await client.readEnd()
    },
  },
  {
    name: 'a part of the body that came along makes 100 needless (EXP-2)',
    async run(scope) {
      const served = await scope.serve(collectBodies())
      const client = await served.connect()
      await client.send(`${expecting(4)}f`)
      await served.seen(1)
      await client.send('our')
      const answer = await client.readAnswer()
      assert.equal(answer.status, 200)
      assert.equal(answer.body.toString(), 'four')
    },
  },
  {
    name: 'a final answer instead of 100 closes (EXP-3)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) =>
          write.answer(request, { status: 401, phrase: 'Unauthorized' }),
      })
      const client = await served.connect()
      await client.send(expecting(4))
      const answer = await client.readAnswer()
      assert.equal(answer.status, 401)
      assert.equal(answer.value('connection'), 'close')
      await client.readEnd()
    },
  },
]
