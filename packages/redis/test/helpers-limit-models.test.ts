// The limiter script against exact models, on a clock of the test.
import {
  fuzzTimeoutMs,
  propertyParameters,
  type RedisServer,
  startRedis,
} from '@celeris/test-support'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type LimitPolicy,
  refundUnits,
  slidingWindow,
  takeUnits,
  tokenBucket,
  type UnitsDecision,
} from '../src/helpers/index.ts'
import { expiresAt, type TestClock, testClock } from './helpers-clock.ts'
import { bucketModel, modelOf } from './helpers-models.ts'

let server: RedisServer
let redis: Redis
let keyNumber = 0

beforeAll(async () => {
  server = await startRedis()
  redis = new Redis({ host: server.host, port: server.port })
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

const freshKey = (): string => `key-${++keyNumber}`
/** Even over the range, where `fc.double` is even over the exponents. */
const upTo = (most: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 1_000_000 }).map((number) => (number / 1_000_000) * most)
const windowsMs = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.integer({ min: 10, max: 100_000 }),
  fc.constantFrom(60_000, 86_400_000, 31_536_000_000),
)
const limits = fc.oneof(
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 0, max: 5_000 }),
  fc.integer({ min: 1, max: 1_000_000_000_000_000 }),
)

const policyShapes = fc
  .record({
    algorithm: fc.constantFrom('gcra', 'sliding-window', 'fixed-window', 'sliding-log'),
    limit: limits,
    windowMs: windowsMs,
    burst: fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined }),
  })
  .map(({ algorithm, limit, windowMs, burst }): Omit<LimitPolicy, 'name'> => {
    if (algorithm === 'sliding-log') return { algorithm, limit: limit % 10_001, windowMs }
    if (algorithm !== 'gcra' || burst === undefined) return { algorithm, limit, windowMs }
    // The bucket must fill within 100 years.
    const fillsInTime = (burst / Math.max(limit, 1)) * windowMs <= 3_153_600_000_000
    return fillsInTime ? { algorithm, limit, windowMs, burst } : { algorithm, limit, windowMs }
  })

const policyLists = fc
  .array(policyShapes, { minLength: 1, maxLength: 3 })
  .map((shapes) => shapes.map((shape, index): LimitPolicy => ({ ...shape, name: `p${index}` })))

/** A share of what a policy has, and a share of its window to wait before. */
const steps = fc.array(
  fc.record({
    wait: fc.oneof(fc.constant(0), upTo(0.2), upTo(2.5)),
    cost: fc.oneof(fc.constant(1), fc.constant(0), fc.integer({ min: 0, max: 6 }), fc.constant(-1)),
    share: upTo(1.1),
    refund: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
    exactly: fc.boolean(),
  }),
  { minLength: 1, maxLength: 14 },
)

interface Program {
  readonly policies: LimitPolicy[]
  readonly steps: typeof steps extends fc.Arbitrary<infer T> ? T : never
}

/** Runs `visit` after every request of a program, on a fresh key. */
async function run(
  { policies, steps }: Program,
  visit: (step: {
    key: string
    clock: TestClock
    cost: number
    decision: UnitsDecision
    before: Buffer | null
  }) => Promise<void>,
): Promise<void> {
  const clock = testClock(redis)
  const key = freshKey()
  let waitedFor = 0
  for (const { wait, cost: units, share, refund, exactly } of steps) {
    const [first] = policies as [LimitPolicy]
    // Sometimes to the very microsecond at which something was said to change.
    clock.us += exactly ? waitedFor * 1_000 : Math.round(wait * first.windowMs * 1_000)
    await clock.expire(key)
    const most = Math.min(...policies.map(({ burst, limit }) => burst ?? limit))
    const cost = units >= 0 ? units : Math.min(Math.round(most * share), 1e15)
    if (refund) {
      await refundUnits(clock, { key, policies, cost })
      await visit({ key, clock, cost: -cost, decision: NOTHING, before: null })
      continue
    }
    const before = await redis.dumpBuffer(key)
    const decision = await takeUnits(clock, { key, policies, cost })
    const { retryAfterMs, policies: each } = decision
    waitedFor = Number.isFinite(retryAfterMs) ? retryAfterMs || (each[0]?.nextMs ?? 0) : 0
    await visit({ key, clock, cost, decision, before })
  }
  await redis.del(key)
}
const NOTHING: UnitsDecision = { allowed: true, retryAfterMs: 0, policies: [] }

