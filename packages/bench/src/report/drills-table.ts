import type { DrillResult } from '../drills/run-drill.ts'
import { formatNumber } from './format.ts'
import type { Table } from './table.ts'

const statusList = (statuses: Readonly<Record<string, number>>): string =>
  Object.entries(statuses)
    .map(([status, count]) => `${count}×${status}`)
    .join(' ')

/** One row per drill: good clients, memory, what became of the attackers. */
export const drillsTable = (results: readonly DrillResult[]): Table => ({
  head: [
    'drill',
    'engine',
    'good p50/p99 before',
    'during',
    'after, ms',
    'failed',
    'RSS MiB',
    'peak',
    'bound',
    'timeouts',
    'resets',
    'rejected',
    'attackers got',
    'gone ms',
    'waited %',
    '',
  ],
  words: [1, 12, 15],
  rows: results.map(
    ({ drill, engine, good, memory, counters, tally, goneMs, waitedShare, problems }) => [
      drill,
      engine,
      ...(['before', 'during', 'after'] as const).map(
        (phase) =>
          `${formatNumber(good.phases[phase].p50)} / ${formatNumber(good.phases[phase].p99)}`,
      ),
      String(good.failures),
      memory.beforeMiB.toFixed(0),
      memory.peakMiB.toFixed(0),
      `+${memory.boundMiB}`,
      String(
        ['timeoutsHeader', 'timeoutsBody', 'timeoutsWrite'].reduce(
          (all, name) => all + (counters[name] ?? 0),
          0,
        ),
      ),
      String(counters.resets ?? 0),
      String(counters.rejected ?? 0),
      statusList(tally.statuses) || '–',
      goneMs.toFixed(0),
      Number.isFinite(waitedShare) ? (100 * waitedShare).toFixed(0) : '–',
      problems.length === 0 ? 'PASS' : 'FAIL',
    ],
  ),
})
