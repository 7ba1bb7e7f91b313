// Records by force: whatever stands in the block, no byte reaches a connection it was not meant for (C2, C5, R17).
import assert from 'node:assert/strict'
import {
  BLOCKS_MAX,
  OUTPUT_BYTES_MAX,
  OUTPUT_OFFSET,
  RESPONSE_KIND_COMMAND,
  RESPONSE_KIND_HEAD,
  RESPONSE_KIND_HEAD_BLOCK,
  RESPONSE_KIND_WHOLE,
} from '@celeris/engine/layout'
import type { SeenRequest } from './batch-reader.ts'
import { get } from './request-text.ts'
import { nameOf, type RecordWords, type ResponseWriter } from './response-writer.ts'
import type { CaseDefinition, Scope } from './scope.ts'

const MAX = 0x7fffffff
const MIN = -0x80000000

type Forge = (request: SeenRequest, write: ResponseWriter) => RecordWords

/** Records that name their request rightly and nothing else. */
const BAD_RECORDS: readonly (readonly [what: string, forge: Forge])[] = [
  ...[0, -1, BLOCKS_MAX - 1, BLOCKS_MAX, MAX, MIN].map((id): [string, Forge] => [
    `whole block ${id}`,
    (request) => ({ ...nameOf(request), kindFlags: RESPONSE_KIND_WHOLE, head: id }),
  ]),
  ...[0, -5, BLOCKS_MAX + 7, MAX].map((id): [string, Forge] => [
    `head block ${id}`,
    (request) => ({
      ...nameOf(request),
      kindFlags: RESPONSE_KIND_HEAD,
      head: id,
      body: OUTPUT_OFFSET,
    }),
  ]),
  ...(
    [
      [OUTPUT_OFFSET, OUTPUT_BYTES_MAX + 1],
      [OUTPUT_OFFSET, -1],
      [OUTPUT_OFFSET - 4, 4],
      [0, 64],
      [-4, 8],
      [OUTPUT_OFFSET + OUTPUT_BYTES_MAX, 1],
      [MAX, MAX],
      [OUTPUT_OFFSET, MAX],
      [MIN, 16],
    ] as const
  ).map(([body, length]): [string, Forge] => [
    `body of ${length} bytes at ${body}`,
    (request, write) => ({
      ...nameOf(request),
      kindFlags: RESPONSE_KIND_HEAD,
      head: write.headBlock({}),
      body,
      length,
    }),
  ]),
  ...[0, -1, BLOCKS_MAX, MAX].map((id): [string, Forge] => [
    `body block ${id}`,
    (request, write) => ({
      ...nameOf(request),
      kindFlags: RESPONSE_KIND_HEAD_BLOCK,
      head: write.headBlock({}),
      body: id,
    }),
  ]),
  ...[-8, 4, OUTPUT_OFFSET - 8, OUTPUT_OFFSET + OUTPUT_BYTES_MAX, MAX, MIN].map(
    (extra): [string, Forge] => [
      `extra lines at ${extra}`,
      (request, write) => ({
        ...nameOf(request),
        kindFlags: RESPONSE_KIND_HEAD,
        head: write.headBlock({}),
        body: OUTPUT_OFFSET,
        extra,
      }),
    ],
  ),
  ['kind 4', (request) => ({ ...nameOf(request), kindFlags: 4, head: 1 })],
  ['kind 255', (request) => ({ ...nameOf(request), kindFlags: 255, head: 1 })],
  ['command 99', (request) => ({ ...nameOf(request), kindFlags: RESPONSE_KIND_COMMAND, head: 99 })],
]

/** A bad record may end its connection or be dropped; it never sends a byte. */
async function forceBadRecord(scope: Scope, forge: Forge): Promise<void> {
  const served = await scope.serve({ onRequest: () => undefined })
  const victim = await served.connect()
  const bystander = await served.connect()
  await victim.send(get('/victim'))
  const request = await served.seen(1)
  await bystander.send(get('/bystander'))
  const other = await served.seen(2)
  const before = served.engine.metrics().badRecords
  served.late((write) => write.record(forge(request, write)))
  await scope.until(
    () => served.engine.metrics().badRecords === before + 1,
    'the record is counted',
  )
  served.late((write) => write.answer(other, { body: 'mine' }))
  assert.equal((await bystander.readAnswer()).body.toString(), 'mine')
  served.late((write) => write.answer(request, { body: 'good' }))
  const outcome = await Promise.race([
    victim.readAnswer().then((answer) => answer.body.toString()),
    victim
      .readUntilGone()
      .then(({ bytes }) => (bytes.length === 0 ? 'closed' : bytes.toString('latin1'))),
  ]).catch(() => 'closed')
  assert.ok(
    outcome === 'closed' || outcome === 'good' || outcome.endsWith('\r\n\r\ngood'),
    `the victim got ${outcome.slice(0, 200)}`,
  )
}

