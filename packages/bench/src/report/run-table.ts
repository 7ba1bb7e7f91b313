import type { CaseResult } from '../run/run-matrix.ts'
import { formatInterval, formatNumber, formatRatio } from './format.ts'
import type { Table } from './table.ts'

const percent = (share: number): string =>
  Number.isFinite(share) ? `${Math.round(share * 100)} %` : '–'

/** The title of a case: scenario, connections, depth, and how clean its cycles were. */
export const caseTitle = ({
  scenario,
  load,
  cycles,
  disturbed,
  keptDisturbed,
}: CaseResult): string => {
  const pipelined = load.depth > 1 ? `, ${load.depth} requests deep` : ''
  const connections = load.connections === 1 ? '1 connection' : `${load.connections} connections`
  const noise = disturbed ? `, ${disturbed} disturbed ${keptDisturbed ? 'kept' : 'left out'}` : ''
  return `${scenario}, ${connections}${pipelined} (${cycles} cycles${noise})`
}

/** The table of a case: CPU per request first, as it is what can be trusted on a shared machine. */
export const caseTable = (result: CaseResult): Table => ({
  head: [
    'server',
    'CPU µs/req',
    `to ${result.reference}`,
    '95 %',
    'user + sys µs',
    'p50 µs',
    `to ${result.reference}`,
    'p90',
    'p99',
    'req/s',
    'busy srv/gen',
  ],
  rows: result.servers.map(({ name, figures }) => [
    name,
    formatNumber(figures.cpuUs.median),
    formatRatio(figures.cpuRatio),
    formatInterval(figures.cpuRatio),
    `${formatNumber(figures.userUs)} + ${formatNumber(figures.systemUs)}`,
    formatNumber(figures.p50Us.median),
    formatRatio(figures.p50Ratio),
    formatNumber(figures.p90Us.median),
    formatNumber(figures.p99Us.median),
    figures.throughputVoid ? 'void' : formatNumber(figures.requestsPerSecond.median),
    `${percent(figures.serverBusy)} / ${percent(figures.generatorBusy)}`,
  ]),
})
