import { checkInteger, refuse } from './check.ts'
import { FILL_MS_MAX, gcraRule } from './gcra-rule.ts'
import { type LimitRule, UNITS_MAX, WINDOW_MS_MAX } from './limit-rule.ts'
import { fixedWindowRule, slidingLogRule, slidingWindowRule } from './window-rules.ts'

/** One limit on a key. What may pass in any window of `windowMs`, in units, is said per algorithm. */
export interface LimitPolicy {
  /**
   * - `'gcra'`: a token bucket; `burst` at one instant, fewer than `burst + limit` in a window.
   * - `'sliding-window'`: `limit` at one instant, fewer than `2 × limit` in a window, spread over
   *   it; after a burst it may refuse for up to a window longer than needed. Constant memory.
   * - `'sliding-log'`: `limit` in every window, exactly; remembers every request of the window.
   * - `'fixed-window'`: `limit` in windows one after the other, so up to `2 × limit` at an instant.
   */
  readonly algorithm: 'gcra' | 'sliding-window' | 'sliding-log' | 'fixed-window'
  /** Tells the policies of a key apart; not empty, at most 256 characters. */
  readonly name: string
  /** Units in a window: an integer from 0 (refuses everything) to 10^15; for a log to 10 000. */
  readonly limit: number
  /** Length of the window in milliseconds: an integer from 1 to 31 536 000 000 (365 days). */
  readonly windowMs: number
  /**
   * Only for `'gcra'`: units that may be taken at once, an integer from 1 to 10^15 that refills
   * within 100 years.
   * @defaultValue `limit`
   */
  readonly burst?: number
}

const LOG_LIMIT_MAX = 10_000
const NAME_LENGTH_MAX = 256
const POLICIES_MAX = 16

/** The policies of a request, checked. `policies` says where a problem is. */
export function rulesOf(policies: readonly LimitPolicy[]): readonly LimitRule[] {
  const count = Array.isArray(policies) ? policies.length : 0
  if (count < 1 || count > POLICIES_MAX) {
    refuse('policies', `an array of 1 to ${POLICIES_MAX} policies`, policies)
  }
  const rules = policies.map((policy, index) => ruleOf(policy, `policies[${index}]`))
  const names = new Set(rules.map(({ name }) => name))
  if (names.size < count) refuse('policies', 'an array of policies with different names', policies)
  return rules
}

function ruleOf(policy: LimitPolicy, path: string): LimitRule {
  const { algorithm, name, burst } = policy
  if (typeof name !== 'string' || name.length < 1 || name.length > NAME_LENGTH_MAX) {
    refuse(`${path}.name`, `a string of 1 to ${NAME_LENGTH_MAX} characters`, name)
  }
  const limitMax = algorithm === 'sliding-log' ? LOG_LIMIT_MAX : UNITS_MAX
  const limit = checkInteger(`${path}.limit`, policy.limit, 0, limitMax)
  const windowUs = checkWindow(`${path}.windowMs`, policy.windowMs) * 1_000
  if (burst !== undefined && algorithm !== 'gcra') {
    refuse(`${path}.burst`, `absent unless algorithm is 'gcra'`, burst)
  }
  switch (algorithm) {
    case 'gcra':
      return gcraPolicy(name, limit, windowUs, burst ?? limit, `${path}.burst`)
    case 'sliding-window':
      return slidingWindowRule({ name, limit, windowUs })
    case 'sliding-log':
      return slidingLogRule({ name, limit, windowUs })
    case 'fixed-window':
      return fixedWindowRule({ name, limit, windowUs })
    default: {
      const known = `'gcra', 'sliding-window', 'sliding-log' or 'fixed-window'`
      return refuse(`${path}.algorithm`, known, algorithm)
    }
  }
}

/** A length of a window, in milliseconds. */
export function checkWindow(option: string, windowMs: unknown): number {
  return checkInteger(option, windowMs, 1, WINDOW_MS_MAX)
}

function gcraPolicy(
  name: string,
  limit: number,
  windowUs: number,
  burst: number,
  option: string,
): LimitRule {
  // No bucket refills by nothing, but one that holds nothing refuses everything, too.
  if (limit === 0) return gcraRule({ name, rate: 1, intervalUs: windowUs, burst: 0 })
  checkInteger(option, burst, 1, UNITS_MAX)
  if ((burst / limit) * windowUs > FILL_MS_MAX * 1_000) {
    refuse(option, 'small enough to refill within 100 years', burst)
  }
  return gcraRule({ name, rate: limit, intervalUs: windowUs, burst })
}
