import type { Key } from './check.ts'
import { type LimitPolicy, rulesOf } from './limit-policy.ts'
import type { ScriptClient } from './lua-script.ts'
import { runRules, takeByRules, type UnitsDecision } from './take-by-rules.ts'

/** What `takeUnits` and `refundUnits` are asked for. */
export interface TakeUnitsOptions {
  /** Whose limits these are. One key holds all of them, so Cluster needs no hash tag. */
  readonly key: Key
  /** 1 to 16 policies with different names. */
  readonly policies: readonly LimitPolicy[]
  /**
   * Units: an integer from 0 (only looks) to 10^15.
   * @defaultValue 1
   */
  readonly cost?: number
}

/**
 * Charges a request to all its policies, or to none when one refuses: decided by one script in one
 * round trip, on the server's clock, exactly, in whole microseconds. A refused request changes
 * nothing; a clock that runs backwards counts as standing still. The state expires by itself when
 * all is full again.
 *
 * Rejects with `RedisHelperError` (nothing was sent), and with the client's or the server's error
 * (`WRONGTYPE` for a key that holds no limits). What then happens is the caller's policy.
 */
export async function takeUnits(
  client: ScriptClient,
  { key, policies, cost = 1 }: TakeUnitsOptions,
): Promise<UnitsDecision> {
  return takeByRules(client, key, rulesOf(policies), cost)
}

/**
 * Gives back `cost` units that `takeUnits` charged, to all policies and never above full. What was
 * taken last is given back first; nothing is given back to a key without limits.
 *
 * One round trip. Rejects as `takeUnits` does.
 */
export async function refundUnits(
  client: ScriptClient,
  { key, policies, cost = 1 }: TakeUnitsOptions,
): Promise<void> {
  await runRules(client, 'refund', key, rulesOf(policies), cost)
}
