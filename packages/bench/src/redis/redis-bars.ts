import { type Bar, besidePrototype, missingBar, ratioBar } from '../bars/bar.ts'
import type { RedisPointResult, RedisRatios } from './redis-figures.ts'

interface Promised {
  readonly point: string
  readonly rival: string
  readonly figure: keyof RedisRatios
  readonly kind: 'at least' | 'at most'
  readonly bound: number
  /** What the throw-away prototype showed. */
  readonly prototype: string
  /** Met as long as the bound lies within the interval. */
  readonly withinInterval?: true
}

const atLeast = (point: string, rival: string, bound: number, prototype = ''): Promised => ({
  point,
  rival,
  figure: 'ops',
  kind: 'at least',
  bound,
  prototype,
})
const cpuAtMost = (point: string, rival: string, bound: number, prototype = ''): Promised => ({
  point,
  rival,
  figure: 'cpu',
  kind: 'at most',
  bound,
  prototype,
})

const promises: readonly Promised[] = [
  atLeast('64', 'ioredis', 5, '×11 [4.0..12.5]'),
  cpuAtMost('64', 'ioredis', 0.15, '×0.10'),
  atLeast('512', 'ioredis', 8, '×9.6 [7.4..13.3]'),
  cpuAtMost('512', 'ioredis', 0.15, '×0.076'),
  atLeast('64', 'ioredis-auto', 3),
  atLeast('512', 'ioredis-auto', 3),
  atLeast('pipeline', 'ioredis', 2.5, '×3.3 [2.9..3.9]'),
  cpuAtMost('pipeline', 'ioredis', 1 / 3, '×0.22'),
  { point: '1', rival: 'ioredis', figure: 'p50', kind: 'at most', bound: 1, prototype: '×0.88' },
  { ...atLeast('64k', 'ioredis', 1), withinInterval: true },
  { ...cpuAtMost('64k', 'ioredis', 1, '×1.05..1.12'), withinInterval: true },
  atLeast('cluster', 'ioredis', 2, '×2.3..3.6'),
  cpuAtMost('cluster', 'ioredis', 0.2),
]

const words = { ops: 'ops/s', cpu: 'CPU per op', p50: 'p50' } as const

const SERVER_LIMIT = 0.9

/** Says where the server, not the client, set the pace of the subject. */
const limitNote = ({ sides: [subject] }: RedisPointResult): string =>
  subject && subject.serverBusy > SERVER_LIMIT
    ? `the server was the limit (${Math.round(subject.serverBusy * 100)} % busy)`
    : ''

const rounded = (bound: number): number => Number(bound.toFixed(3))

const promiseBar = (results: readonly RedisPointResult[], promised: Promised): Bar => {
  const { point, rival, figure, kind, withinInterval, prototype } = promised
  const bound = rounded(promised.bound)
  const result = results.find((one) => one.point === point)
  const ratio = result?.sides.find(({ name }) => name === rival)?.ratios?.[figure]
  const title = `${result?.title ?? point}: ${words[figure]} to ${rival}`
  if (!result || !ratio)
    return besidePrototype(missingBar(title, `${kind} ×${bound}`, 'not in this run'), prototype)
  const note = figure === 'ops' ? limitNote(result) : ''
  const bar = besidePrototype(ratioBar(title, ratio, kind, bound, note), prototype)
  const { low, high } = ratio.interval
  const tolerated = withinInterval && low <= bound && high >= bound
  return tolerated ? { ...bar, bar: `${bar.bar}, or in its interval`, verdict: 'met' } : bar
}

/** A rival beaten everywhere: the row shows the closest point, the note those that were lost. */
const everywhereBar = (
  results: readonly RedisPointResult[],
  rival: string,
  figure: 'ops' | 'cpu',
): Bar[] => {
  const found = results.flatMap((result) => {
    const ratio = result.sides.find(({ name }) => name === rival)?.ratios?.[figure]
    return ratio
      ? [{ result, ratio, lead: figure === 'ops' ? ratio.median : 1 / ratio.median }]
      : []
  })
  const closest = [...found].sort((a, b) => a.lead - b.lead)[0]
  if (!closest) return []
  const kind = figure === 'ops' ? 'above' : 'below'
  const lost = found.filter(({ lead }) => !(lead > 1)).map(({ result }) => result.title)
  const where = `closest: ${closest.result.title}${lost.length ? `; lost: ${lost.join(' / ')}` : ''}`
  const note = figure === 'ops' ? limitNote(closest.result) : ''
  const title = `${words[figure]} to ${rival} at each of ${found.length} points`
  return [ratioBar(title, closest.ratio, kind, 1, [where, note].filter(Boolean).join('; '))]
}

/** Holds the figures against what the project promises of its Redis client. */
export const redisBars = (results: readonly RedisPointResult[]): Bar[] => [
  ...promises.map((promised) => promiseBar(results, promised)),
  ...everywhereBar(results, 'redis', 'ops'),
  ...everywhereBar(results, 'redis', 'cpu'),
  ...everywhereBar(results, 'bun', 'ops'),
]