const programs: fc.Arbitrary<Program> = fc.record({ policies: policyLists, steps })
const seconds = fuzzTimeoutMs()

describe('all policies as one (HELP-5, HELP-6, HELP-7)', () => {
  it(
    'decides as exact models of every algorithm do, and charges all or none',
    async () => {
      await fc.assert(
        fc.asyncProperty(programs, async (program) => {
          const models = program.policies.map(modelOf)
          await run(program, async ({ clock, cost, decision }) => {
            const us = BigInt(clock.us)
            const units = BigInt(Math.abs(cost))
            if (cost < 0 || decision === NOTHING) {
              for (const model of models) model.refund(us, units)
              return
            }
            const fits = models.map((model) => model.fits(us, units))
            expect(decision.policies.map(({ allowed }) => allowed)).toEqual(fits)
            expect(decision.allowed).toBe(fits.every(Boolean))
            if (decision.allowed) for (const model of models) model.take(us, units)
          })
        }),
        propertyParameters(150),
      )
    },
    seconds,
  )

  it(
    'tells the truth about remaining, retryAfterMs, nextMs and resetMs, all integers',
    async () => {
      await fc.assert(
        fc.asyncProperty(programs, async (program) => {
          const { policies } = program
          await run(program, async ({ key, clock, cost, decision }) => {
            if (decision === NOTHING) return
            const now = clock.us
            /** What a request on a copy of the key would be told at another time. */
            const ask = async (policy: LimitPolicy, units: number, ms = 0) => {
              const copy = `${key}-copy`
              await redis.del(copy)
              await redis.call('COPY', key, copy)
              clock.us = now + ms * 1_000
              const [told] = (
                await takeUnits(clock, { key: copy, policies: [policy], cost: units })
              ).policies
              clock.us = now
              return told as NonNullable<typeof told>
            }
            for (const [index, policy] of policies.entries()) {
              const told = decision.policies[index] as NonNullable<(typeof decision.policies)[0]>
              const { allowed, remaining, retryAfterMs, nextMs, resetMs } = told
              for (const number of [remaining, nextMs, resetMs]) {
                expect(number).toSatisfy(Number.isSafeInteger)
                expect(number).toBeGreaterThanOrEqual(0)
              }
              const most = policy.limit === 0 ? 0 : (policy.burst ?? policy.limit)
              expect((await ask(policy, remaining)).allowed).toBe(most > 0)
              if (remaining < 1e15) expect((await ask(policy, remaining + 1)).allowed).toBe(false)
              // Waiting so long really helps, and no shorter wait does.
              expect(nextMs > 0).toBe(remaining < most)
              if (nextMs > 0) {
                expect((await ask(policy, remaining + 1, nextMs)).allowed).toBe(true)
                expect((await ask(policy, remaining + 1, nextMs - 1)).allowed).toBe(false)
                expect((await ask(policy, most, resetMs)).allowed).toBe(true)
                expect((await ask(policy, most, resetMs - 1)).allowed).toBe(false)
              }
              if (allowed) expect(retryAfterMs).toBe(0)
              else if (cost > most || most === 0)
                expect(retryAfterMs).toBe(Number.POSITIVE_INFINITY)
              else {
                expect(retryAfterMs).toSatisfy(Number.isSafeInteger)
                expect((await ask(policy, cost, retryAfterMs)).allowed).toBe(true)
                expect((await ask(policy, cost, retryAfterMs - 1)).allowed).toBe(false)
              }
            }
            const longest = Math.max(...decision.policies.map((policy) => policy.retryAfterMs))
            expect(decision.retryAfterMs).toBe(decision.allowed ? 0 : longest)
          })
        }),
        propertyParameters(60),
      )
    },
    seconds,
  )

  it(
    'changes nothing when it refuses or only looks',
    async () => {
      let refused = 0
      await fc.assert(
        fc.asyncProperty(programs, async (program) => {
          await run(program, async ({ key, cost, decision, before }) => {
            if (decision === NOTHING || (decision.allowed && cost > 0)) return
            refused++
            expect(await redis.dumpBuffer(key)).toEqual(before)
          })
        }),
        propertyParameters(100),
      )
      expect(refused).toBeGreaterThan(50)
    },
    seconds,
  )

  it(
    'gives back what was taken last, and nothing that has passed',
    async () => {
      const changes = fc.array(
        fc.record({
          ms: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 900 })),
          cost: fc.integer({ min: 1, max: 6 }),
          refund: fc.boolean(),
        }),
        { minLength: 5, maxLength: 25 },
      )
      const policies: LimitPolicy[] = [
        { name: 'bucket', algorithm: 'gcra', limit: 17, windowMs: 1_000 },
        { name: 'window', algorithm: 'sliding-window', limit: 16, windowMs: 900 },
        { name: 'fixed', algorithm: 'fixed-window', limit: 16, windowMs: 1_100 },
        { name: 'log', algorithm: 'sliding-log', limit: 15, windowMs: 1_500 },
      ]
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...policies), changes, async (policy, changes) => {
          const clock = testClock(redis)
          const asked = { key: freshKey(), policies: [policy] }
          const model = modelOf(policy)
          for (const { ms, cost, refund } of changes) {
            clock.us += ms * 1_000
            const us = BigInt(clock.us)
            if (refund) {
              await refundUnits(clock, { ...asked, cost })
              model.refund(us, BigInt(cost))
            } else {
              const { allowed } = await takeUnits(clock, { ...asked, cost })
              expect(allowed).toBe(model.fits(us, BigInt(cost)))
              if (allowed) model.take(us, BigInt(cost))
            }
            const [told] = (await takeUnits(clock, { ...asked, cost: 0 })).policies
            const remaining = BigInt(told?.remaining ?? -1)
            expect([model.fits(us, remaining), model.fits(us, remaining + 1n)]).toEqual([
              true,
              false,
            ])
          }
          await redis.del(asked.key)
        }),
        propertyParameters(200),
      )
    },
    seconds,
  )

  it(
    'counts a clock that runs backwards as standing still',
    async () => {
      const jumps = fc.array(
        fc.record({
          ms: fc.oneof(
            fc.integer({ min: 0, max: 3_000 }),
            fc.integer({ min: -3_600_000, max: -1 }),
            fc.constant(0),
          ),
          cost: fc.integer({ min: 1, max: 3 }),
        }),
        { minLength: 5, maxLength: 30 },
      )
      const policies: LimitPolicy[] = [
        { name: 'bucket', algorithm: 'gcra', limit: 7, windowMs: 1_000 },
        { name: 'window', algorithm: 'sliding-window', limit: 9, windowMs: 3_000 },
        { name: 'fixed', algorithm: 'fixed-window', limit: 9, windowMs: 2_000 },
        { name: 'log', algorithm: 'sliding-log', limit: 11, windowMs: 2_500 },
      ]
      await fc.assert(
        fc.asyncProperty(jumps, fc.constantFrom(...policies), async (jumps, policy) => {
          const clock = testClock(redis)
          const key = freshKey()
          const model = modelOf(policy)
          let forwards = BigInt(clock.us)
          for (const { ms, cost } of jumps) {
            clock.us += ms * 1_000
            if (ms > 0) forwards += BigInt(ms) * 1_000n
            const ask = () => takeUnits(clock, { key, policies: [policy], cost })
            const { allowed, retryAfterMs } = await ask()
            // Never more than time that ran forwards would allow …
            if (allowed) {
              expect(model.fits(forwards, BigInt(cost))).toBe(true)
              model.take(forwards, BigInt(cost))
              continue
            }
            // … and the wait that is told is one of the new time, not one back to the old.
            expect(retryAfterMs).toBeLessThanOrEqual(2 * policy.windowMs)
            clock.us += retryAfterMs * 1_000
            forwards += BigInt(retryAfterMs) * 1_000n
            expect((await ask()).allowed).toBe(true)
            model.take(forwards, BigInt(cost))
          }
          await redis.del(key)
        }),
        propertyParameters(80),
      )
    },
    seconds,
  )

  it('keeps one state for policies that are asked for apart, and none that outlives its use', async () => {
    const clock = testClock(redis)
    const key = freshKey()
    const long: LimitPolicy = {
      name: 'day',
      algorithm: 'fixed-window',
      limit: 2,
      windowMs: 86_400_000,
    }
    const short: LimitPolicy = { name: 'second', algorithm: 'gcra', limit: 1, windowMs: 1_000 }
    const ask = async (policy: LimitPolicy) =>
      (await takeUnits(clock, { key, policies: [policy] })).allowed
    expect(await ask(long)).toBe(true)
    expect([await ask(short), await ask(short)]).toEqual([true, false])
    expect((await expiresAt(redis, key)) - clock.us).toBe(86_400_001_000)
    clock.us += 1_000_000
    expect([await ask(short), await ask(long), await ask(long)]).toEqual([true, true, false])
  })

  it('forgets the entries of a log that have passed', async () => {
    const clock = testClock(redis)
    const key = freshKey()
    const log: LimitPolicy = {
      name: 'log',
      algorithm: 'sliding-log',
      limit: 3_000,
      windowMs: 60_000,
    }
    const day: LimitPolicy = { name: 'day', algorithm: 'gcra', limit: 9_000, windowMs: 86_400_000 }
    for (let number = 0; number < 2_500; number++) {
      clock.us += 1_000
      await takeUnits(clock, { key, policies: [log, day] })
    }
    expect(await redis.hlen(key)).toBeGreaterThan(2_500)
    clock.us += 60_000_000
    await takeUnits(clock, { key, policies: [log, day] })
    // Clock, two policies, one entry.
    expect(await redis.hlen(key)).toBe(4)
  })

  it('is bounded by the policy of today when a deployment has changed it', async () => {
    const clock = testClock(redis)
    const key = freshKey()
    const policy = (limit: number, windowMs: number): LimitPolicy[] => [
      { name: 'p', algorithm: 'gcra', limit, windowMs },
    ]
    await takeUnits(clock, { key, policies: policy(10, 86_400_000), cost: 10 })
    const { retryAfterMs, policies } = await takeUnits(clock, { key, policies: policy(7, 1_000) })
    expect(policies[0]?.remaining).toBe(0)
    expect(retryAfterMs).toBe(143)
    // A part of a microsecond means another part of it at another rate.
    const other = freshKey()
    await takeUnits(clock, { key: other, policies: policy(999_983, 50_500) })
    const after = await takeUnits(clock, { key: other, policies: policy(2, 1_000), cost: 2 })
    expect(after.retryAfterMs).toBe(1)
  })

  it('makes no key that only looks or gives back, and none that lives for ever', async () => {
    const clock = testClock(redis)
    const key = freshKey()
    const each: LimitPolicy['algorithm'][] = [
      'gcra',
      'sliding-window',
      'fixed-window',
      'sliding-log',
    ]
    for (const algorithm of each) {
      const policies = [{ name: 'p', algorithm, limit: 10_000, windowMs: 1 }]
      await refundUnits(clock, { key, policies, cost: 5 })
      await takeUnits(clock, { key, policies, cost: 0 })
      expect(await redis.exists(key)).toBe(0)
      // Its bucket is full again within a microsecond.
      await takeUnits(clock, { key, policies, cost: 1 })
      expect(await expiresAt(redis, key)).toBeGreaterThan(clock.us)
      await redis.del(key)
    }
  })
})

