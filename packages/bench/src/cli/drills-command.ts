import { Command, InvalidArgumentError, Option } from 'commander'
import { type Drill, drills, findDrill } from '../drills/drill-list.ts'
import { runDrills } from '../drills/run-drills.ts'
import { drillsTable } from '../report/drills-table.ts'
import { drawTable } from '../report/table.ts'
import { createWorkbench } from '../workbench.ts'
import { type WorkloadEngine, workloadEngines } from '../workload/start-workload.ts'
import { writeReport } from './output.ts'

interface DrillsFlags {
  readonly engine: WorkloadEngine
  readonly drill?: readonly Drill[]
  readonly all?: boolean
  readonly quick?: boolean
  readonly json?: string
}

const drillNamed = (name: string, chosen: readonly Drill[] = []): Drill[] => {
  const drill = findDrill(name)
  if (drill === undefined)
    throw new InvalidArgumentError(
      `"${name}" is unknown; known: ${drills.map((one) => one.name).join(', ')}.`,
    )
  return [...chosen, drill]
}

const run = async (flags: DrillsFlags): Promise<void> => {
  const bench = await createWorkbench()
  const engines = flags.all ? workloadEngines : [flags.engine]
  const size = flags.quick ? 'quick' : 'full'
  const report = await runDrills(bench, flags.drill ?? drills, engines, size)
  process.stdout.write(`${drawTable(drillsTable(report.results))}\n\n`)
  for (const { drill, engine, problems } of report.results)
    for (const problem of problems) process.stdout.write(`FAIL ${drill} on ${engine}: ${problem}\n`)
  const failed = report.results.filter(({ problems }) => problems.length > 0).length
  process.stdout.write(
    `${report.results.length - failed} of ${report.results.length} drills passed\n`,
  )
  if (flags.json) await writeReport(flags.json, report, bench.say)
  if (failed > 0) process.exitCode = 1
  else if (report.partial) process.exitCode = 130
}

/** `celeris-bench drills`: attacks with figures, good clients alongside. */
export const drillsCommand = (): Command =>
  new Command('drills')
    .description(
      'attacks a server while good clients send at a fixed rate: their latency before, during and after, peak memory, time until the attackers are gone; exit code 1 on a broken bound',
    )
    .addOption(
      new Option('--engine <name>', 'engine of the server')
        .choices(workloadEngines)
        .default('epoll'),
    )
    .option('--drill <name>', 'only this one; may be repeated', drillNamed)
    .option('--all', 'on every engine')
    .option('--quick', 'small and short, no bounds on time')
    .option('--json <file>', 'also writes the report as JSON')
    .action(run)
