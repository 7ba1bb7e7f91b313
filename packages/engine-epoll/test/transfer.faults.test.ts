// Receiving and sending while the kernel takes parts, is not ready, is interrupted, or loses the peer (engines.md §10).
import assert from 'node:assert/strict'
import { EVENT_KIND_ABORTED } from '@celeris/engine/layout'
import { describe } from 'vitest'
import type { Handlers } from '../../engine/conformance/reference-dispatch.ts'
import { get, pattern } from '../../engine/conformance/request-text.ts'
import { faultTest, holdsNothing } from './support/fault-case.ts'
import { type Fault, faultReport, faults } from './support/faults.ts'
import { VISITS, visited, visitOrCut } from './support/visits.ts'

const DEPTH = 64
/** Small ones joined, and every eighth long enough to be sent from where it stands. */
const bodyOf = (index: number): Buffer => pattern(index % 8 === 7 ? 4100 : 5 + index)
const pipelined: Handlers = {
  onRequest(request, write) {
    write.answer(request, { body: bodyOf(Number(request.path.slice(1))), ownDate: true })
  },
}
const PIPELINE = Array.from({ length: DEPTH }, (_, i) =>
  get(`/${i}`, ...(i === DEPTH - 1 ? ['connection: close'] : [])),
).join('')
const ANSWERS = Buffer.concat(
  Array.from({ length: DEPTH }, (_, i) =>
    Buffer.concat([
      Buffer.from(
        `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${bodyOf(i).length}\r\n` +
          `${i === DEPTH - 1 ? 'connection: close\r\n' : ''}\r\n`,
      ),
      bodyOf(i),
    ]),
  ),
)

const LENGTH = ANSWERS.length

const SENDS: Readonly<Record<string, readonly Fault[]>> = {
  'and no more fault': [],
  'every other one with EAGAIN': [{ call: 'send', every: 2, errno: 'EAGAIN' }],
  'EINTR before each': [{ call: 'send', every: 2, errno: 'EINTR' }],
}

describe(`${DEPTH} pipelined answers are the same bytes when`, () => {
  for (const [how, script] of Object.entries(SENDS)) {
    faultTest(`a send takes k bytes, for many k, ${how} (C3, C9)`, async (scope) => {
      const served = await scope.serve(pipelined)
      for (const k of [
        1,
        2,
        3,
        7,
        13,
        31,
        64,
        95,
        96,
        97,
        160,
        4095,
        4096,
        4097,
        LENGTH - 1,
        LENGTH,
      ]) {
        faults(...script, { call: 'send', take: [k] })
        const client = await served.connect()
        await client.send(PIPELINE)
        const { how, bytes } = await client.readUntilGone()
        assert.equal(how, 'end')
        assert.ok(bytes.equals(ANSWERS), `${k} bytes at a time: ${bytes.length} bytes differ`)
        await client.close()
      }
      faults()
      await holdsNothing(scope, served)
    })
  }

  faultTest(
    'a send is cut at every byte of the first answers, then nothing is ready (C9)',
    async (scope) => {
      const served = await scope.serve(pipelined)
      for (let k = 1; k <= 250; k++) {
        faults(
          { call: 'send', from: 2, times: 2, errno: 'EAGAIN' },
          { call: 'send', take: [k], times: 1 },
        )
        const client = await served.connect()
        await client.send(PIPELINE)
        const { bytes } = await client.readUntilGone()
        assert.ok(bytes.equals(ANSWERS), `cut at ${k}`)
        await client.close()
      }
    },
  )

  faultTest('a recv takes k bytes, interrupted and not ready between (PIP-1)', async (scope) => {
    const served = await scope.serve(pipelined)
    for (const k of [1, 2, 3, 5, 7, 11, 13, 64, 1000]) {
      faults(
        { call: 'recv', every: 3, errno: 'EINTR' },
        { call: 'recv', every: 2, errno: 'EAGAIN' },
        { call: 'recv', take: [k] },
      )
      const client = await served.connect()
      await client.send(PIPELINE)
      assert.ok((await client.readUntilGone()).bytes.equals(ANSWERS), `${k} bytes at a time`)
      await client.close()
    }
  })
})

const HARMLESS = { recv: ['EINTR', 'EAGAIN'], send: ['EINTR', 'EAGAIN'] } as const
const FATAL = { recv: ['ECONNRESET', 'ETIMEDOUT'], send: ['EPIPE', 'ECONNRESET'] } as const

describe.each(['recv', 'send'] as const)('the n-th %s', (call) => {
  for (const [visit, run] of Object.entries(VISITS)) {
    for (const errno of HARMLESS[call]) {
      faultTest(`fails with ${errno}: ${visit} gets every byte`, async (scope) => {
        const served = await scope.serve(visited())
        for (let n = 1, struck = 1; struck === 1; n++) {
          faults({ call, from: n, times: 1, errno })
          const client = await served.connect()
          await run(client)
          struck = faultReport().hit[call]
          await client.close()
        }
        faults()
        await holdsNothing(scope, served)
        assert.equal(served.engine.metrics().resets, 0)
      })
    }
    for (const errno of FATAL[call]) {
      faultTest(
        `fails with ${errno}: ${visit} ends, its handlers learn it once, nothing leaks (C7)`,
        async (scope) => {
          const served = await scope.serve(visited())
          let lost = 0
          for (let n = 1, struck = 1; struck === 1; n++) {
            faults({ call, from: n, times: 1, errno }, { call: 'send', take: [60_000] })
            const client = await served.connect()
            const whole = await visitOrCut(client, run)
            struck = faultReport().made[call] >= n ? 1 : 0
            if (!whole) lost++
            await client.close()
            faults()
            await holdsNothing(scope, served)
          }
          assert.ok(lost > 0, 'some call was met')
          const aborted = served.events.filter(({ kind }) => kind === EVENT_KIND_ABORTED)
          const names = aborted.map(({ slot, generation }) => `${slot} ${generation}`)
          assert.equal(new Set(names).size, names.length, 'one notice a connection')
          assert.ok(served.engine.metrics().resets >= lost)
        },
      )
    }
  }
})
