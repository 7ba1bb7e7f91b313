// Guards of the hot path: what a request leaves on the JavaScript heap, and the shape of contexts.
import { describe, expect, test } from 'vitest'
import { runModule } from './support/child.ts'

/**
 * An engine without sockets that answers nothing: it writes one batch of records by hand and calls dispatch with it, so
 * that nothing but the path of core runs. `batch()` runs 64 requests.
 */
const RECORDING_ENGINE = `
  import {
    CONTROL_OUTPUT_USED, CONTROL_RESPONSE_COUNT, FIELDS_WORD, FIELD_LENGTHS, FIELD_NAME_HASH, FIELD_NAME_OFFSET,
    FIELD_VALUE_OFFSET, FIELD_WORDS, INPUT_OFFSET, METHOD_GET, REQUESTS_WORD, REQUEST_BODY_LENGTH, REQUEST_FIELD_COUNT,
    REQUEST_FIELD_INDEX, REQUEST_FLAG_PATH_PLAIN, REQUEST_GENERATION, REQUEST_HEAD_LENGTH, REQUEST_HEAD_OFFSET,
    REQUEST_LITERAL_ID, REQUEST_METHOD_MINOR_FLAGS, REQUEST_PATH_OFFSET, REQUEST_PATH_TARGET_LENGTH, REQUEST_SEQUENCE,
    REQUEST_SLOT, REQUEST_TARGET_OFFSET, REQUEST_WORDS, nameHash,
  } from '@celeris/engine/layout'
  import { Server } from '@celeris/core'

  const REQUESTS = 64
  export async function open(build, path, config = {}) {
    let memory, dispatch, literals
    const engine = {
      type: 'recording',
      flushesItself: true,
      async listen(options, given) {
        memory = options.memory
        literals = options.literals
        dispatch = given
        return { address: '', port: 0 }
      },
      flush() {
        memory.words[CONTROL_RESPONSE_COUNT] = 0
        memory.words[CONTROL_OUTPUT_USED] = 0
      },
      peer: () => null,
      pauseAccept() {},
      resumeAccept() {},
      close: async () => ({ drained: 0, cut: 0, elapsedMs: 0 }),
      metrics: () => ({}),
    }
    const app = new Server({ engine, ...config })
    build(app)
    await app.listen()
    const { words, bytes } = memory
    const head = 'GET ' + path + ' HTTP/1.1\\r\\nhost: localhost\\r\\n\\r\\n'
    bytes.write(head, INPUT_OFFSET, 'latin1')
    const name = INPUT_OFFSET + head.indexOf('host')
    words[FIELDS_WORD + FIELD_NAME_HASH] = nameHash('host')
    words[FIELDS_WORD + FIELD_NAME_OFFSET] = name
    words[FIELDS_WORD + FIELD_VALUE_OFFSET] = name + 6
    words[FIELDS_WORD + FIELD_LENGTHS] = 4 | (9 << 16)
    for (let k = 0; k < REQUESTS; k++) {
      const at = REQUESTS_WORD + k * REQUEST_WORDS
      words.fill(0, at, at + REQUEST_WORDS)
      words[at + REQUEST_SLOT] = k
      words[at + REQUEST_GENERATION] = 1
      words[at + REQUEST_METHOD_MINOR_FLAGS] = METHOD_GET | (1 << 8) | (REQUEST_FLAG_PATH_PLAIN << 16)
      words[at + REQUEST_HEAD_OFFSET] = INPUT_OFFSET
      words[at + REQUEST_TARGET_OFFSET] = INPUT_OFFSET + 4
      words[at + REQUEST_PATH_OFFSET] = INPUT_OFFSET + 4
      words[at + REQUEST_PATH_TARGET_LENGTH] = path.length | (path.length << 16)
      words[at + REQUEST_FIELD_COUNT] = 1
      words[at + REQUEST_HEAD_LENGTH] = head.length
      words[at + REQUEST_LITERAL_ID] = literals.find((literal) => literal.path === path)?.id ?? 0
    }
    return {
      app,
      answers: () => words[CONTROL_RESPONSE_COUNT],
      batch() {
        engine.flush()
        dispatch(0, REQUESTS, 0)
      },
    }
  }
`

/** Bytes that a request leaves on the heap, from the slope over many batches without a collection between. */
const MEASURE = `
  export function bytesPerRequest(batch, batches = 4_000) {
    // What runs once a batch is optimised late.
    for (let i = 0; i < 60_000; i++) batch()
    let least = Infinity
    for (let round = 0; round < 5; round++) {
      gc()
      const before = process.memoryUsage().heapUsed
      for (let i = 0; i < batches; i++) batch()
      const used = process.memoryUsage().heapUsed - before
      least = Math.min(least, used / (batches * 64))
    }
    return least
  }
`

