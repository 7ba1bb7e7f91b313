import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { figuresOf } from '../src/measure/figures.ts'
import { residentMemory } from '../src/measure/memory.ts'
import { measurePair } from '../src/measure/pair.ts'
import { findScenario } from '../src/scenarios/scenario-list.ts'
import { findServerKind } from '../src/servers/server-list.ts'
import { type RunningServer, startServer } from '../src/servers/start-server.ts'
import { compilerVersion } from '../src/tools/compile.ts'
import { startGenerator, type Target } from '../src/tools/generator.ts'
import { findPinning, type Pinning } from '../src/tools/pinning.ts'

const reason =
  process.platform !== 'linux'
    ? 'needs Linux'
    : (await compilerVersion())
      ? ''
      : 'no C compiler here'
if (reason) process.stderr.write(`generator.test.ts skipped: ${reason}\n`)

const hello = findScenario('hello')
const limit = findServerKind('limit')
const load = { connections: 8, depth: 4 }
const timing = { sliceMs: 20, cycles: 6, warmup: 1 }

describe.skipIf(reason)('the load generator against the C limit', () => {
  let pinning: Pinning
  let server: RunningServer
  let target: Target

  beforeAll(async () => {
    if (!hello || !limit) throw new Error('the hello scenario and the limit are gone')
    pinning = await findPinning()
    server = await startServer(pinning, limit, { scenario: hello })
    target = { name: 'limit', pid: server.pid, port: server.port, path: '/hello', body: hello.body }
  }, 60_000)

  afterAll(() => server?.stop())

  it('measures interleaved slices of two targets', async () => {
    const targets = [target, { ...target, name: 'again' }]
    const { slices, partial } = await measurePair(pinning, targets, load, timing)
    expect(partial).toBe(false)
    expect(slices.map((mine) => mine.length)).toSatisfy(
      ([a, b]: number[]) => a === b && (a ?? 0) >= 3,
    )
    const [first = [], second = []] = slices
    const figures = figuresOf(second, first)
    expect(figures.cpuUs.median).toBeGreaterThan(0)
    expect(figures.requests).toBeGreaterThan(100)
    expect(figures.p99Us.median).toBeGreaterThanOrEqual(figures.p50Us.median)
  })

  it('keeps answers apart that come pipelined and cut', async () => {
    const { slices } = await measurePair(pinning, [target], { connections: 1, depth: 64 }, timing)
    for (const slice of slices[0] ?? []) expect(slice.requests % 64).toBe(0)
  })

  it('paces one connection', async () => {
    const paced = { sliceMs: 50, cycles: 2, warmup: 0 }
    const { slices } = await measurePair(pinning, [target], { connections: 1, depth: 1 }, paced, {
      gapUs: 1000,
    })
    for (const slice of slices[0] ?? []) expect(slice.requests).toBeLessThanOrEqual(51)
  })

  it('sends exactly as many requests as asked', async () => {
    const run = await startGenerator(pinning, 'count', [target], { connections: 4 })
    expect((await run.lines.next()).value).toEqual({ type: 'ready' })
    run.write('1000')
    expect((await run.lines.next()).value).toMatchObject({ type: 'slice', requests: 1000 })
    run.endInput()
    expect((await run.lines.next()).value).toEqual({ type: 'done' })
  })

  it('gives up on a wrong body', async () => {
    const wrong = { ...target, body: 'Hello, Mars!!' }
    await expect(measurePair(pinning, [wrong], load, timing)).rejects.toMatchObject({
      code: 'CELERIS_BENCH_ANSWER',
      message: expect.stringContaining('a body other than the agreed one'),
    })
  })

  it('reads the memory of a process', async () => {
    const { rssMiB, peakMiB } = await residentMemory(server.pid)
    expect(rssMiB).toBeGreaterThan(0)
    expect(peakMiB).toBeGreaterThanOrEqual(rssMiB)
  })
})
