import { checkInteger, checkKey, type Key } from './check.ts'
import { type LimitRule, UNITS_MAX } from './limit-rule.ts'
import { limiterScript } from './limiter-script.ts'
import { runScript, type ScriptClient } from './lua-script.ts'

/** Whether a request may pass a limit, and how the limit stands then. */
export interface LimitDecision {
  /** Whether it may pass. */
  readonly allowed: boolean
  /** Whole units that may be taken now. */
  readonly remaining: number
  /**
   * Milliseconds until the same request may pass, an integer: one sent then is allowed unless others
   * were in between. 0 when allowed, `Infinity` when the cost exceeds what can ever be taken at once.
   */
  readonly retryAfterMs: number
  /** Milliseconds until everything may be taken again, an integer; 0 when full. */
  readonly resetMs: number
}

/** How one policy of several stands after a request, which passes only if all of them allow it. */
export interface PolicyDecision extends LimitDecision {
  /** Milliseconds until one unit more than `remaining` may be taken, an integer; 0 when full. */
  readonly nextMs: number
}

/** How all policies of a request stand together. */
export interface UnitsDecision {
  /** Whether all policies let the request pass. Only then was it charged, to each of them. */
  readonly allowed: boolean
  /** The longest wait of a policy, in milliseconds; 0 when allowed, `Infinity` when none helps. */
  readonly retryAfterMs: number
  /** In the order of the policies. */
  readonly policies: readonly PolicyDecision[]
}

/** Runs the script on `rules`; a cost of 0 only looks. */
export async function takeByRules(
  client: ScriptClient,
  key: Key,
  rules: readonly LimitRule[],
  cost: number,
): Promise<UnitsDecision> {
  const reply = await runRules(client, cost === 0 ? 'peek' : 'take', key, rules, cost)
  const [passed, ...states] = reply as [number, ...number[][]]
  const allowed = Number(passed) === 1
  const policies = rules.map((rule, index) => {
    // A client may be told to give numbers as strings.
    const state = (states[index] ?? []).map(Number)
    return decided(rule, state, cost, allowed)
  })
  const retryAfterMs = Math.max(...policies.map((policy) => policy.retryAfterMs))
  return { allowed, retryAfterMs, policies }
}

/** One run of the script; its reply is for `takeByRules`. */
export async function runRules(
  client: ScriptClient,
  operation: 'take' | 'refund' | 'peek',
  key: Key,
  rules: readonly LimitRule[],
  cost: number,
): Promise<unknown> {
  checkKey(key)
  checkInteger('cost', cost, 0, UNITS_MAX)
  const args: (string | number)[] = [operation]
  for (const rule of rules) {
    args.push(rule.kind, rule.name, ...rule.numbers(payable(rule, cost) ? cost : rule.most + 1))
  }
  return runScript(client, limiterScript, [key], args)
}

/** Whether there can ever be enough: a limit of 0 refuses even what costs nothing. */
const payable = ({ most }: LimitRule, cost: number): boolean => most > 0 && cost <= most

function decided(
  rule: LimitRule,
  state: readonly number[],
  cost: number,
  allowedByAll: boolean,
): PolicyDecision {
  const fits = payable(rule, cost)
  const { remaining, retryUs, nextUs, resetUs } = rule.read(state, fits ? cost : rule.most)
  const allowed = allowedByAll || (fits && retryUs === 0)
  const retryAfterMs = fits ? Math.ceil(retryUs / 1_000) : Number.POSITIVE_INFINITY
  return {
    allowed,
    remaining,
    retryAfterMs: allowed ? 0 : retryAfterMs,
    resetMs: Math.ceil(resetUs / 1_000),
    nextMs: Math.ceil(nextUs / 1_000),
  }
}

/** The decision on the one rule there was. */
export function onlyDecision({ policies }: UnitsDecision): LimitDecision {
  const { allowed, remaining, retryAfterMs, resetMs } = policies[0] as PolicyDecision
  return { allowed, remaining, retryAfterMs, resetMs }
}
