import { divideProduct } from './exact.ts'
import { type LimitRule, reading } from './limit-rule.ts'

/** `limit` units in a window of `windowUs` microseconds. */
export interface WindowOptions {
  readonly name: string
  readonly limit: number
  readonly windowUs: number
}

/** A cost above the limit becomes one above it: it never fits, and its numbers stay small. */
const numbersOf =
  ({ limit, windowUs }: WindowOptions) =>
  (cost: number): readonly number[] => [limit, windowUs, Math.min(cost, limit + 1), 0, 0]

/** A window begins with the first request after the last one has passed. */
export function fixedWindowRule(options: WindowOptions): LimitRule {
  const { name, limit, windowUs } = options
  return {
    kind: 'f',
    name,
    most: limit,
    numbers: numbersOf(options),
    read([count = 0, , age = 0], cost) {
      return reading(limit, Math.max(0, limit - count), cost, (units) =>
        units <= limit - count ? 0 : windowUs - age,
      )
    },
  }
}

/**
 * Two fixed windows: the one before counts by the share of it that a window ending now would cover.
 * The share is compared, never rounded.
 */
export function slidingWindowRule(options: WindowOptions): LimitRule {
  const { name, limit, windowUs } = options
  /** Age of a window at which the share of `before` has shrunk to `room` units. */
  const ageAt = (room: number, before: number): number =>
    room >= before ? 0 : windowUs - divideProduct(room, windowUs, before).quotient

  return {
    kind: 'w',
    name,
    most: limit,
    numbers: numbersOf(options),
    read([count = 0, before = 0, age = 0], cost) {
      const share = divideProduct(before, windowUs - age, windowUs)
      const counted = count + share.quotient + (share.remainder > 0 ? 1 : 0)
      return reading(limit, Math.max(0, limit - counted), cost, (units) => {
        const room = limit - units - count
        if (room >= 0) return Math.max(0, ageAt(room, before) - age)
        // Not in this window; in the next one `count` is what came before.
        return windowUs - age + ageAt(limit - units, count)
      })
    },
  }
}

/** Every request of the last window is kept: exact, at the price of an entry for each. */
export function slidingLogRule(options: WindowOptions): LimitRule {
  const { name, limit } = options
  return {
    kind: 'l',
    name,
    most: limit,
    numbers: numbersOf(options),
    read([used = 0, retryUs = 0, nextUs = 0, resetUs = 0]) {
      return { remaining: Math.max(0, limit - used), retryUs, nextUs, resetUs }
    },
  }
}
