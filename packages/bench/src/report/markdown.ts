import type { BarsReport } from '../bars/measure-bars.ts'
import type { CompareReport } from '../compare/compare-sides.ts'
import { machineLine } from '../machine-facts.ts'
import type { RedisReport } from '../redis/measure-redis.ts'
import type { CaseResult, RunReport } from '../run/run-matrix.ts'
import { barsTable } from './bars-table.ts'
import { compareTable } from './compare-table.ts'
import { formatRatio } from './format.ts'
import { redisHeapTable, redisPointTable, redisPointTitle } from './redis-table.ts'
import { caseTable, caseTitle } from './run-table.ts'
import { markdownTable } from './table.ts'

/** Any report this package writes. */
export type Report = RunReport | BarsReport | CompareReport | RedisReport

const OURS = 'celeris-epoll'

const origin = (report: Report): string => {
  const pinning = 'pinning' in report ? `; ${report.pinning}` : ''
  const partial = report.partial ? ' Interrupted: incomplete.' : ''
  return `${report.date.slice(0, 10)}, ${machineLine(report.machine)}${pinning}.${partial}`
}

const versions = ({ servers }: RunReport): string =>
  servers.map(({ name, version }) => `${name} ${version}`).join(', ')

// Losses stand first: a reader must not have to look for them.
const losses = (cases: readonly CaseResult[]): string => {
  const lines = cases.flatMap((one) => {
    const ours = one.servers.find(({ name }) => name === OURS)
    if (!ours) return []
    return one.servers
      .filter(
        ({ name, figures }) =>
          name !== OURS && name !== 'limit' && figures.cpuUs.median < ours.figures.cpuUs.median,
      )
      .map(({ name }) => `- ${name} needs less CPU than ${OURS} in ${caseTitle(one)}.`)
  })
  return lines.length ? `Where we lose:\n\n${lines.join('\n')}\n\n` : ''
}

const caseSection = (one: CaseResult): string =>
  `**${caseTitle(one)}**\n\n${markdownTable(caseTable(one))}`

const summary = (report: RunReport): string => {
  const columns = report.cases.filter(({ load }) => load.connections > 1)
  return markdownTable({
    head: [
      'CPU per request, to the C limit',
      ...columns.map(
        ({ scenario, load }) =>
          `${scenario}, ${load.connections}${load.depth > 1 ? ` × ${load.depth}` : ''}`,
      ),
    ],
    rows: report.servers.map(({ name }) => [
      name,
      ...columns.map(({ servers }) => {
        const found = servers.find((server) => server.name === name)
        return found ? formatRatio(found.figures.cpuRatio) : '–'
      }),
    ]),
  })
}

const runSections = (report: RunReport): Map<string, string> => {
  const foot = `\n\n${versions(report)}. ${origin(report)}`
  const sections = new Map<string, string>()
  sections.set('run', `${losses(report.cases)}${report.cases.map(caseSection).join('\n\n')}${foot}`)
  sections.set('summary', `${losses(report.cases)}${summary(report)}${foot}`)
  for (const scenario of new Set(report.cases.map((one) => one.scenario))) {
    const cases = report.cases.filter((one) => one.scenario === scenario)
    sections.set(scenario, `${losses(cases)}${cases.map(caseSection).join('\n\n')}${foot}`)
  }
  return sections
}

const redisSections = (report: RedisReport): Map<string, string> => {
  const libraries = report.libraries.map(({ name, version }) => `${name} ${version}`).join(', ')
  const foot = `\n\nRatios are ours to the row's. ${report.server}; ${libraries}. ${origin(report)}`
  const points = report.points.map(
    (one) => `**${redisPointTitle(one)}**\n\n${markdownTable(redisPointTable(one))}`,
  )
  const heap = report.heap.length ? [markdownTable(redisHeapTable(report.heap))] : []
  const sections = new Map([['redis', `${[...points, ...heap].join('\n\n')}${foot}`]])
  if (report.bars.length)
    sections.set('redis-bars', `${markdownTable(barsTable(report.bars, true))}${foot}`)
  for (const [index, one] of report.points.entries())
    sections.set(`redis-${one.point}`, `${points[index]}${foot}`)
  return sections
}

/** The sections of a report by the name a document's marker may use. */
export const reportSections = (report: Report): Map<string, string> => {
  if (report.kind === 'run') return runSections(report)
  if (report.kind === 'redis') return redisSections(report)
  if (report.kind === 'bars')
    return new Map([
      ['bars', `${markdownTable(barsTable(report.bars, true))}\n\n${origin(report)}`],
    ])
  const sides = `A: ${report.a}. B: ${report.b}. On ${report.server}, ${report.launches} launches.`
  return new Map([
    ['compare', `${sides}\n\n${markdownTable(compareTable(report.cases))}\n\n${origin(report)}`],
  ])
}

/** The whole report as Markdown. */
export const reportMarkdown = (report: Report): string => {
  const [main = ''] = reportSections(report).values()
  return `${main}\n`
}
