import type { Ratio } from '../measure/figures.ts'
import { formatNumber } from '../report/format.ts'

/** One promise of the project, measured. */
export interface Bar {
  readonly figure: string
  readonly measured: string
  readonly bar: string
  readonly verdict: 'met' | 'missed' | 'not measured'
  /** What the prototype showed on its machine; empty where it has no such figure. */
  readonly prototype: string
  /** What a reader must know: spread, how it was taken, why it is missing. */
  readonly note: string
}

const spread = ({ q1, q3, interval }: Ratio): string =>
  `[${q1.toFixed(2)}..${q3.toFixed(2)}], 95 % ${interval.low.toFixed(3)}..${interval.high.toFixed(3)}`

const straddles = ({ interval }: Ratio, bound: number): boolean =>
  interval.low <= bound && interval.high >= bound

/** A row for a ratio that must not be above (or below) a bound. */
export const ratioBar = (
  figure: string,
  ratio: Ratio,
  kind: 'at most' | 'at least' | 'below' | 'above',
  bound: number,
  note = '',
): Bar => {
  const { median } = ratio
  if (!Number.isFinite(median)) return missingBar(figure, `${kind} ×${bound}`, 'no cycles')
  const met = {
    'at most': median <= bound,
    'at least': median >= bound,
    below: median < bound,
    above: median > bound,
  }[kind]
  const doubt = straddles(ratio, bound) ? '; the bar lies within the interval' : ''
  return {
    figure,
    measured: `×${median.toFixed(3)}`,
    bar: `${kind} ×${bound}`,
    verdict: met ? 'met' : 'missed',
    prototype: '',
    note: `${spread(ratio)}${doubt}${note ? `; ${note}` : ''}`,
  }
}

/** A row for a plain number that must not be above a bound. */
export const valueBar = (
  figure: string,
  value: number,
  unit: string,
  bound: number,
  note = '',
): Bar => {
  if (!Number.isFinite(value))
    return missingBar(figure, `at most ${bound} ${unit}`, note || 'no value')
  return {
    figure,
    measured: `${formatNumber(value)} ${unit}`,
    bar: `at most ${bound} ${unit}`,
    verdict: value <= bound ? 'met' : 'missed',
    prototype: '',
    note,
  }
}

/** A row whose figure could not be taken, and why. */
export const missingBar = (figure: string, bar: string, why: string): Bar => ({
  figure,
  measured: '–',
  bar,
  verdict: 'not measured',
  prototype: '',
  note: why,
})

/** The same row with the prototype's figure beside it. */
export const besidePrototype = (bar: Bar, prototype: string): Bar => ({ ...bar, prototype })
