import { scenarioNamed, serverNamed } from '../compare/compare-plan.ts'
import type { Ratio } from '../measure/figures.ts'
import type { ServerKind } from '../servers/server-list.ts'
import { type Bar, besidePrototype, ratioBar } from './bar.ts'
import { type BarsContext, type Entrant, measureLineUp } from './bars-context.ts'

const PACED_GAP_US = 1000

const spinning = (kind: ServerKind, spinUs: number): Entrant => ({
  kind,
  scenario: scenarioNamed('hello'),
  // A pinned process sees one CPU, where 'auto' never spins: the figure is taken with the option set.
  start: { name: `spin-${spinUs}`, options: { spinUs } },
})

/** One connection: p50 without and with spin, and what the spin costs on sparse traffic. */
export const latencyBars = async (context: BarsContext): Promise<Bar[]> => {
  const { subject } = context
  const limit: Entrant = { kind: serverNamed('limit'), scenario: scenarioNamed('hello') }
  const one = { connections: 1, depth: 1 }
  const [, still, spun] = await measureLineUp(
    context,
    [limit, spinning(subject, 0), spinning(subject, 50)],
    one,
  )
  // A slice must hold enough requests at one per millisecond for its CPU time to mean something.
  const paced = { sliceMs: 400, cycles: context.size === 'full' ? 20 : 6, warmup: 2 }
  const [, pacedSpin] = await measureLineUp(
    context,
    [spinning(subject, 0), spinning(subject, 50)],
    one,
    {
      gapUs: PACED_GAP_US,
      timing: paced,
    },
  )
  const rows: readonly [figure: string, Ratio | undefined, bound: number, prototype: string][] = [
    ['one connection, p50 to the C limit, spinUs 0', still?.p50Ratio, 1.06, '×1.04'],
    ['one connection, p50 to the C limit, spinUs 50', spun?.p50Ratio, 0.6, '×0.40'],
    ['CPU at a request per ms, spinUs 50 to spinUs 0', pacedSpin?.cpuRatio, 1.05, ''],
  ]
  return rows.flatMap(([figure, ratio, bound, prototype]) =>
    ratio ? [besidePrototype(ratioBar(figure, ratio, 'at most', bound), prototype)] : [],
  )
}
