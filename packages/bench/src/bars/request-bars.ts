import { scenarioNamed } from '../compare/compare-plan.ts'
import { BenchError, shortReason } from '../errors.ts'
import { type HeapFigures, measureHeap } from '../measure/heap.ts'
import {
  type InProcessPlan,
  measureAllocations,
  measureInProcess,
  type NativeAllocations,
} from '../measure/in-process.ts'
import { formatNumber } from '../report/format.ts'
import { type Bar, besidePrototype, missingBar, valueBar } from './bar.ts'
import type { BarsContext } from './bars-context.ts'

// As many connections as fill one batch with 16 requests each.
const plan = (size: 'short' | 'full'): InProcessPlan => ({
  connections: 48,
  depth: 16,
  rounds: size === 'full' ? 60 : 25,
  turns: 300,
  warmupTurns: 2000,
})

// The engine's own sources are what is compiled, so there is no such figure of another server.
const isOurs = ({ subject }: BarsContext): boolean => subject.name === 'celeris-epoll'

/** What a hello costs without the kernel. */
export const inProcessBars = async (context: BarsContext): Promise<Bar[]> => {
  const figure = 'JS + parse + emit of a hello, in-process'
  if (!isOurs(context)) return [missingBar(figure, 'at most 90 ns', 'only of celeris-epoll')]
  const { connections, depth, ...rest } = plan(context.size)
  const found = await measureInProcess(context.bench.pinning, scenarioNamed('hello'), {
    connections,
    depth,
    ...rest,
  })
  const note = [
    `median of ${found.cpuNs.count} rounds, least ${formatNumber(found.leastNs)}`,
    `parse ${formatNumber(found.parseNs)} + JS ${formatNumber(found.jsNs)} + emit ${formatNumber(found.emitNs)}`,
    `${connections} connections, ${depth} deep`,
    `1 deep ${formatNumber(found.singleCpuNs.median)}`,
  ].join('; ')
  return [besidePrototype(valueBar(figure, found.cpuNs.median, 'ns', 90, note), '42 ns')]
}

const HEAP_BYTES_NOTHING = 1
const ALLOCATIONS_NOTHING = 0.001

const nativeFigure = async ({ bench, size }: BarsContext): Promise<NativeAllocations | string> => {
  try {
    return await measureAllocations(bench.pinning, scenarioNamed('hello'), plan(size))
  } catch (error) {
    if (!(error instanceof BenchError)) throw error
    return shortReason(error.message)
  }
}

const allocationRow = (heap: HeapFigures, native: NativeAllocations | string): Bar => {
  const figure = 'JS heap allocation per hello request, sync'
  const { bytesPerRequest, roundSlopes, requestsPerRound } = heap
  const bytes = Math.max(0, bytesPerRequest)
  const counted = typeof native === 'string' ? undefined : native
  const total = counted ? counted.enginePerRequest + counted.jsPerRequest : Number.NaN
  const heapMet = bytes < HEAP_BYTES_NOTHING
  const nativeNote =
    typeof native === 'string'
      ? `native allocations not counted: ${native}`
      : `beside them ${formatNumber(native.perTurn)} native per loop turn, by Node-API`
  return {
    figure,
    measured: `${formatNumber(bytes)} B, ${counted ? formatNumber(total) : '–'} native`,
    prototype: '0',
    bar: '0 B, 0 native',
    verdict:
      heapMet && !counted
        ? 'not measured'
        : heapMet && total < ALLOCATIONS_NOTHING
          ? 'met'
          : 'missed',
    note: `heap: least of ${roundSlopes.length} rounds of ${requestsPerRound} requests, under ${HEAP_BYTES_NOTHING} B no request allocates; ${nativeNote}`,
  }
}

/** What a hello allocates: on the JS heap of a real server, natively in process. */
export const allocationBars = async (context: BarsContext): Promise<Bar[]> => {
  const { bench, size, subject } = context
  const heap = await measureHeap(bench.pinning, subject, scenarioNamed('hello'), {
    rounds: size === 'full' ? 10 : 5,
    requests: 20_000,
    warmupRequests: 100_000,
    connections: 64,
  })
  const native = isOurs(context) ? await nativeFigure(context) : 'only of celeris-epoll'
  return [allocationRow(heap, native)]
}
