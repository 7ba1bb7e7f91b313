import { type Slice, startGenerator, type Target } from '../tools/generator.ts'
import type { Pinning } from '../tools/pinning.ts'

/** How hard, and in what slices, the targets are driven. */
export interface Load {
  readonly connections: number
  readonly depth: number
}

/** How long a measurement takes: cycles × targets × slice. */
export interface Timing {
  readonly sliceMs: number
  readonly cycles: number
  readonly warmup: number
}

// JavaScript servers run their first thousands of requests in the interpreter.
const WARMUP_MS = 500

/** The same timing with enough warm-up for a process whose handler has not run yet. */
export const withWarmup = (timing: Timing): Timing => ({
  ...timing,
  warmup: Math.max(timing.warmup, Math.ceil(WARMUP_MS / timing.sliceMs)),
})

/** What one interleaved measurement brought, undisturbed cycles only where there are enough. */
export interface PairResult {
  /** Slices per target, in cycle order; the n-th of each belong to the same cycle. */
  readonly slices: readonly (readonly Slice[])[]
  /** Cycles repeated because another process held the servers' core. */
  readonly disturbed: number
  /** True when disturbed cycles had to be kept, because most were. */
  readonly keptDisturbed: boolean
  /** True when it was stopped before its last cycle. */
  readonly partial: boolean
}

/** Options of {@link measurePair}. */
export interface PairOptions {
  readonly signal?: AbortSignal
  readonly onCycle?: (done: number) => void
  /** Paces one connection: microseconds between two requests. */
  readonly gapUs?: number
}

const chooseCycles = (
  cycles: readonly { slices: readonly Slice[]; disturbed: boolean }[],
  wanted: number,
): { kept: readonly (readonly Slice[])[]; keptDisturbed: boolean } => {
  const quiet = cycles.filter((cycle) => !cycle.disturbed)
  const enough = quiet.length >= wanted / 2
  return { kept: (enough ? quiet : cycles).map((cycle) => cycle.slices), keptDisturbed: !enough }
}

/**
 * Drives all targets in turn, slice by slice, in rotating order. A cycle in which some server waited
 * for its core for more than a quarter of its slice is repeated, up to a quarter as many times again.
 */
export const measurePair = async (
  pinning: Pinning,
  targets: readonly Target[],
  load: Load,
  timing: Timing,
  { signal, onCycle, gapUs = 0 }: PairOptions = {},
): Promise<PairResult> => {
  const run = await startGenerator(pinning, 'pair', targets, {
    connections: load.connections,
    depth: load.depth,
    'slice-ms': timing.sliceMs,
    cycles: timing.cycles,
    warmup: timing.warmup,
    'extra-cycles': Math.ceil(timing.cycles / 4),
    ...(gapUs ? { 'gap-us': gapUs } : {}),
  })
  const stop = (): void => run.stop()
  signal?.addEventListener('abort', stop, { once: true })
  const cycles: { slices: Slice[]; disturbed: boolean }[] = []
  let current: Slice[] = []
  let finished = false
  try {
    for await (const line of run.lines) {
      if (line.type === 'slice') current.push(line)
      if (line.type === 'cycle') {
        cycles.push({ slices: current, disturbed: line.disturbed })
        current = []
        onCycle?.(cycles.length)
      }
      if (line.type === 'done') finished = true
    }
  } finally {
    signal?.removeEventListener('abort', stop)
  }
  const { kept, keptDisturbed } = chooseCycles(cycles, timing.cycles)
  return {
    slices: targets.map((_, index) =>
      kept.map((cycle) => cycle[index]).filter((slice) => slice !== undefined),
    ),
    disturbed: cycles.filter((cycle) => cycle.disturbed).length,
    keptDisturbed,
    partial: !finished,
  }
}
