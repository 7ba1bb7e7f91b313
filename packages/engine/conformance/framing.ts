// The table of request bytes over a socket: whole, byte by byte and in random pieces, each alone and behind a good
// request, each followed by a probe that must be answered after an accepted request and never after a refused one.
import assert from 'node:assert/strict'
import {
  REQUEST_FLAG_ABSOLUTE_FORM,
  REQUEST_FLAG_BODY_COMPLETE,
  REQUEST_FLAG_CHUNKED,
  REQUEST_FLAG_CLOSE,
  REQUEST_FLAG_EXPECT_CONTINUE,
  REQUEST_FLAG_KEEP_ALIVE_1_0,
  REQUEST_FLAG_PATH_PLAIN,
  REQUEST_FLAG_UPGRADE,
} from '@celeris/engine/layout'
import type { RawAnswer } from './answer-parser.ts'
import type { SeenRequest } from './batch-reader.ts'
import { collectBodies } from './body-collector.ts'
import {
  type AcceptedRequest,
  probeRequest,
  type RequestCase,
  type RequestCaseFlag,
  requestCases,
  requestLimits,
  requestText,
} from './cases/requests.mjs'
import { seededRandom, seedOf } from './random.ts'
import type { RawClient } from './raw-client.ts'
import { get } from './request-text.ts'
import type { CaseDefinition, Scope, Served } from './scope.ts'

const FLAGS: Readonly<Record<RequestCaseFlag, number>> = {
  CLOSE: REQUEST_FLAG_CLOSE,
  BODY_COMPLETE: REQUEST_FLAG_BODY_COMPLETE,
  CHUNKED: REQUEST_FLAG_CHUNKED,
  EXPECT_CONTINUE: REQUEST_FLAG_EXPECT_CONTINUE,
  UPGRADE: REQUEST_FLAG_UPGRADE,
  KEEP_ALIVE_1_0: REQUEST_FLAG_KEEP_ALIVE_1_0,
  PATH_PLAIN: REQUEST_FLAG_PATH_PLAIN,
  ABSOLUTE_FORM: REQUEST_FLAG_ABSOLUTE_FORM,
}

/** Most pieces a long case is cut into. */
const PIECES_MAX = 400

/** How the bytes of a case reach the engine. */
interface Variant {
  readonly name: string
  /** A request that is answered stands before them. */
  readonly good: boolean
  readonly send: (client: RawClient, text: string, seed: number) => Promise<void>
}

const CUTS: readonly Omit<Variant, 'good'>[] = [
  { name: 'whole', send: (client, text) => client.send(text) },
  {
    name: 'byte by byte',
    send: (client, text) => client.sendPieces(text, Math.ceil(text.length / PIECES_MAX)),
  },
  {
    name: 'in random pieces',
    send: (client, text, seed) => {
      const random = seededRandom(seed)
      const most = Math.max(12, Math.ceil(text.length / PIECES_MAX) * 4)
      return client.sendPieces(text, () => 1 + random(most))
    },
  },
]

const VARIANTS: readonly Variant[] = CUTS.flatMap((cut) => [
  { ...cut, good: false },
  { ...cut, good: true, name: `${cut.name}, behind a good request` },
])

function checkRecord(request: SeenRequest, expected: AcceptedRequest): void {
  assert.equal(request.method, expected.method)
  assert.equal(request.target, expected.target)
  assert.equal(request.path, expected.path)
  assert.equal(request.minor, expected.minor)
  if (expected.fields !== undefined) assert.deepEqual(request.fields, expected.fields)
  assert.equal(
    (request.flags & REQUEST_FLAG_BODY_COMPLETE) !== 0,
    request.body !== null,
    'BODY_COMPLETE tells whether the body is here',
  )
  if (expected.flags === undefined) return
  // PATH_PLAIN is a promise: an engine may leave it out, never claim too much.
  // A body that came along needs no 100 Continue (EXP-2): an engine may forget that it was expected.
  const forgotten = request.body === null ? 0 : REQUEST_FLAG_EXPECT_CONTINUE
  const exact = ~(REQUEST_FLAG_BODY_COMPLETE | REQUEST_FLAG_PATH_PLAIN | forgotten)
  const wanted = expected.flags.reduce((flags, name) => flags | FLAGS[name], 0)
  assert.equal(
    request.flags & exact,
    wanted & exact,
    `flags ${request.flags.toString(2)} of ${wanted.toString(2)}`,
  )
  if ((request.flags & REQUEST_FLAG_PATH_PLAIN) !== 0)
    assert.ok((wanted & REQUEST_FLAG_PATH_PLAIN) !== 0, 'path is not plain')
}

