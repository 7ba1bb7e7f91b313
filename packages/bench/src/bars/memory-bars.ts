import { scenarioNamed, serverNamed } from '../compare/compare-plan.ts'
import { type MemoryFigures, measureMemory } from '../measure/memory.ts'
import { formatNumber } from '../report/format.ts'
import type { ServerKind } from '../servers/server-list.ts'
import { type Bar, besidePrototype, valueBar } from './bar.ts'
import type { BarsContext } from './bars-context.ts'

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
  const ramp = 'RSS peak, ramp to 1 024 loaded connections'
  const many = 'RSS, 10 000 idle connections'
  return [
    besidePrototype(memoryRow('RSS idle', ours.idleMiB, theirs.idleMiB, 48), '40 MiB'),
    besidePrototype(memoryRow(many, ours.heldMiB, theirs.heldMiB, 60), '45.5 MiB'),
    besidePrototype(memoryRow(ramp, ours.rampPeakMiB, theirs.rampPeakMiB, 55), '45 MiB'),
  ]
}
