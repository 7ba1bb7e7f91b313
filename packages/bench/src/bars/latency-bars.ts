import { scenarioNamed, serverNamed } from '../compare/compare-plan.ts'
import type { Figures, Ratio } from '../measure/figures.ts'
import { formatNumber } from '../report/format.ts'
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
  const [bare, still, spun] = await measureLineUp(
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
  // Spinning begins when waits are shorter than its window: on a busy machine none is.
  const p50 = (mine: Figures | undefined): string =>
    mine && bare
      ? `p50 ${formatNumber(mine.p50Us.median)} µs, the limit's ${formatNumber(bare.p50Us.median)}`
      : ''
  const rows: readonly (readonly [
    figure: string,
    ratio: Ratio | undefined,
    bound: number,
    prototype: string,
    note: string,
  ])[] = [
    ['one connection, p50 to the C limit, spinUs 0', still?.p50Ratio, 1.06, '×1.04', p50(still)],
    ['one connection, p50 to the C limit, spinUs 50', spun?.p50Ratio, 0.6, '×0.40', p50(spun)],
    ['CPU at a request per ms, spinUs 50 to spinUs 0', pacedSpin?.cpuRatio, 1.05, '', ''],
  ]
  return rows.flatMap(([figure, ratio, bound, prototype, note]) =>
    ratio ? [besidePrototype(ratioBar(figure, ratio, 'at most', bound, note), prototype)] : [],
  )
}
