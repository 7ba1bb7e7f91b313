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
  /** Ratio of b to a: median and quartiles over cycles. */
  readonly effect: Summary
  readonly interval: Interval
  /** What two copies of one side differ by in this very run, as a share. */
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

const furthestFromOne = ({ low, high }: Interval): number =>
  Math.max(Math.abs(low - 1), Math.abs(high - 1))

/**
 * Judges launches of quartets. A difference is claimed only when the 95 % interval of the ratio
 * leaves 1 and the ratio is further from 1 than anything the null contrasts of the same run show.
 */
export const judge = (launches: readonly (readonly Quartet[])[]): Verdict => {
  const effects = launches.map((cycles) => cycles.map(effectOf))
  const interval = groupedBootstrapInterval(effects)
  const floors = nullContrasts.map((of) =>
    furthestFromOne(groupedBootstrapInterval(launches.map((cycles) => cycles.map(of)))),
  )
  const noiseFloor = Math.max(LEAST_EFFECT, ...floors)
  const effect = summarize(effects.flat())
  const leavesOne = interval.low > 1 || interval.high < 1
  const differs = leavesOne && Math.abs(effect.median - 1) > noiseFloor
  return {
    verdict: !differs ? 'same' : effect.median > 1 ? 'slower' : 'faster',
    effect,
    interval,
    noiseFloor,
    pValue: signedRankPValue(effects.flat()),
  }
}
