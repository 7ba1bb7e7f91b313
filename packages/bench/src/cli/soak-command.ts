import { Command, Option } from 'commander'
import { soakText } from '../report/soak-table.ts'
import { runSoak } from '../soak/run-soak.ts'
import { createWorkbench } from '../workbench.ts'
import { type WorkloadEngine, workloadEngines } from '../workload/start-workload.ts'
import { wholeNumber } from './arguments.ts'
import { writeReport } from './output.ts'

interface SoakFlags {
  readonly engine: WorkloadEngine
  readonly seconds: number
  readonly clients: number
  readonly seed?: number
  readonly json?: string
}

const soak = async (flags: SoakFlags): Promise<void> => {
  const bench = await createWorkbench()
  const { engine, seconds, clients } = flags
  const seed = flags.seed ?? Date.now() % 1_000_000
  const report = await runSoak(bench, { engine, seconds, clients, seed })
  process.stdout.write(`${soakText(report)}\n${report.passed ? 'PASS' : 'FAIL'}\n`)
  if (flags.json) await writeReport(flags.json, report, bench.say)
  if (!report.passed) process.exitCode = 1
  else if (bench.signal.aborted) process.exitCode = 130
}

/** `celeris-bench soak`: a mixed crowd for minutes, every reply compared, nothing may be left. */
export const soakCommand = (): Command =>
  new Command('soak')
    .description(
      'hundreds of good, slow, leaving and hostile clients on one server; every reply is compared byte for byte; exit code 1 on a wrong byte or a leak',
    )
    .addOption(
      new Option('--engine <name>', 'engine of the server')
        .choices(workloadEngines)
        .default('epoll'),
    )
    .option('--seconds <count>', 'how long', wholeNumber(1, 86_400), 120)
    .option('--clients <count>', 'how many clients at once', wholeNumber(1, 4_000), 200)
    .option('--seed <number>', 'repeats the choices of an earlier run', wholeNumber(0, 2 ** 31 - 1))
    .option('--json <file>', 'also writes the report as JSON')
    .action(soak)