describe('at the edge', () => {
  /** Limits of any magnitude. */
  const magnitudes = fc
    .record({
      exponent: fc.integer({ min: 0, max: 14 }),
      part: upTo(9),
    })
    .map(({ exponent, part }) => Math.floor((1 + part) * 10 ** exponent))
  const shares = upTo(1)

  it(
    'of the share of the window before, limits of any size are exact',
    async () => {
      const ages = fc.record({ first: shares, second: shares, age: shares, later: shares })
      await fc.assert(
        fc.asyncProperty(magnitudes, windowsMs, ages, async (limit, windowMs, ages) => {
          const clock = testClock(redis)
          const key = freshKey()
          const model = modelOf({ algorithm: 'sliding-window', name: '', limit, windowMs })
          const ask = async (cost: number) => {
            const decision = await slidingWindow(clock, { key, limit, windowMs, cost })
            const us = BigInt(clock.us)
            expect(decision.allowed).toBe(model.fits(us, BigInt(cost)))
            if (decision.allowed) model.take(us, BigInt(cost))
            return decision
          }
          await ask(Math.round(limit * ages.first))
          clock.us += windowMs * 1_000 + Math.round(ages.age * (windowMs * 1_000 - 1))
          await ask(Math.round(limit * ages.second))
          clock.us += Math.round(ages.later * windowMs * 1_000)
          const { remaining } = await ask(0)
          if (remaining < 1e15) expect((await ask(remaining + 1)).allowed).toBe(false)
          expect((await ask(remaining)).allowed).toBe(true)
          await redis.del(key)
        }),
        propertyParameters(200),
      )
    },
    seconds,
  )

  it(
    'of a microsecond, buckets whose units last less are exact',
    async () => {
      const changes = fc.array(
        fc.record({
          us: fc.integer({ min: 0, max: 3 }),
          share: shares,
          refund: fc.boolean(),
        }),
        { minLength: 2, maxLength: 12 },
      )
      const rates = fc.integer({ min: 1_001, max: 50_000 })
      await fc.assert(
        fc.asyncProperty(rates, changes, async (limit, changes) => {
          const clock = testClock(redis)
          const key = freshKey()
          const policy: LimitPolicy = {
            algorithm: 'gcra',
            name: 'p',
            limit,
            windowMs: 1,
            burst: 50,
          }
          const policies = [policy]
          const model = modelOf(policy)
          for (const { us, share, refund } of changes) {
            clock.us += us
            const cost = Math.round(share * 50)
            const at = BigInt(clock.us)
            if (refund) {
              await refundUnits(clock, { key, policies, cost })
              model.refund(at, BigInt(cost))
            } else {
              const { allowed } = await takeUnits(clock, { key, policies, cost })
              expect(allowed).toBe(model.fits(at, BigInt(cost)))
              if (allowed) model.take(at, BigInt(cost))
            }
            const [told] = (await takeUnits(clock, { key, policies, cost: 0 })).policies
            const remaining = BigInt(told?.remaining ?? -1)
            expect([model.fits(at, remaining), model.fits(at, remaining + 1n)]).toEqual([
              true,
              false,
            ])
          }
          await redis.del(key)
        }),
        propertyParameters(150),
      )
    },
    seconds,
  )
})

