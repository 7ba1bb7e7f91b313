import { type Figures, figuresOf } from '../measure/figures.ts'
import { type Load, measurePair, type Timing, withWarmup } from '../measure/pair.ts'
import { createServerPool, type PoolOptions } from '../run/server-pool.ts'
import type { Scenario } from '../scenarios/scenario-list.ts'
import type { ServerKind } from '../servers/server-list.ts'
import type { Workbench } from '../workbench.ts'

/** What the groups of bars share. */
export interface BarsContext {
  readonly bench: Workbench
  readonly timing: Timing
  readonly size: 'short' | 'full'
  /** The server whose figures these are. */
  readonly subject: ServerKind
  /** Those that can run here; a bar whose server is missing says so. */
  readonly present: ReadonlySet<string>
}

/** One line-up of a measurement: what is driven, under which name. */
export interface Entrant {
  readonly kind: ServerKind
  readonly scenario: Scenario
  readonly start?: PoolOptions
}

/** Measures a line-up in fresh processes; figures in its order, ratios to the first. */
export const measureLineUp = async (
  { bench, timing }: BarsContext,
  entrants: readonly Entrant[],
  load: Load,
  { gapUs, timing: own }: { gapUs?: number; timing?: Timing } = {},
): Promise<Figures[]> => {
  const pool = createServerPool(bench.pinning)
  try {
    const targets = []
    for (const { kind, scenario, start } of entrants)
      targets.push(await pool.target(kind, scenario, start ?? {}))
    const { slices } = await measurePair(bench.pinning, targets, load, withWarmup(own ?? timing), {
      signal: bench.signal,
      ...(gapUs ? { gapUs } : {}),
    })
    return slices.map((mine) => figuresOf(mine, slices[0] ?? []))
  } catch (error) {
    throw await pool.explain(error)
  } finally {
    await pool.stopAll()
  }
}
