import { BenchError, shortReason } from '../errors.ts'
import { type MachineFacts, machineFacts } from '../machine-facts.ts'
import { lineUp, type ServerFact } from '../run/run-matrix.ts'
import { type ServerKind, serverKinds } from '../servers/server-list.ts'
import type { Workbench } from '../workbench.ts'
import { type Bar, missingBar } from './bar.ts'
import type { BarsContext } from './bars-context.ts'
import { latencyBars } from './latency-bars.ts'
import { memoryBars } from './memory-bars.ts'
import { allocationBars, inProcessBars } from './request-bars.ts'
import { pipelinedBars, plainBars, scenarioBars } from './throughput-bars.ts'

/** What `bars` leaves behind, as JSON. */
export interface BarsReport {
  readonly kind: 'bars'
  readonly format: 1
  readonly date: string
  readonly machine: MachineFacts
  readonly pinning: string
  readonly servers: readonly ServerFact[]
  readonly bars: readonly Bar[]
  readonly partial: boolean
}

const groups: readonly {
  readonly title: string
  readonly run: (context: BarsContext) => Promise<Bar[]>
}[] = [
  { title: 'plain', run: plainBars },
  { title: 'pipelined', run: pipelinedBars },
  { title: 'in-process', run: inProcessBars },
  { title: 'scenarios', run: scenarioBars },
  { title: 'latency', run: latencyBars },
  { title: 'memory', run: memoryBars },
  { title: 'heap', run: allocationBars },
]

/** Names of the groups, for the command line. */
export const barGroups: readonly string[] = groups.map(({ title }) => title)

const attempt = async (
  { title, run }: (typeof groups)[number],
  context: BarsContext,
): Promise<Bar[]> => {
  try {
    return await run(context)
  } catch (error) {
    if (!(error instanceof BenchError)) throw error
    // One group that cannot be measured must not hide the others.
    return [missingBar(`all of "${title}"`, '–', shortReason(error.message))]
  }
}

/** Measures the promises of the project, all or those of some groups. */
export const measureBars = async (
  bench: Workbench,
  size: 'short' | 'full',
  subject: ServerKind,
  wanted: readonly string[] = barGroups,
): Promise<BarsReport> => {
  const field = await lineUp(serverKinds, bench.say)
  const present = new Set(field.present.map(({ name }) => name))
  for (const needed of ['limit', subject.name])
    if (!present.has(needed))
      throw new BenchError(
        'CELERIS_BENCH_SERVER',
        `bars needs ${needed}: run \`celeris-bench doctor\``,
      )
  const cycles = size === 'full' ? 60 : 20
  const context: BarsContext = {
    bench,
    size,
    subject,
    present,
    timing: { sliceMs: 50, cycles, warmup: 4 },
  }
  const bars: Bar[] = []
  for (const group of groups) {
    if (bench.signal.aborted || !wanted.includes(group.title)) continue
    bench.say(`measuring ${group.title} …`)
    bars.push(...(await attempt(group, context)))
  }
  return {
    kind: 'bars',
    format: 1,
    date: new Date().toISOString(),
    machine: await machineFacts(),
    pinning: bench.pinningLine,
    servers: field.servers,
    bars,
    partial: bench.signal.aborted,
  }
}
