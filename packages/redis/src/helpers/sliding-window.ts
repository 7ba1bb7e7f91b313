import { checkInteger, type Key } from './check.ts'
import { checkWindow } from './limit-policy.ts'
import { UNITS_MAX } from './limit-rule.ts'
import type { ScriptClient } from './lua-script.ts'
import { type LimitDecision, onlyDecision, takeByRules } from './take-by-rules.ts'
import { slidingWindowRule } from './window-rules.ts'

/** What `slidingWindow` is asked for. */
export interface SlidingWindowOptions {
  /** Whose window it is. */
  readonly key: Key
  /** Units in a window: an integer from 0 (refuses everything) to 10^15. */
  readonly limit: number
  /** Length of the window in milliseconds: an integer from 1 to 31 536 000 000 (365 days). */
  readonly windowMs: number
  /**
   * Units to take: an integer from 0 (only looks) to 10^15.
   * @defaultValue 1
   */
  readonly cost?: number
}

/**
 * Takes units from a window that slides, kept as two weighted fixed windows (constant memory): at
 * most `limit` at one instant and fewer than `2 × limit` in any window, spread over it; with a limit
 * of 1, one. After a burst it may refuse for up to a window longer than needed. One round trip,
 * decided exactly on the server's clock; a refused request changes nothing. `takeUnits` decides
 * several limits as one.
 *
 * Rejects with `RedisHelperError` (nothing was sent), and with the client's or the server's error.
 */
export async function slidingWindow(
  client: ScriptClient,
  { key, limit, windowMs, cost = 1 }: SlidingWindowOptions,
): Promise<LimitDecision> {
  checkInteger('limit', limit, 0, UNITS_MAX)
  const windowUs = checkWindow('windowMs', windowMs) * 1_000
  const rule = slidingWindowRule({ name: '', limit, windowUs })
  return onlyDecision(await takeByRules(client, key, [rule], cost))
}