/** Sends a record that names somebody else than `request`, and expects it refused and `request` unharmed. */
async function forceStaleName(
  scope: Scope,
  rename: (request: SeenRequest) => Partial<RecordWords>,
): Promise<void> {
  const served = await scope.serve({ onRequest: () => undefined })
  const client = await served.connect()
  await client.send(get('/'))
  const request = await served.seen(1)
  const before = served.engine.metrics().staleWrites
  served.late((write) =>
    write.answer({ ...nameOf(request), ...rename(request) }, { body: 'stranger' }),
  )
  await scope.until(
    () => served.engine.metrics().staleWrites === before + 1,
    'the record is refused',
  )
  served.late((write) => write.answer(request, { body: 'mine' }))
  assert.equal((await client.readAnswer()).body.toString(), 'mine')
  await client.send(get('/next'))
  const next = await served.seen(2)
  served.late((write) => write.answer(next, { body: 'next' }))
  assert.equal((await client.readAnswer()).body.toString(), 'next')
}

const STALE_NAMES: readonly (readonly [
  what: string,
  rename: (request: SeenRequest) => Partial<RecordWords>,
])[] = [
  ['an earlier generation', ({ generation }) => ({ generation: generation - 1 })],
  ['a later generation', ({ generation }) => ({ generation: generation + 1 })],
  ['a slot nobody has', ({ slot }) => ({ slot: slot + 1 })],
  ['slot -1', () => ({ slot: -1 })],
  ['a slot beyond the table', () => ({ slot: MAX })],
  ['the smallest slot', () => ({ slot: MIN })],
  ['a sequence that is not out yet', ({ sequence }) => ({ sequence: sequence + 1 })],
  ['a sequence far ahead', ({ sequence }) => ({ sequence: sequence + 1_000_000 })],
  ['a sequence before the first', ({ sequence }) => ({ sequence: sequence - 1 })],
]

/** Slots are reused at once; answers to their former owners come later, and all of them must be refused. */
async function reuseSlots(scope: Scope): Promise<void> {
  const served = await scope.serve({
    onRequest(request, write) {
      if (request.path.startsWith('/live')) write.answer(request, { body: request.path })
    },
  })
  const rounds = scope.subject.mode === 'torture' ? 20_000 : 150
  const left: SeenRequest[] = []
  for (let round = 0; round < rounds; round++) {
    const leaver = await served.connect()
    await leaver.send(get(`/left${round}`))
    await scope.until(
      () => served.requests.at(-1)?.path === `/left${round}`,
      'the request is dispatched',
    )
    left.push(served.requests.at(-1) as SeenRequest)
    leaver.reset()
    await leaver.close()
    await scope.until(() => served.engine.metrics().active === 0, 'the slot is free')
    const owner = await served.connect()
    await owner.send(get(`/live${round}`))
    const expected = left.slice(-5)
    served.late((write) => {
      for (const request of expected) write.answer(request, { body: 'answer to a former owner' })
    })
    assert.equal((await owner.readAnswer()).body.toString(), `/live${round}`)
    await owner.close()
    await scope.until(() => served.engine.metrics().active === 0, 'the slot is free again')
  }
  const names = new Set(served.requests.map(({ slot, generation }) => `${slot} ${generation}`))
  assert.equal(names.size, 2 * rounds, 'no two connections share a name')
  assert.ok(new Set(served.requests.map(({ slot }) => slot)).size < rounds, 'slots are reused')
}

export const staleCases: readonly CaseDefinition[] = [
  ...BAD_RECORDS.map(([what, forge]) => ({
    name: `a record with ${what} is refused and counted (C5)`,
    run: (scope: Scope) => forceBadRecord(scope, forge),
  })),
  ...STALE_NAMES.map(([what, rename]) => ({
    name: `a record with ${what} is refused and counted (C2)`,
    run: (scope: Scope) => forceStaleName(scope, rename),
  })),
  {
    name: 'a second answer is refused, in one drain and in another (C2)',
    async run(scope) {
      const served = await scope.serve({
        onRequest(request, write) {
          write.answer(request, { body: 'first' })
          write.answer(request, { body: 'second' })
        },
      })
      const client = await served.connect()
      for (let round = 1; round <= 3; round++) {
        await client.send(get('/'))
        assert.equal((await client.readAnswer()).body.toString(), 'first')
        const request = await served.seen(round)
        served.late((write) => write.answer(request, { body: 'third' }))
        await scope.until(
          () => served.engine.metrics().staleWrites === 2 * round,
          'both are refused',
        )
      }
    },
  },
  {
    name: 'a second answer to a request that waits for its turn is refused (C2, C3)',
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(get('/a') + get('/b'))
      const second = await served.seen(2)
      served.late((write) => write.answer(second, { body: 'b' }))
      served.late((write) => write.answer(second, { body: 'b again' }))
      served.late((write) => write.answer(served.requests[0] as SeenRequest, { body: 'a' }))
      assert.equal((await client.readAnswer()).body.toString(), 'a')
      assert.equal((await client.readAnswer()).body.toString(), 'b')
      await scope.until(() => served.engine.metrics().staleWrites === 1, 'it is refused')
      await client.send(get('/c'))
      const third = await served.seen(3)
      served.late((write) => write.answer(third, { body: 'c' }))
      assert.equal((await client.readAnswer()).body.toString(), 'c')
    },
  },
  {
    name: 'answers delayed across the reuse of their slot never reach the new owner (R17)',
    guardMs: 60_000,
    run: reuseSlots,
  },
]