describe('tokenBucket (HELP-5)', () => {
  it(
    'admits what a bucket in exact arithmetic admits, at any rate',
    async () => {
      const rates = fc.oneof(
        fc.record({
          n: fc.integer({ min: 1, max: 1_000 }),
          d: fc.integer({ min: 1, max: 100_000 }),
        }),
        fc.constantFrom(
          { n: 1, d: 3 },
          { n: 7, d: 60_000 },
          { n: 1, d: 86_400_000 },
          { n: 999, d: 1 },
        ),
      )
      const calls = fc.array(
        fc.record({
          us: fc.integer({ min: 0, max: 40_000 }),
          cost: fc.integer({ min: 0, max: 4 }),
        }),
        { minLength: 1, maxLength: 40 },
      )
      await fc.assert(
        fc.asyncProperty(
          rates,
          fc.integer({ min: 1, max: 20 }),
          calls,
          async ({ n, d }, capacity, calls) => {
            const clock = testClock(redis)
            const key = freshKey()
            const model = bucketModel(BigInt(n), BigInt(d) * 1_000n, BigInt(capacity))
            for (const { us, cost } of calls) {
              clock.us += us
              const { allowed } = await tokenBucket(clock, {
                key,
                capacity,
                refillPerMs: n / d,
                cost,
              })
              const at = BigInt(clock.us)
              expect(allowed).toBe(model.fits(at, BigInt(cost)))
              if (allowed) model.take(at, BigInt(cost))
            }
            await redis.del(key)
          },
        ),
        propertyParameters(80),
      )
    },
    seconds,
  )

  it('never drifts: a rate of 1 / 3 gives exactly a third, however it is asked', async () => {
    const clock = testClock(redis)
    const key = freshKey()
    const begin = clock.us
    let admitted = 0
    while (clock.us < begin + 3_000_000) {
      clock.us += 1_700
      if ((await tokenBucket(clock, { key, capacity: 1, refillPerMs: 1 / 3 })).allowed) admitted++
      if (admitted > 0 && admitted % 50 === 0) {
        const { retryAfterMs } = await tokenBucket(clock, { key, capacity: 1, refillPerMs: 1 / 3 })
        expect(retryAfterMs).toBeLessThanOrEqual(3)
      }
    }
    expect(admitted).toBeLessThanOrEqual(1 + 1_000)
    expect(admitted).toBeGreaterThan(580)
  })
})

