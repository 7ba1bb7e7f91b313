import { measurePair, withWarmup } from '../measure/pair.ts'
import { createServerPool } from '../run/server-pool.ts'
import type { ServerKind, ServerOptions } from '../servers/server-list.ts'
import { summarize } from '../statistics/summary.ts'
import type { Workbench } from '../workbench.ts'
import { planComparison, scenarioNamed } from './compare-plan.ts'
import { type CompareCase, compareSides } from './compare-sides.ts'
import type { Side } from './sides.ts'

/** One thing `compare` must see, or must not. */
export interface SelftestRow {
  readonly planted: string
  readonly expected: CompareCase['verdict']
  readonly found: CompareCase
  readonly passed: boolean
}

const PLANTED_SHARE = 0.05

const side = (label: string, options: ServerOptions): Side => ({
  label,
  options,
  base: '',
  remove: async () => {},
})

const cpuNsPerRequest = async (bench: Workbench, kind: ServerKind): Promise<number> => {
  const pool = createServerPool(bench.pinning)
  try {
    const target = await pool.target(kind, scenarioNamed('hello'))
    const load = { connections: 64, depth: 1 }
    const timing = withWarmup({ sliceMs: 50, cycles: 10, warmup: 4 })
    const { slices } = await measurePair(bench.pinning, [target], load, timing)
    return summarize((slices[0] ?? []).map((slice) => slice.cpuNs / slice.requests)).median
  } finally {
    await pool.stopAll()
  }
}

/**
 * Proves that `compare` sees what it should and only that: A against A, then A against a copy that
 * burns 5 % more CPU in each request.
 */
export const selftest = async (bench: Workbench, kind: ServerKind): Promise<SelftestRow[]> => {
  const load = { connections: 64, depth: 1 }
  // More launches than a user's short run: a planted 5 % is to be seen on a busy machine, too.
  const plan = { ...planComparison('short', kind, [scenarioNamed('hello')], [load]), launches: 5 }
  const burnNs = Math.round(PLANTED_SHARE * (await cpuNsPerRequest(bench, kind)))
  const rows: SelftestRow[] = []
  for (const [planted, options, expected] of [
    ['nothing (A against A)', {}, 'same'],
    [`5 % of CPU (${burnNs} ns per request)`, { burnNs }, 'slower'],
  ] as const) {
    bench.say(`planted: ${planted}`)
    const report = await compareSides(bench, plan, side('A', {}), side('B', options))
    const [found] = report.cases
    if (found) rows.push({ planted, expected, found, passed: found.verdict === expected })
  }
  return rows
}
