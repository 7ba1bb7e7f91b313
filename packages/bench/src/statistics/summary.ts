import { median, quantile } from 'simple-statistics'

/** Median and quartiles of a sample. */
export interface Summary {
  readonly median: number
  readonly q1: number
  readonly q3: number
  readonly count: number
}

/** Summarizes a sample; an empty one has NaN everywhere, so that it cannot pass for a figure. */
export const summarize = (values: readonly number[]): Summary => {
  if (values.length === 0) return { median: Number.NaN, q1: Number.NaN, q3: Number.NaN, count: 0 }
  return {
    median: median([...values]),
    q1: quantile(values, 0.25),
    q3: quantile(values, 0.75),
    count: values.length,
  }
}
