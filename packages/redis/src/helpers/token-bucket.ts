import { checkInteger, type Key, refuse } from './check.ts'
import { simplestRatio } from './exact.ts'
import { FILL_MS_MAX, gcraRule } from './gcra-rule.ts'
import { UNITS_MAX } from './limit-rule.ts'
import type { ScriptClient } from './lua-script.ts'
import { type LimitDecision, onlyDecision, takeByRules } from './take-by-rules.ts'

/** What `tokenBucket` is asked for. */
export interface TokenBucketOptions {
  /** Whose bucket it is. */
  readonly key: Key
  /** Tokens in a full bucket: an integer from 1 to 10^15. It refills within 100 years. */
  readonly capacity: number
  /**
   * Tokens that come back in a millisecond, from 10^-12 to 10^12: 0.001 is one a second. Read as the
   * simplest fraction with this value, so `1 / 3` is exactly one in three milliseconds.
   */
  readonly refillPerMs: number
  /**
   * Tokens to take: an integer from 0 (only looks) to 10^15.
   * @defaultValue 1
   */
  readonly cost?: number
}

const RATE_MAX = 1e12

/**
 * Takes tokens from a bucket that refills steadily: never more than `capacity` at one instant, nor
 * than `capacity + refillPerMs × t` in `t` milliseconds. One round trip, decided exactly on the
 * server's clock; a refused request changes nothing. `takeUnits` decides several limits as one.
 *
 * Rejects with `RedisHelperError` (nothing was sent), and with the client's or the server's error.
 */
export async function tokenBucket(
  client: ScriptClient,
  { key, capacity, refillPerMs, cost = 1 }: TokenBucketOptions,
): Promise<LimitDecision> {
  checkInteger('capacity', capacity, 1, UNITS_MAX)
  if (
    !(typeof refillPerMs === 'number' && refillPerMs >= 1 / RATE_MAX && refillPerMs <= RATE_MAX)
  ) {
    refuse('refillPerMs', `a number from ${1 / RATE_MAX} to ${RATE_MAX}`, refillPerMs)
  }
  if (capacity / refillPerMs > FILL_MS_MAX) {
    refuse('refillPerMs', 'large enough to refill the capacity within 100 years', refillPerMs)
  }
  const { numerator, denominator } = simplestRatio(refillPerMs, RATE_MAX)
  const intervalUs = denominator * 1_000
  const rule = gcraRule({ name: '', rate: numerator, intervalUs, burst: capacity })
  return onlyDecision(await takeByRules(client, key, [rule], cost))
}
