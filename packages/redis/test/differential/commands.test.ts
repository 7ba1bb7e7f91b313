import { fuzzBudget } from '@celeris/test-support'
import type { RedisOptions } from 'ioredis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { FAMILIES } from './calls.ts'
import { BROKEN_WITH_AUTO_PIPELINING } from './deviations.ts'
import { compare, type Pair, startPair } from './pair.ts'
import { clean, WAYS } from './ways.ts'

const RESP2: RedisOptions = { protocol: 2 }
const RESP3: RedisOptions = { protocol: 3 }
const MAPPED: RedisOptions = { protocol: 3, replyMapping: 'resp3' }
const PREFIX: RedisOptions = { keyPrefix: 'prefix:' }
const STACK: RedisOptions = { showFriendlyErrorStack: true }
const AUTO: RedisOptions = { enableAutoPipelining: true }

const ALWAYS: Readonly<Record<string, RedisOptions>> = {
  RESP2,
  RESP3,
  'RESP3, mapped replies': MAPPED,
  'RESP3, mapped replies, stringNumbers': { ...MAPPED, stringNumbers: true },
  'RESP2, keyPrefix': { ...RESP2, ...PREFIX },
  'RESP3, showFriendlyErrorStack': { ...RESP3, ...STACK },
  'RESP3, enableAutoPipelining': { ...RESP3, ...AUTO },
}
/** The rest of all combinations. */
const IN_LONG_RUNS: Readonly<Record<string, RedisOptions>> = {
  'RESP2, stringNumbers': { ...RESP2, stringNumbers: true },
  'RESP3, stringNumbers': { ...RESP3, stringNumbers: true },
  'RESP3, keyPrefix': { ...RESP3, ...PREFIX },
  'RESP3, mapped replies, keyPrefix': { ...MAPPED, ...PREFIX },
  'RESP2, showFriendlyErrorStack': { ...RESP2, ...STACK },
  'RESP3, mapped replies, showFriendlyErrorStack': { ...MAPPED, ...STACK },
  'RESP2, enableAutoPipelining': { ...RESP2, ...AUTO },
  'RESP3, mapped replies, enableAutoPipelining': { ...MAPPED, ...AUTO },
  'RESP3, keyPrefix, enableAutoPipelining': { ...RESP3, ...PREFIX, ...AUTO },
  'RESP3, mapped replies, stringNumbers, keyPrefix': {
    ...MAPPED,
    ...PREFIX,
    stringNumbers: true,
  },
}

let pair: Pair
beforeAll(async () => {
  pair = await startPair()
})
afterAll(() => pair.stop())

const combinations = { ...ALWAYS, ...(fuzzBudget().seconds === null ? {} : IN_LONG_RUNS) }

describe.each(Object.entries(combinations))(
  'calls answer as ioredis: %s (SUITE-2, SAME-3)',
  (_name, options) => {
    it.each(Object.entries(FAMILIES))('%s', (_family, calls) =>
      compare(pair, async ({ ready }) => {
        const client = await ready(options)
        const made: Record<string, unknown> = {}
        for (const [way, make] of Object.entries(WAYS)) {
          if (options.enableAutoPipelining && BROKEN_WITH_AUTO_PIPELINING.includes(way)) continue
          await clean(client)
          made[way] = await make(client, calls)
        }
        return made
      }),
    )
  },
)
