import { BenchError } from '../errors.ts'
import { type MachineFacts, machineFacts } from '../machine-facts.ts'
import { type Load, measurePair, type Timing, withWarmup } from '../measure/pair.ts'
import { createServerPool } from '../run/server-pool.ts'
import type { Scenario } from '../scenarios/scenario-list.ts'
import type { ServerKind } from '../servers/server-list.ts'
import { judge, type Quartet, type Verdict } from '../statistics/verdict.ts'
import type { Slice } from '../tools/generator.ts'
import type { Workbench } from '../workbench.ts'
import type { Side } from './sides.ts'

/** What is compared, and for how long. */
export interface ComparePlan {
  readonly server: ServerKind
  readonly cases: readonly { readonly scenario: Scenario; readonly load: Load }[]
  readonly timing: Timing
  /** How often all four processes are started anew: memory layout and compilation differ each time. */
  readonly launches: number
}

/** The verdict on one case. */
export interface CompareCase extends Verdict {
  readonly scenario: string
  readonly load: Load
  readonly cycles: number
  readonly disturbed: number
}

/** What `compare` leaves behind, as JSON. */
export interface CompareReport {
  readonly kind: 'compare'
  readonly format: 1
  readonly date: string
  readonly machine: MachineFacts
  readonly server: string
  readonly a: string
  readonly b: string
  readonly launches: number
  readonly cases: readonly CompareCase[]
  readonly partial: boolean
}

const cpu = (slice: Slice | undefined): number =>
  slice ? slice.cpuNs / slice.requests : Number.NaN

const quartets = (slices: readonly (readonly Slice[])[]): Quartet[] => {
  const [a1 = [], b1 = [], b2 = [], a2 = []] = slices
  return a1
    .map((first, cycle) => ({
      a1: cpu(first),
      b1: cpu(b1[cycle]),
      b2: cpu(b2[cycle]),
      a2: cpu(a2[cycle]),
    }))
    .filter((quartet) => Object.values(quartet).every(Number.isFinite))
}

interface Collected {
  readonly launches: Quartet[][]
  disturbed: number
}

const launchOnce = async (
  bench: Workbench,
  plan: ComparePlan,
  a: Side,
  b: Side,
  collected: readonly Collected[],
  step: (label: string) => void,
): Promise<void> => {
  const pool = createServerPool(bench.pinning)
  try {
    // A B B A: whatever drifts over a cycle hits both sides alike.
    const order = [
      ['a1', a],
      ['b1', b],
      ['b2', b],
      ['a2', a],
    ] as const
    for (const [index, { scenario, load }] of plan.cases.entries()) {
      if (bench.signal.aborted) return
      const targets = []
      for (const [name, side] of order)
        targets.push(
          await pool.target(plan.server, scenario, {
            name,
            options: side.options,
            base: side.base,
          }),
        )
      const result = await measurePair(bench.pinning, targets, load, withWarmup(plan.timing), {
        signal: bench.signal,
        onCycle: () => step(`${scenario.name} × ${load.connections}`),
      })
      const into = collected[index]
      if (result.partial || !into) return
      into.launches.push(quartets(result.slices))
      into.disturbed += result.disturbed
    }
  } finally {
    await pool.stopAll()
  }
}

/** Runs a comparison; interrupted, it judges the launches that were finished. */
export const compareSides = async (
  bench: Workbench,
  plan: ComparePlan,
  a: Side,
  b: Side,
): Promise<CompareReport> => {
  const collected: Collected[] = plan.cases.map(() => ({ launches: [], disturbed: 0 }))
  const steps = plan.launches * plan.cases.length * plan.timing.cycles
  const progress = bench.progress(steps)
  let done = 0
  try {
    for (let launch = 0; launch < plan.launches && !bench.signal.aborted; launch++)
      await launchOnce(bench, plan, a, b, collected, (label) => progress.update(++done, label))
  } finally {
    progress.end()
  }
  const cases = plan.cases.flatMap(({ scenario, load }, index): CompareCase[] => {
    const { launches, disturbed } = collected[index] ?? { launches: [], disturbed: 0 }
    if (launches.length === 0) return []
    const cycles = launches.reduce((sum, quartet) => sum + quartet.length, 0)
    return [{ scenario: scenario.name, load, ...judge(launches), cycles, disturbed }]
  })
  if (cases.length === 0)
    throw new BenchError('CELERIS_BENCH_INTERRUPTED', 'interrupted before anything was compared')
  return {
    kind: 'compare',
    format: 1,
    date: new Date().toISOString(),
    machine: await machineFacts(),
    server: plan.server.name,
    a: a.label,
    b: b.label,
    launches: plan.launches,
    cases,
    partial: bench.signal.aborted,
  }
}
