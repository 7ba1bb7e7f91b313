import type { Ratio } from '../measure/figures.ts'

/** A number with as many digits as its size needs; a dash when it is not one. */
export const formatNumber = (value: number): string => {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  if (Math.abs(value) >= 100) return value.toFixed(0)
  if (Math.abs(value) >= 10) return value.toFixed(1)
  return value.toFixed(value !== 0 && Math.abs(value) < 1 ? 3 : 2)
}

/** A ratio as `×1.04 [1.02..1.06]`: median and quartiles. */
export const formatRatio = ({ median, q1, q3 }: Ratio): string =>
  Number.isFinite(median) ? `×${median.toFixed(2)} [${q1.toFixed(2)}..${q3.toFixed(2)}]` : '–'

/** The 95 % interval of a ratio's median. */
export const formatInterval = ({ interval }: Ratio): string =>
  Number.isFinite(interval.low) ? `${interval.low.toFixed(3)}..${interval.high.toFixed(3)}` : '–'