async function nextFinalAnswer(client: RawClient, method: string): Promise<RawAnswer> {
  for (;;) {
    const answer = await client.readAnswer(method)
    if (answer.status !== 100) return answer
  }
}

async function checkAccepted(
  client: RawClient,
  served: Served,
  expected: AcceptedRequest,
  index: number,
): Promise<void> {
  const answer = await nextFinalAnswer(client, expected.method)
  assert.equal(answer.status, 200)
  if (expected.method !== 'HEAD') assert.equal(answer.body.toString('latin1'), expected.body)
  else assert.equal(answer.value('content-length'), String(expected.body.length))
  checkRecord(served.requests[index] as SeenRequest, expected)
  if (!expected.persists) {
    assert.equal(answer.value('connection'), 'close')
    return await client.readEnd()
  }
  const probe = await client.readAnswer()
  assert.equal(probe.status, 200)
  assert.equal(served.requests.at(-1)?.path, '/probe')
}

async function checkRefused(
  client: RawClient,
  served: Served,
  text: string,
  statuses: readonly number[],
): Promise<void> {
  const method = text.startsWith('HEAD ') ? 'HEAD' : 'GET'
  const answer = await client.readAnswer(method)
  assert.ok(
    statuses.includes(answer.status),
    `answered ${answer.status}, expected ${statuses.join(' or ')}`,
  )
  assert.equal(answer.value('connection'), 'close', 'CON-3')
  if (answer.value('x-handler') === undefined) {
    assert.equal(answer.value('content-type'), 'text/plain; charset=utf-8')
    assert.equal(answer.body.toString(), method === 'HEAD' ? '' : answer.phrase)
    assert.ok(answer.value('date') !== undefined, 'RES-2: errors have a date')
  }
  await client.readEnd()
  assert.ok(!served.requests.some(({ path }) => path === '/probe'), 'the probe must never run')
}

/** Rows that differ in one byte are sent whole, in bytes and in random pieces, but not each of them twice. */
const SWEEP_VARIANTS: readonly Variant[] = VARIANTS.filter(
  ({ name, good }) => good !== (name === 'byte by byte'),
)

/** Sends one case in one way and checks everything that is said about it. */
async function runVariant(
  scope: Scope,
  served: Served,
  requestCase: RequestCase,
  { good, send }: Variant,
  seed: number,
): Promise<void> {
  const text = requestText(requestCase)
  served.requests.length = 0
  const client = await served.connect()
  await send(client, (good ? get('/good') : '') + text + probeRequest, seed)
  if (good) assert.equal((await client.readAnswer()).status, 200)
  const { accepted, refused } = requestCase
  if (accepted !== undefined) await checkAccepted(client, served, accepted, good ? 1 : 0)
  if (refused !== undefined) {
    const statuses = scope.subject.differences === 'node' ? refused.nodeStatuses : [refused.status]
    await checkRefused(client, served, text, statuses)
  }
  await client.close()
}

/** The bytes up to the first that decides are refused without waiting for another one (RL-2, RL-3, RL-5, FLD-4). */
async function runDecided(served: Served, requestCase: RequestCase): Promise<void> {
  const { decidedAt, refused } = requestCase
  if (decidedAt === undefined || refused === undefined) return
  served.requests.length = 0
  const text = requestText(requestCase).slice(0, decidedAt)
  const client = await served.connect()
  await client.send(text)
  await checkRefused(client, served, text, [refused.status])
  await client.close()
}

async function runTableCase(scope: Scope, requestCase: RequestCase): Promise<void> {
  const served = await scope.serve(collectBodies(), requestLimits)
  const variants = requestCase.sweep === true ? SWEEP_VARIANTS : VARIANTS
  const rounds = scope.subject.mode === 'torture' ? 20 : 1
  for (let round = 0; round < rounds; round++) {
    const seed = seedOf(requestCase.name) + round
    for (const variant of variants) {
      try {
        await runVariant(scope, served, requestCase, variant, seed)
      } catch (error) {
        const { message } = error as Error
        throw new Error(`${variant.name}, seed ${seed}: ${message}`, { cause: error })
      }
    }
  }
  // node's parser is asked about a head when it is complete.
  if (scope.subject.differences !== 'node') await runDecided(served, requestCase)
}

export const framingCases: readonly CaseDefinition[] = requestCases.map((requestCase) => ({
  name: requestCase.name,
  ...(requestCase.nativeOnly === undefined ? {} : { nativeOnly: requestCase.nativeOnly }),
  run: (scope: Scope) => runTableCase(scope, requestCase),
}))
