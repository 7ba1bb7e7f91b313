import { groupedBootstrapInterval, type Interval } from './bootstrap.ts'
import { signedRankPValue } from './signed-rank.ts'
import { type Summary, summarize } from './summary.ts'

/** CPU per request of the four processes of one cycle: two copies of each side. */
export interface Quartet {
  readonly a1: number
  readonly a2: number
  readonly b1: number
  readonly b2: number
}

/** What a comparison says. `b` is judged against `a`. */
export interface Verdict {
  readonly verdict: 'same' | 'slower' | 'faster'
  /** Ratio of b to a: mean over launches of each launch's median. */
  readonly ratio: number
  /** The same over all cycles: median and quartiles. */
  readonly effect: Summary
  readonly interval: Interval
  /** What chance alone does to the ratio in this very run, 99 % of the time, as a share. */
  readonly noiseFloor: number
  readonly pValue: number
}

/** Below this no difference is claimed, however quiet the run was. */
const LEAST_EFFECT = 0.005

const contrast =
  (above: (quartet: Quartet) => number, below: (quartet: Quartet) => number) =>
  (quartet: Quartet): number =>
    Math.sqrt(above(quartet) / below(quartet))

const effectOf = contrast(
  ({ b1, b2 }) => b1 * b2,
  ({ a1, a2 }) => a1 * a2,
)

// The two other ways to halve four processes. Both put one copy of each side on each half, so they
// have the effect's own noise and nothing else: no separate A/A run is needed.
const nullContrasts = [
  contrast(
    ({ a2, b2 }) => a2 * b2,
    ({ a1, b1 }) => a1 * b1,
  ),
  contrast(
    ({ a2, b1 }) => a2 * b1,
    ({ a1, b2 }) => a1 * b2,
  ),
]

// Student's t, 99 % two-sided, by the number of launches: two null contrasts each, so twice as many
// degrees of freedom. Beyond the table the last value is a little too strict, never too loose.
const T_99 = [9.925, 4.604, 3.707, 3.355, 3.169, 3.055, 2.977, 2.921, 2.878, 2.845] as const

/** Each launch's median, on a log scale. */
const launchMedians = (launches: readonly (readonly number[])[]): number[] =>
  launches.filter((cycles) => cycles.length > 0).map((cycles) => Math.log(summarize(cycles).median))

/**
 * How far from 1 the mean of this many launches gets by chance, 99 % of the time: the spread of
 * the null contrasts, whose true value is known to be 1, put through Student's t.
 */
const noiseFloorOf = (launches: readonly (readonly Quartet[])[]): number => {
  const nulls = nullContrasts.flatMap((of) =>
    launchMedians(launches.map((cycles) => cycles.map(of))),
  )
  const count = nulls.length / 2
  const variance = nulls.reduce((sum, value) => sum + value * value, 0) / nulls.length
  const t = T_99[Math.min(count, T_99.length) - 1] ?? T_99[0]
  return Math.max(LEAST_EFFECT, Math.expm1(t * Math.sqrt(variance / count)))
}

/**
 * Judges launches of quartets. A difference is claimed only when the 95 % interval of the ratio
 * leaves 1 and the ratio is further from 1 than the null contrasts of the same run allow for chance.
 */
export const judge = (launches: readonly (readonly Quartet[])[]): Verdict => {
  const effects = launches.map((cycles) => cycles.map(effectOf))
  const interval = groupedBootstrapInterval(effects)
  const noiseFloor = noiseFloorOf(launches)
  const medians = launchMedians(effects)
  const ratio = Math.exp(medians.reduce((sum, value) => sum + value, 0) / medians.length)
  const leavesOne = interval.low > 1 || interval.high < 1
  const differs = leavesOne && Math.abs(ratio - 1) > noiseFloor
  return {
    verdict: !differs ? 'same' : ratio > 1 ? 'slower' : 'faster',
    ratio,
    effect: summarize(effects.flat()),
    interval,
    noiseFloor,
    pValue: signedRankPValue(effects.flat()),
  }
}
