// The suite every engine passes (engines.md §1.3): plain cases over raw sockets against a dispatch of its own.
import type { Engine } from '@celeris/engine'
import { abortCases } from './abort.ts'
import { acceptControlCases } from './accept-control.ts'
import { backpressureCases } from './backpressure.ts'
import { batchingCases } from './batching.ts'
import { bodyCases } from './bodies.ts'
import { closingCases } from './closing.ts'
import { dataPathCases } from './data-path.ts'
import { drainCases } from './drain.ts'
import { errorAnswerCases, timedOutAnswerCases } from './error-answers.ts'
import { expectCases } from './expect.ts'
import { framingCases } from './framing.ts'
import { hijackCases } from './hijack.ts'
import { keepAliveCases } from './keep-alive.ts'
import { lifecycleCases } from './lifecycle.ts'
import { limitCases } from './limits.ts'
import { metricsCases } from './metrics.ts'
import { pipeliningCases } from './pipelining.ts'
import { type CaseDefinition, runCase, type Subject } from './scope.ts'
import { soakCases } from './soak.ts'
import { staleCases } from './stale.ts'
import { streamCases } from './streams.ts'
import { timeoutCases } from './timeouts.ts'

export type { Subject as ConformanceSubject } from './scope.ts'

/** One behaviour. Give it to any test runner; it rejects when the engine breaks the contract. */
export interface ConformanceCase {
  /** Behaviour and the rule it comes from. */
  readonly name: string
  readonly group: string
  /** Capabilities the case needs. */
  readonly needs: readonly string[]
  /** Why it does not apply to this engine; a runner reports it as skipped, never as passed. */
  readonly skip?: string
  /** Runs the case; the signal ends it early. */
  run(signal: AbortSignal): Promise<void>
}

const GROUPS: Readonly<Record<string, readonly CaseDefinition[]>> = {
  lifecycle: lifecycleCases,
  batching: batchingCases,
  pipelining: pipeliningCases,
  'keep-alive': keepAliveCases,
  bodies: bodyCases,
  expect: expectCases,
  limits: limitCases,
  backpressure: backpressureCases,
  abort: abortCases,
  stale: staleCases,
  drain: drainCases,
  'accept-control': acceptControlCases,
  metrics: metricsCases,
  soak: soakCases,
  'data-path': dataPathCases,
  timeouts: timeoutCases,
  closing: closingCases,
  errors: [...errorAnswerCases, ...timedOutAnswerCases],
  framing: framingCases,
  streams: streamCases,
  hijack: hijackCases,
}

function skipReason(
  definition: CaseDefinition,
  subject: Subject,
  capabilities: Engine['capabilities'],
): string | undefined {
  const missing = (definition.needs ?? []).find((need) => capabilities?.[need] !== true)
  if (missing !== undefined) return `the engine does not offer ${missing}`
  if (subject.differences === 'node' && definition.nativeOnly !== undefined)
    return `permitted difference of node: ${definition.nativeOnly}`
  return undefined
}

/**
 * All cases for one engine.
 * @example
 * for (const c of engineConformance({ create: () => epollEngine() })) {
 *   test(`${c.group}: ${c.name}`, { skip: c.skip }, (t) => c.run(t.signal))
 * }
 */
export function engineConformance(subject: Subject): ConformanceCase[] {
  const capabilities = subject.capabilities ?? subject.create().capabilities
  return Object.entries(GROUPS).flatMap(([group, definitions]) =>
    definitions.map((definition) => {
      const skip = skipReason(definition, subject, capabilities)
      return {
        name: definition.name,
        group,
        needs: definition.needs ?? [],
        ...(skip === undefined ? {} : { skip }),
        run: (signal: AbortSignal): Promise<void> => runCase(definition, subject, signal),
      }
    }),
  )
}
