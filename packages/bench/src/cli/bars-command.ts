import { Command, InvalidArgumentError } from 'commander'
import { barGroups, measureBars } from '../bars/measure-bars.ts'
import { serverNamed } from '../compare/compare-plan.ts'
import { barsTable } from '../report/bars-table.ts'
import { drawTable } from '../report/table.ts'
import type { ServerKind } from '../servers/server-list.ts'
import { createWorkbench } from '../workbench.ts'
import { serverList } from './arguments.ts'
import { writeReport } from './output.ts'

const groupList = (text: string): string[] =>
  text.split(',').map((name) => {
    if (!barGroups.includes(name))
      throw new InvalidArgumentError(`"${name}" is unknown; known: ${barGroups.join(', ')}.`)
    return name
  })

interface BarsFlags {
  readonly only?: readonly string[]
  readonly server?: readonly ServerKind[]
  readonly full?: boolean
  readonly json?: string
}

const bars = async (flags: BarsFlags): Promise<void> => {
  const bench = await createWorkbench()
  const report = await measureBars(
    bench,
    flags.full ? 'full' : 'short',
    flags.server?.[0] ?? serverNamed('celeris-epoll'),
    flags.only,
  )
  process.stdout.write(`${drawTable(barsTable(report.bars, false))}\n`)
  const missed = report.bars.filter(({ verdict }) => verdict !== 'met').length
  process.stdout.write(`\n${report.bars.length - missed} of ${report.bars.length} bars met\n`)
  if (flags.json) await writeReport(flags.json, report, bench.say)
  if (report.partial) process.exitCode = 130
}

/** `celeris-bench bars`: every promise of the project, with its figure. */
export const barsCommand = (): Command =>
  new Command('bars')
    .description('the figures this project promises: measured, bar, met or missed')
    .option('--only <groups>', `some of: ${barGroups.join(', ')}`, groupList)
    .option('--server <name>', 'the server whose figures they are (celeris-epoll)', serverList)
    .option('--short', 'the short form (the default)')
    .option('--full', '60 cycles instead of 20')
    .option('--json <file>', 'also writes the report as JSON')
    .action(bars)
