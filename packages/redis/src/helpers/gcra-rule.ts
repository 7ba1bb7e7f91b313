import { divideProduct } from './exact.ts'
import { type LimitRule, reading } from './limit-rule.ts'

/** A bucket of `burst` units that refills by `rate` units each `intervalUs` microseconds. */
export interface GcraOptions {
  readonly name: string
  readonly rate: number
  readonly intervalUs: number
  readonly burst: number
}

/** The longest time in which a bucket may fill, in milliseconds: 100 years. */
export const FILL_MS_MAX = 3_153_600_000_000

/**
 * A token bucket kept as the time at which it is full again (GCRA). A unit lasts `intervalUs / rate`
 * microseconds, which need not be whole: times are microseconds and parts of 1 / `rate` of one, so
 * nothing is ever rounded.
 */
export function gcraRule({ name, rate, intervalUs, burst }: GcraOptions): LimitRule {
  const lasts = (units: number) => divideProduct(units, intervalUs, rate)
  const full = lasts(burst)

  const remaining = (waitUs: number, part: number): number => {
    const us = full.quotient - waitUs
    // May be negative; rounding down after the sum accounts for it.
    const parts = full.remainder - part
    const { quotient, remainder } = divideProduct(us, rate, intervalUs)
    return quotient + Math.floor((remainder + parts) / intervalUs)
  }

  return {
    kind: 'g',
    name,
    most: burst,
    numbers(cost) {
      const { quotient, remainder } =
        cost > burst ? { quotient: full.quotient + 1, remainder: 0 } : lasts(cost)
      return [rate, quotient, remainder, full.quotient, full.remainder]
    },
    read([waitUs = 0, part = 0], cost) {
      return reading(burst, remaining(waitUs, part), cost, (units) => {
        const needed = lasts(units)
        const parts = part + needed.remainder - full.remainder
        const us = waitUs + needed.quotient - full.quotient + Math.ceil(parts / rate)
        return Math.max(0, us)
      })
    },
  }
}
