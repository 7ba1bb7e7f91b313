import { BenchError } from '../errors.ts'
import type { Load, Timing } from '../measure/pair.ts'
import { findScenario, type Scenario } from '../scenarios/scenario-list.ts'
import { findServerKind, type ServerKind } from '../servers/server-list.ts'
import type { ComparePlan } from './compare-sides.ts'

const TIMINGS: Readonly<Record<'short' | 'full', { timing: Timing; launches: number }>> = {
  short: { timing: { sliceMs: 40, cycles: 25, warmup: 2 }, launches: 3 },
  full: { timing: { sliceMs: 50, cycles: 40, warmup: 4 }, launches: 6 },
}

/** The scenario of that name, for callers that know it exists. */
export const scenarioNamed = (name: string): Scenario => {
  const scenario = findScenario(name)
  if (!scenario) throw new BenchError('CELERIS_BENCH_ARGUMENT', `no scenario "${name}"`)
  return scenario
}

/** The server of that name, for callers that know it exists. */
export const serverNamed = (name: string): ServerKind => {
  const kind = findServerKind(name)
  if (!kind) throw new BenchError('CELERIS_BENCH_ARGUMENT', `no server "${name}"`)
  return kind
}

/** Makes a plan: hello plain and pipelined unless the user chose. */
export const planComparison = (
  size: 'short' | 'full',
  server: ServerKind,
  scenarios: readonly Scenario[] = [scenarioNamed('hello')],
  loads: readonly Load[] = [
    { connections: 64, depth: 1 },
    { connections: 64, depth: 16 },
  ],
): ComparePlan => ({
  server,
  cases: scenarios.flatMap((scenario) => loads.map((load) => ({ scenario, load }))),
  ...TIMINGS[size],
})
