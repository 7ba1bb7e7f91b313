import { scenarioNamed, serverNamed } from '../compare/compare-plan.ts'
import { measureHeap } from '../measure/heap.ts'
import { type MemoryFigures, measureMemory } from '../measure/memory.ts'
import { formatNumber } from '../report/format.ts'
import type { ServerKind } from '../servers/server-list.ts'
import { type Bar, missingBar, valueBar } from './bar.ts'
import type { BarsContext } from './bars-context.ts'

const HEAP_BYTES_NOTHING = 1

const beside = (ours: number, theirs: number): string =>
  `node:http ${formatNumber(theirs)} MiB in the same run${ours < theirs ? '' : ': not below it'}`

const memoryRow = (figure: string, ours: number, theirs: number, bound: number): Bar => {
  const row = valueBar(figure, ours, 'MiB', bound, beside(ours, theirs))
  return ours < theirs ? row : { ...row, verdict: 'missed' }
}

/** Resident memory: idle, beside many idle connections, and at the peak of a loaded ramp. */
export const memoryBars = async ({ bench, size, subject }: BarsContext): Promise<Bar[]> => {
  const plan = {
    heldConnections: 10_000,
    rampConnections: 1024,
    rampMs: size === 'full' ? 4000 : 2000,
    holdMs: 2000,
  }
  const hello = scenarioNamed('hello')
  const measure = (kind: ServerKind): Promise<MemoryFigures> =>
    measureMemory(bench.pinning, kind, hello, plan)
  const ours = await measure(subject)
  const theirs = await measure(serverNamed('node-http'))
  return [
    memoryRow('RSS idle', ours.idleMiB, theirs.idleMiB, 48),
    memoryRow('RSS, 10 000 idle connections', ours.heldMiB, theirs.heldMiB, 60),
    memoryRow(
      'RSS peak, ramp to 1 024 loaded connections',
      ours.rampPeakMiB,
      theirs.rampPeakMiB,
      55,
    ),
  ]
}

/** Allocations on the JavaScript heap per request; the native ones need a debug build. */
export const heapBars = async ({ bench, size, subject }: BarsContext): Promise<Bar[]> => {
  const { bytesPerRequest, roundSlopes, requestsPerRound } = await measureHeap(
    bench.pinning,
    subject,
    scenarioNamed('hello'),
    {
      rounds: size === 'full' ? 10 : 5,
      requests: 20_000,
      warmupRequests: 100_000,
      connections: 64,
    },
  )
  const figure = 'JS heap per hello request, sync'
  const note = `least of ${roundSlopes.length} rounds of ${requestsPerRound} requests; under ${HEAP_BYTES_NOTHING} B no request allocates`
  const row = valueBar(figure, Math.max(0, bytesPerRequest), 'B', 0, note)
  return [
    bytesPerRequest < HEAP_BYTES_NOTHING ? { ...row, verdict: 'met' } : row,
    missingBar(
      'native allocations per hello request',
      '0',
      'needs a debug build of the engine with a counter',
    ),
  ]
}
