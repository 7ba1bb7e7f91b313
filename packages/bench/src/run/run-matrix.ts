import { BenchError, shortReason } from '../errors.ts'
import { type MachineFacts, machineFacts } from '../machine-facts.ts'
import { type Figures, figuresOf } from '../measure/figures.ts'
import { type Load, measurePair, withWarmup } from '../measure/pair.ts'
import type { ServerKind } from '../servers/server-list.ts'
import type { Target } from '../tools/generator.ts'
import type { Workbench } from '../workbench.ts'
import type { Case, RunPlan } from './run-plan.ts'
import { createServerPool, type ServerPool } from './server-pool.ts'

/** A server of a report. */
export interface ServerFact {
  readonly name: string
  readonly version: string
}

/** One case of the matrix; servers in the order of the report, ratios to the first. */
export interface CaseResult {
  readonly scenario: string
  readonly load: Load
  readonly reference: string
  readonly servers: readonly { readonly name: string; readonly figures: Figures }[]
  readonly cycles: number
  readonly disturbed: number
  readonly keptDisturbed: boolean
}

/** What `run` leaves behind, as JSON. */
export interface RunReport {
  readonly kind: 'run'
  readonly format: 1
  readonly date: string
  readonly machine: MachineFacts
  readonly pinning: string
  readonly servers: readonly ServerFact[]
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
  readonly cases: readonly CaseResult[]
  /** True when it was interrupted: the cases that are there are whole. */
  readonly partial: boolean
}

interface Field {
  readonly present: readonly ServerKind[]
  readonly servers: ServerFact[]
  readonly skipped: { name: string; reason: string }[]
}

/** Tells which of the wanted servers can run here; each that cannot is said in a line. */
export const lineUp = async (
  wanted: readonly ServerKind[],
  say: (line: string) => void,
): Promise<Field> => {
  const field = {
    present: [] as ServerKind[],
    servers: [] as ServerFact[],
    skipped: [] as { name: string; reason: string }[],
  }
  for (const kind of wanted) {
    const found = await kind.availability()
    if ('missing' in found) {
      field.skipped.push({ name: kind.name, reason: found.missing })
      say(`skipped ${kind.name}: ${found.missing}`)
    } else {
      field.present.push(kind)
      field.servers.push({ name: kind.name, version: found.version })
    }
  }
  return field
}

const startTargets = async (
  pool: ServerPool,
  field: Field,
  failed: Set<string>,
  { scenario }: Case,
  say: (line: string) => void,
): Promise<Target[]> => {
  const targets: Target[] = []
  for (const kind of field.present) {
    if (failed.has(kind.name)) continue
    try {
      targets.push(await pool.target(kind, scenario))
    } catch (error) {
      if (!(error instanceof BenchError)) throw error
      // A rival that does not run here must not cost the user the whole matrix.
      failed.add(kind.name)
      const reason = shortReason(error.message)
      field.skipped.push({ name: kind.name, reason })
      say(`skipped ${kind.name}: ${reason}`)
    }
  }
  return targets
}

const caseName = ({ scenario, load }: Case): string =>
  `${scenario.name} × ${load.connections}${load.depth > 1 ? `, ${load.depth} deep` : ''}`

/** Runs the matrix. Interrupted, it returns the cases that were finished. */
export const runMatrix = async (bench: Workbench, plan: RunPlan): Promise<RunReport> => {
  const field = await lineUp(plan.servers, bench.say)
  const pool = createServerPool(bench.pinning)
  const failed = new Set<string>()
  const warmed = new Set<string>()
  const cases: CaseResult[] = []
  const progress = bench.progress(plan.cases.length * plan.timing.cycles)
  try {
    for (const [index, one] of plan.cases.entries()) {
      if (bench.signal.aborted) break
      const targets = await startTargets(pool, field, failed, one, bench.say)
      const [reference] = targets
      if (!reference)
        throw new BenchError(
          'CELERIS_BENCH_SERVER',
          'no server left to measure: run `celeris-bench doctor`',
        )
      const warm = warmed.has(one.scenario.name)
      warmed.add(one.scenario.name)
      const timing = warm ? plan.timing : withWarmup(plan.timing)
      const result = await measurePair(bench.pinning, targets, one.load, timing, {
        signal: bench.signal,
        onCycle: (done) =>
          progress.update(
            index * plan.timing.cycles + Math.min(done, plan.timing.cycles),
            caseName(one),
          ),
      })
      if (result.partial) break
      cases.push({
        scenario: one.scenario.name,
        load: one.load,
        reference: reference.name,
        servers: targets.map(({ name }, at) => ({
          name,
          figures: figuresOf(result.slices[at] ?? [], result.slices[0] ?? []),
        })),
        cycles: result.slices[0]?.length ?? 0,
        disturbed: result.disturbed,
        keptDisturbed: result.keptDisturbed,
      })
    }
  } catch (error) {
    throw await pool.explain(error)
  } finally {
    progress.end()
    await pool.stopAll()
  }
  const { servers, skipped } = field
  return {
    kind: 'run',
    format: 1,
    date: new Date().toISOString(),
    machine: await machineFacts(),
    pinning: bench.pinningLine,
    servers: servers.filter(({ name }) => !failed.has(name)),
    skipped,
    cases,
    partial: bench.signal.aborted,
  }
}
