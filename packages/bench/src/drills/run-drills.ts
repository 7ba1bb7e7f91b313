import { type MachineFacts, machineFacts } from '../machine-facts.ts'
import type { Workbench } from '../workbench.ts'
import type { WorkloadEngine } from '../workload/start-workload.ts'
import type { Drill, DrillSize } from './drill-list.ts'
import { type DrillResult, GOOD_CONNECTIONS, GOOD_RATE, runDrill } from './run-drill.ts'

/** What a series of drills found. */
export interface DrillsReport {
  readonly kind: 'drills'
  readonly at: string
  readonly machine: MachineFacts
  readonly goodLoad: { readonly requestsPerSecond: number; readonly connections: number }
  readonly results: readonly DrillResult[]
  /** True when it was interrupted. */
  readonly partial: boolean
}

/** Runs drills one after the other, each on a server of its own. */
export const runDrills = async (
  bench: Workbench,
  drills: readonly Drill[],
  engines: readonly WorkloadEngine[],
  size: DrillSize,
): Promise<DrillsReport> => {
  const machine = await machineFacts()
  const results: DrillResult[] = []
  for (const engine of engines)
    for (const drill of drills) {
      if (bench.signal.aborted) break
      bench.say(`${drill.name} on ${engine}: ${drill.about}`)
      results.push(await runDrill(bench, drill, engine, size))
    }
  return {
    kind: 'drills',
    at: new Date().toISOString(),
    machine,
    goodLoad: { requestsPerSecond: GOOD_RATE, connections: GOOD_CONNECTIONS },
    results,
    partial: bench.signal.aborted,
  }
}