const program = (body: string): string =>
  `${RECORDING_ENGINE}\n${MEASURE}\n${body}`.replaceAll(/^\s*export /gm, '')

// A new space that holds all that thousands of batches could leave, so that nothing is collected unseen.
const FLAGS = ['--expose-gc', '--max-semi-space-size=64', '--min-semi-space-size=64']

describe('JavaScript heap per request', () => {
  test.each([
    ['c.text() of a constant', `(app) => app.get('/', (c) => c.text('hello'))`],
    ['a returned string', `(app) => app.get('/', () => 'hello')`],
  ])(
    '%s allocates nothing in steady state',
    async (_, build) => {
      const { code, err, out } = await runModule(
        program(`
        const { batch, answers, app } = await open(${build}, '/')
        const bytes = bytesPerRequest(batch)
        console.log(JSON.stringify({ bytes, answers: answers(), requests: app.collector.snapshot().byClass[2] }))
      `),
        { flags: FLAGS },
      )
      expect([code, err]).toEqual([0, ''])
      const { bytes, answers, requests } = JSON.parse(out) as Record<string, number>
      expect([answers, requests]).toEqual([64, 64 * (60_000 + 5 * 4_000)])
      // One measurement of the heap costs some hundred bytes itself.
      expect(bytes).toBeLessThan(0.05)
    },
    60_000,
  )

  test('the measurement sees what a handler allocates', async () => {
    const { code, err, out } = await runModule(
      program(`
        let kept
        const { batch } = await open((app) => app.get('/', (c) => {
          kept = { a: 1, b: 2 }
          c.text('hello')
        }), '/')
        console.log(bytesPerRequest(batch, 1_000))
      `),
      { flags: FLAGS },
    )
    expect([code, err]).toEqual([0, ''])
    expect(Number(out)).toBeGreaterThan(10)
  }, 60_000)

  test('nothing stays behind: neither of sync nor of async nor of failing requests', async () => {
    const { code, err, out } = await runModule(
      program(`
        const turn = () => new Promise((resolve) => setImmediate(resolve))
        const growth = []
        for (const handler of [
          (c) => c.setHeader('x-a', '1').setCookie('b', 'c').json({ path: c.path, host: c.header('host') }),
          async (c) => { await null; c.text(c.path) },
          () => { throw Object.assign(new Error('x'), { status: 400 }) },
        ]) {
          const { batch } = await open((app) => app.get('/', handler), '/')
          const run = async () => { for (let i = 0; i < 200; i++) { batch(); if (i % 20 === 0) await turn() } }
          for (let i = 0; i < 5; i++) await run()
          gc()
          const before = process.memoryUsage().heapUsed
          for (let i = 0; i < 10; i++) await run()
          await turn()
          gc()
          growth.push((process.memoryUsage().heapUsed - before) / (10 * 200 * 64))
        }
        console.log(JSON.stringify(growth))
      `),
      { flags: ['--expose-gc'] },
    )
    expect([code, err]).toEqual([0, ''])
    for (const bytes of JSON.parse(out) as number[]) expect(bytes).toBeLessThan(2)
  }, 60_000)
})

describe('shape', () => {
  test('contexts keep one shape, whatever a request does to them', async () => {
    const { code, err, out } = await runModule(
      program(`
        const seen = []
        const keep = (c) => { seen.push(c) }
        const uses = [
          (c) => { keep(c); c.text('x') },
          (c) => { keep(c); c.setHeader('a', 'b').setCookie('a', 'b').status(201).json({}) },
          (c) => { keep(c); c.set('a', 1); void c.path; void c.query('a'); void c.cookies(); void c.signal; c.html('') },
          (c) => { keep(c); c.beforeSend(() => {}); c.onRelease(() => {}); c.bytes(new Uint8Array(1), 'a/b') },
          async (c) => { keep(c); await null; c.text(await c.bodyText()) },
          (c) => { keep(c); throw new Error('x') },
          (c) => { keep(c); return c.redirect('/x') },
        ]
        const logger = { error() {}, warn() {}, info() {}, debug() {} }
        for (const use of uses) {
          const { batch } = await open((app) => app.get('/', use), '/', { logger })
          batch()
          await new Promise((resolve) => setImmediate(resolve))
        }
        const [first] = seen
        console.log(seen.length, seen.every((c) => %HaveSameMap(c, first)), seen.every((c) => %HasFastProperties(c)))
      `),
      { flags: ['--allow-natives-syntax'] },
    )
    expect([code, err, out]).toEqual([0, '', `${7 * 64} true true\n`])
  })
})
