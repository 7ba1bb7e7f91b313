import { median, quantile, sampleWithReplacement } from 'simple-statistics'

/** An interval that holds the median in 95 % of repetitions. */
export interface Interval {
  readonly low: number
  readonly high: number
}

const RESAMPLES = 1000

/** A seeded source of numbers in [0, 1) (mulberry32): a report is reproducible from its samples. */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const interval = (medians: readonly number[]): Interval => ({
  low: quantile(medians, 0.025),
  high: quantile(medians, 0.975),
})

/** Percentile bootstrap of the median. With fewer than 3 values the interval is their range. */
export const bootstrapInterval = (values: readonly number[], seed = 1): Interval => {
  if (values.length === 0) return { low: Number.NaN, high: Number.NaN }
  if (values.length < 3) return { low: Math.min(...values), high: Math.max(...values) }
  const random = seededRandom(seed)
  const sample = [...values]
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(sampleWithReplacement(sample, sample.length, random)),
  )
  return interval(medians)
}

/**
 * The same for values that come in groups, one group per launch of the processes: cycles of one
 * launch share its memory layout and compiled code, so the launches are resampled first. Treating
 * all cycles as independent would make the interval far too narrow.
 */
export const groupedBootstrapInterval = (
  groups: readonly (readonly number[])[],
  seed = 1,
): Interval => {
  if (groups.length < 3) return bootstrapInterval(groups.flat(), seed)
  const random = seededRandom(seed)
  const launches = [...groups]
  const medians = Array.from({ length: RESAMPLES }, () => {
    const drawn = sampleWithReplacement(launches, launches.length, random)
    return median(drawn.flatMap((group) => sampleWithReplacement([...group], group.length, random)))
  })
  return interval(medians)
}
