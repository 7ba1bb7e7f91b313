/** The largest limit, burst, capacity or cost, in units. */
export const UNITS_MAX = 1_000_000_000_000_000

/** The longest window, in milliseconds: 365 days. */
export const WINDOW_MS_MAX = 31_536_000_000

/** What is known of one policy after a request, times in whole microseconds. */
export interface RuleReading {
  /** Units that may be taken now. */
  readonly remaining: number
  /** Until what was asked for may be taken. */
  readonly retryUs: number
  /** Until one more than `remaining` may be taken; 0 when full. */
  readonly nextUs: number
  /** Until everything may be taken. */
  readonly resetUs: number
}

/** One policy as the script and its reader see it. */
export interface LimitRule {
  readonly kind: 'g' | 'w' | 'f' | 'l'
  readonly name: string
  /** The most that can ever be taken at once, in units. */
  readonly most: number
  /** The five integers of the script for a cost; for one above `most`, a cost that never fits. */
  numbers(cost: number): readonly number[]
  /** Reads the integers the script gave; `cost` is at most `most`. */
  read(state: readonly number[], cost: number): RuleReading
}

/** The three waits, where `wait` tells how long until so many units may be taken. */
export function reading(
  most: number,
  remaining: number,
  cost: number,
  wait: (units: number) => number,
): RuleReading {
  return {
    remaining,
    retryUs: wait(cost),
    nextUs: remaining < most ? wait(remaining + 1) : 0,
    resetUs: wait(most),
  }
}
