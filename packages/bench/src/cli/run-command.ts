import { Command } from 'commander'
import { caseTable, caseTitle } from '../report/run-table.ts'
import { drawTable } from '../report/table.ts'
import { runMatrix } from '../run/run-matrix.ts'
import { plannedSeconds, planRun, type RunSelection } from '../run/run-plan.ts'
import { createWorkbench } from '../workbench.ts'
import { numberList, scenarioList, serverList, wholeNumber } from './arguments.ts'
import { writeReport } from './output.ts'

interface RunFlags {
  readonly scenario?: RunSelection['scenarios']
  readonly server?: RunSelection['servers']
  readonly connections?: RunSelection['connections']
  readonly depth?: RunSelection['depths']
  readonly cycles?: number
  readonly sliceMs?: number
  readonly full?: boolean
  readonly json?: string
}

const run = async (flags: RunFlags): Promise<void> => {
  const bench = await createWorkbench()
  const plan = planRun({
    size: flags.full ? 'full' : 'short',
    scenarios: flags.scenario,
    servers: flags.server,
    connections: flags.connections,
    depths: flags.depth,
    cycles: flags.cycles,
    sliceMs: flags.sliceMs,
  })
  bench.say(
    `${plan.cases.length} cases, about ${Math.ceil(plannedSeconds(plan))} s of load; ${bench.pinningLine}`,
  )
  const report = await runMatrix(bench, plan)
  for (const result of report.cases) {
    process.stdout.write(`\n${caseTitle(result)}\n${drawTable(caseTable(result))}\n`)
  }
  const versions = report.servers.map(({ name, version }) => `${name} ${version}`).join(', ')
  process.stdout.write(
    `\n${versions}\nRatios are medians of per-cycle ratios with quartiles; 95 % is the interval of the median.\n`,
  )
  if (flags.json) await writeReport(flags.json, report, bench.say)
  if (report.partial) process.exitCode = 130
}

/** `celeris-bench run`: the matrix of scenarios and servers. */
export const runCommand = (): Command =>
  new Command('run')
    .description(
      'scenarios × servers, driven in interleaved slices; ratios to the first server of the same cycle',
    )
    .option('--scenario <names>', 'scenarios, comma separated', scenarioList)
    .option('--server <names>', 'servers, comma separated; the first is the reference', serverList)
    .option('--connections <counts>', 'connection counts, comma separated', numberList(1, 10_000))
    .option(
      '--depth <depths>',
      'requests pipelined per connection, comma separated',
      numberList(1, 64),
    )
    .option('--cycles <count>', 'cycles per case', wholeNumber(1, 100_000))
    .option('--slice-ms <ms>', 'length of one slice', wholeNumber(1, 60_000))
    .option('--short', 'the short form (the default)')
    .option('--full', 'every scenario at every load, 60 cycles')
    .option('--json <file>', 'also writes the report as JSON')
    .action(run)