describe('slidingWindow (HELP-6)', () => {
  const traffic = fc.array(
    fc.record({
      us: fc.oneof(
        fc.constant(0),
        fc.integer({ min: 1, max: 300_000 }),
        // Hostile: just around the edges of a window.
        fc.constantFrom(999_999, 1_000_000, 1_000_001, 1_999_999, 2_000_000),
      ),
      cost: fc.constantFrom(1, 1, 1, 2, 3),
    }),
    { minLength: 10, maxLength: 60 },
  )

  it(
    'stays below twice the limit in every window, and within it at one instant',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 12 }), traffic, async (limit, traffic) => {
          const clock = testClock(redis)
          const key = freshKey()
          const log: { us: number; units: number }[] = []
          const between = (from: number, to: number) =>
            log.reduce((sum, { us, units }) => (us >= from && us < to ? sum + units : sum), 0)
          for (const { us, cost } of traffic) {
            clock.us += us
            const asked = { key, limit, windowMs: 1_000, cost }
            const quiet = between(clock.us - 2_000_000 + 1, clock.us + 1) === 0
            const { allowed, retryAfterMs } = await slidingWindow(clock, asked)
            if (quiet) expect(allowed).toBe(cost <= limit)
            if (cost <= limit) expect(retryAfterMs).toBeLessThanOrEqual(2_000)
            if (allowed) log.push({ us: clock.us, units: cost })
            expect(between(clock.us - 1_000_000 + 1, clock.us + 1)).toBeLessThan(2 * limit)
            expect(between(clock.us, clock.us + 1)).toBeLessThanOrEqual(limit)
          }
          await redis.del(key)
        }),
        propertyParameters(80),
      )
    },
    seconds,
  )

  it('with a limit of 1 admits one in any window, and one again after two', async () => {
    const clock = testClock(redis)
    const ask = async (afterUs: number) => {
      clock.us += afterUs
      return slidingWindow(clock, { key: 'one', limit: 1, windowMs: 1_000 })
    }
    expect(await ask(0)).toEqual({ allowed: true, remaining: 0, retryAfterMs: 0, resetMs: 2_000 })
    expect(await ask(0)).toMatchObject({ allowed: false, retryAfterMs: 2_000 })
    expect(await ask(1_000_000)).toMatchObject({ allowed: false, retryAfterMs: 1_000 })
    expect(await ask(999_999)).toMatchObject({ allowed: false, retryAfterMs: 1 })
    expect(await ask(1)).toMatchObject({ allowed: true })
  })
})
