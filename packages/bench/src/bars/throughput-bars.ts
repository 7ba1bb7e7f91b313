import { scenarioNamed, serverNamed } from '../compare/compare-plan.ts'
import type { Figures, Ratio } from '../measure/figures.ts'
import type { Load, Timing } from '../measure/pair.ts'
import type { ServerKind } from '../servers/server-list.ts'
import { type Bar, besidePrototype, missingBar, ratioBar } from './bar.ts'
import { type BarsContext, type Entrant, measureLineUp } from './bars-context.ts'

// What the subject is called among its rivals: it may be one of them.
const OURS = 'ours'

const hello = (kind: ServerKind, as = kind.name): Entrant => ({
  kind,
  scenario: scenarioNamed('hello'),
  start: { name: as },
})

const inverse = ({ median, q1, q3, count, interval }: Ratio): Ratio => ({
  median: 1 / median,
  q1: 1 / q3,
  q3: 1 / q1,
  count,
  interval: { low: 1 / interval.high, high: 1 / interval.low },
})

// Ours comes first, so that each rival's ratio to it is taken cycle by cycle.
const against = async (
  context: BarsContext,
  rivals: readonly string[],
  load: Load,
  timing: Timing = context.timing,
): Promise<Map<string, Figures>> => {
  const others = ['limit', ...rivals.filter((name) => context.present.has(name))]
  const entrants = [
    hello(context.subject, OURS),
    ...others.map((name) => hello(serverNamed(name))),
    hello(serverNamed('limit'), 'limit-again'),
  ]
  const figures = await measureLineUp(context, entrants, load, { timing })
  const named = [OURS, ...others, 'limit-again'].map((name, at) => [name, figures[at]] as const)
  return new Map(named.flatMap(([name, found]) => (found ? [[name, found] as const] : [])))
}

const ratioTo = (
  field: Map<string, Figures>,
  name: string,
  pick: 'cpuRatio' | 'throughputRatio',
): Ratio | undefined => {
  const found = field.get(name)?.[pick]
  return found && inverse(found)
}

/** CPU per request of hello at 64 and 512 connections, beside the limit and the rivals. */
export const plainBars = async (context: BarsContext): Promise<Bar[]> => {
  const bars: Bar[] = []
  for (const [connections, bound, prototype] of [
    [64, 1.06, '×0.99 … 1.07'],
    [512, 1.08, '×1.04'],
  ] as const) {
    const rivals = connections === 64 ? ['uws', 'bun', 'deno', 'node-http'] : []
    const field = await against(context, rivals, { connections, depth: 1 })
    const ratio = ratioTo(field, 'limit', 'cpuRatio')
    const figure = `CPU per request, hello, ${connections} connections, to the C limit`
    if (ratio) {
      const floor = noise(field)
      bars.push(besidePrototype(ratioBar(figure, ratio, 'at most', bound, floor), prototype))
    }
    for (const rival of rivals) {
      const name = `the same, to ${rival}`
      const to = ratioTo(field, rival, 'cpuRatio')
      bars.push(
        to
          ? ratioBar(name, to, 'below', 1)
          : missingBar(name, 'below ×1', `${rival} is not installed`),
      )
    }
  }
  return bars
}

const noise = (field: Map<string, Figures>): string => {
  const [limit, again] = [field.get('limit'), field.get('limit-again')]
  if (!limit || !again) return ''
  const apart = again.cpuRatio.median / limit.cpuRatio.median
  return `two copies of the limit differ by ×${apart.toFixed(3)}`
}

/** The pipelined figures. */
export const pipelinedBars = async (context: BarsContext): Promise<Bar[]> => {
  // Twice the cycles: the split into user and system rests on clock ticks and needs many.
  const timing = { ...context.timing, cycles: 2 * context.timing.cycles }
  const field = await against(context, ['uws'], { connections: 64, depth: 16 }, timing)
  const figure = 'CPU per request, hello, 64 × 16 deep, to the C limit'
  const ratio = ratioTo(field, 'limit', 'cpuRatio')
  const notes = [noise(field), userBeyondLimit(field)].filter(Boolean).join('; ')
  const bars: Bar[] = ratio
    ? [besidePrototype(ratioBar(figure, ratio, 'at most', 1.25, notes), '×1.06')]
    : []
  const rival = 'requests/s of the same, to uWebSockets.js'
  const faster = ratioTo(field, 'uws', 'throughputRatio')
  const isVoid = field.get(OURS)?.throughputVoid
  bars.push(
    faster
      ? ratioBar(
          rival,
          faster,
          'at least',
          2,
          isVoid ? 'the generator is the limit, so this is a lower bound' : '',
        )
      : missingBar(rival, 'at least ×2', 'uws is not installed'),
  )
  return bars
}

/**
 * A cross-check of the in-process figure: in 64 × 16 some thousand requests share each system call,
 * and both sides make the same ones, so what is left of user CPU is ours.
 */
const userBeyondLimit = (field: Map<string, Figures>): string => {
  const [ours, limit] = [field.get(OURS), field.get('limit')]
  if (!ours || !limit || !Number.isFinite(ours.userUs)) return ''
  const share = ours.userUs / ours.cpuUs.median
  const errorNs =
    Math.sqrt((share * (1 - share)) / Math.max(1, ours.splitTicks)) * ours.cpuUs.median * 1e3
  return `user CPU beyond the limit's ${((ours.userUs - limit.userUs) * 1e3).toFixed(0)} ±${errorNs.toFixed(0)} ns`
}

/** json, parameters and async, each beside our own hello in the same process. */
export const scenarioBars = async (context: BarsContext): Promise<Bar[]> => {
  const names = ['hello', 'json', 'params', 'async']
  const entrants = names.map((name) => ({
    kind: context.subject,
    scenario: scenarioNamed(name),
    start: { name, key: 'ours' },
  }))
  const figures = await measureLineUp(context, entrants, { connections: 64, depth: 1 })
  return [
    { figure: 'json, CPU to our own hello, 64 connections', at: 1, bound: 1.05, prototype: '' },
    {
      figure: '`/users/:id`, CPU to our own hello, 64 connections',
      at: 2,
      bound: 1.05,
      prototype: '',
    },
    {
      figure: 'async handler, CPU to the sync one, 64 connections',
      at: 3,
      bound: 1.03,
      prototype: '×1.02',
    },
  ].flatMap(({ figure, at, bound, prototype }) => {
    const found = figures[at]
    return found
      ? [besidePrototype(ratioBar(figure, found.cpuRatio, 'at most', bound), prototype)]
      : []
  })
}
