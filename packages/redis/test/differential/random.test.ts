import { fuzzTimeoutMs, propertyParameters } from '@celeris/test-support'
import * as fc from 'fast-check'
import type { RedisOptions } from 'ioredis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { FAMILIES } from './calls.ts'
import { BROKEN_WITH_AUTO_PIPELINING } from './deviations.ts'
import { compare, type Pair, startPair } from './pair.ts'
import { type Call, WAYS } from './ways.ts'

const ROUNDS = 60
const CHANGED_OF_100 = 15

/** They wait, or tell of the clock, of chance, or of the order of a hash table. */
const LEFT_OUT = new RegExp(
  '^(b[lrz](pop|mpop|move|poplpush)|brpop.*|bz.*|.*randmember|hrandfield|randomkey|spop|[hsz]?scan|' +
    'wait|xread|xreadgroup|xclaim|xautoclaim|expire.*|pexpire.*|ttl|pttl|setex|psetex|getex|' +
    'sort|dump|time|lastsave|info|command|config|memory|slowlog|client|cluster|function)$',
)
const CALLS = Object.values(FAMILIES)
  .flat()
  .filter(([name]) => !LEFT_OUT.test(name))

/** Few keys, so that calls meet each other's values; and all that an argument may be. */
const argument: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom('s', 'h', 'l', 't', 'z', 'm', 'k', 'number', Buffer.from('h'), Buffer.from('l')),
  fc.constantFrom('', 'a\r\nb', '\u00e9\u20ac\u{1f600}', '\ud800', 1, -1, 0.5, 2 ** 53, 1e21, -0),
  fc.constantFrom(null, undefined, true, ['a', 'b'], [], [Buffer.from([0, 255])]),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.uint8Array({ maxLength: 40 }).map((values) => Buffer.from(values)),
  fc.integer({ min: 20, max: 5_000 }).map((length) => 'long '.repeat(length)),
)

const isChanged = fc.integer({ min: 1, max: 100 }).map((share) => share <= CHANGED_OF_100)

/** A call of the table, some of its arguments replaced. */
const call: fc.Arbitrary<Call> = fc.constantFrom(...CALLS).chain(([name, ...args]) => {
  // A changed expiry could pass while the program runs.
  const fixed = name === 'set' && args.length > 2
  const changed = args.map((arg) =>
    fixed ? fc.constant(arg) : isChanged.chain((yes) => (yes ? argument : fc.constant(arg))),
  )
  return fc.tuple(fc.constant(name), ...changed) as fc.Arbitrary<unknown> as fc.Arbitrary<Call>
})

const options: fc.Arbitrary<RedisOptions> = fc
  .record({
    protocol: fc.constantFrom(2 as const, 3 as const),
    replyMapping: fc.constantFrom('legacy' as const, 'resp3' as const),
    stringNumbers: fc.boolean(),
    keyPrefix: fc.constantFrom('', '', 'p:'),
    showFriendlyErrorStack: fc.boolean(),
    enableAutoPipelining: fc.boolean(),
  })
  .map((all) => (all.protocol === 2 ? { ...all, replyMapping: 'legacy' } : all))

const step = fc.record({
  way: fc.constantFrom(...Object.keys(WAYS)),
  calls: fc.array(call, { minLength: 1, maxLength: 12 }),
})
const program = fc.record({ options, steps: fc.array(step, { minLength: 1, maxLength: 6 }) })

let pair: Pair
beforeAll(async () => {
  pair = await startPair()
})
afterAll(() => pair.stop())

describe('random programs', () => {
  it(
    'get equal results and send equal bytes on ioredis and on ours',
    () =>
      fc.assert(
        fc.asyncProperty(program, ({ options, steps }) =>
          compare(pair, async ({ ready }) => {
            const client = await ready(options)
            const made: unknown[] = []
            for (const { way, calls } of steps) {
              if (options.enableAutoPipelining && BROKEN_WITH_AUTO_PIPELINING.includes(way))
                continue
              made.push([way, await WAYS[way]?.(client, calls)])
            }
            return made
          }),
        ),
        propertyParameters(ROUNDS),
      ),
    fuzzTimeoutMs(),
  )
})
