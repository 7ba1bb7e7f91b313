import { Command } from 'commander'
import { planComparison, serverNamed } from '../compare/compare-plan.ts'
import { compareSides } from '../compare/compare-sides.ts'
import { prepareSide, type Side } from '../compare/sides.ts'
import { BenchError } from '../errors.ts'
import type { Load } from '../measure/pair.ts'
import { compareTable } from '../report/compare-table.ts'
import { drawTable } from '../report/table.ts'
import type { Scenario } from '../scenarios/scenario-list.ts'
import type { ServerKind } from '../servers/server-list.ts'
import { createWorkbench } from '../workbench.ts'
import { numberList, scenarioList, serverList } from './arguments.ts'
import { writeReport } from './output.ts'

interface CompareFlags {
  readonly scenario?: readonly Scenario[]
  readonly server?: readonly ServerKind[]
  readonly connections?: readonly number[]
  readonly depth?: readonly number[]
  readonly full?: boolean
  readonly json?: string
}

const loadsOf = ({ connections, depth }: CompareFlags): Load[] | undefined =>
  connections || depth
    ? (depth ?? [1]).flatMap((deep) =>
        (connections ?? [64]).map((count) => ({ connections: count, depth: deep })),
      )
    : undefined

const compare = async (first: string, second: string, flags: CompareFlags): Promise<void> => {
  const bench = await createWorkbench()
  const kind = flags.server?.[0] ?? serverNamed('celeris-epoll')
  const sides: Side[] = []
  try {
    for (const text of [first, second]) sides.push(await prepareSide(text, bench.say))
    const [a, b] = sides
    if (!a || !b) throw new BenchError('CELERIS_BENCH_ARGUMENT', 'compare takes two sides')
    const plan = planComparison(flags.full ? 'full' : 'short', kind, flags.scenario, loadsOf(flags))
    const report = await compareSides(bench, plan, a, b)
    process.stdout.write(
      `A = ${a.label}\nB = ${b.label}\non ${kind.name}, ${report.launches} launches\n\n${drawTable(compareTable(report.cases))}\n`,
    )
    if (flags.json) await writeReport(flags.json, report, bench.say)
    if (report.cases.some(({ verdict }) => verdict === 'slower')) process.exitCode = 1
    if (report.partial) process.exitCode = 130
  } finally {
    for (const side of sides) await side.remove()
  }
}

/** `celeris-bench compare`: does B cost more CPU than A? */
export const compareCommand = (): Command =>
  new Command('compare')
    .description(
      'paired A/B of two git revisions, or of two option sets such as \'{"spinUs":0}\'; exit code 1 when B is slower',
    )
    .argument('<a>', 'revision, or JSON object of server options')
    .argument('<b>', 'the same, judged against A')
    .option('--server <name>', 'the server that is compared (celeris-epoll)', serverList)
    .option('--scenario <names>', 'scenarios, comma separated (hello)', scenarioList)
    .option('--connections <counts>', 'connection counts, comma separated', numberList(1, 10_000))
    .option('--depth <depths>', 'requests pipelined, comma separated', numberList(1, 64))
    .option('--full', '6 launches of 40 cycles instead of 3 of 25')
    .option('--json <file>', 'also writes the report as JSON')
    .action(compare)
