import { describe, expect, it } from 'vitest'
import type { Ratio } from '../measure/figures.ts'
import { redisBars } from './redis-bars.ts'
import type { RedisFigures, RedisPointResult } from './redis-figures.ts'

const summary = (median: number) => ({ median, q1: median, q3: median, count: 8 })
const ratio = (median: number, spread = 0): Ratio => ({
  ...summary(median),
  interval: { low: median - spread, high: median + spread },
})

const side = (name: string, ratios?: RedisFigures['ratios']): RedisFigures => ({
  name,
  opsPerSecond: summary(100_000),
  cpuUs: summary(1),
  p50Us: summary(Number.NaN),
  p99Us: summary(Number.NaN),
  peakMiB: 80,
  clientBusy: 1,
  serverBusy: 0.95,
  ratios,
})

const point = (name: string, ...sides: RedisFigures[]): RedisPointResult => ({
  point: name,
  title: `point ${name}`,
  pairs: 8,
  disturbed: 0,
  sides: [side('celeris'), ...sides],
})

const barOf = (results: RedisPointResult[], figure: RegExp) => {
  const bar = redisBars(results).find((one) => figure.test(one.figure))
  expect(bar, `no row ${figure}`).toBeDefined()
  return bar
}

describe('redisBars', () => {
  it('meets what is reached, misses what is not, and says when the server was the limit', () => {
    const results = [
      point('64', side('ioredis', { ops: ratio(5.1), cpu: ratio(0.16), p50: ratio(Number.NaN) })),
    ]
    const ops = barOf(results, /point 64: ops\/s to ioredis$/)
    expect(ops?.verdict).toBe('met')
    expect(ops?.note).toMatch(/the server was the limit \(95 % busy\)/)
    expect(barOf(results, /point 64: CPU per op to ioredis$/)?.verdict).toBe('missed')
    expect(barOf(results, /^512: ops/)?.verdict).toBe('not measured')
  })

  it('allows 64 KiB values the noise of the run, and no more', () => {
    const at = (cpu: Ratio) =>
      barOf(
        [point('64k', side('ioredis', { ops: ratio(1.1), cpu, p50: ratio(Number.NaN) }))],
        /point 64k: CPU/,
      )?.verdict
    expect(at(ratio(1.04, 0.05))).toBe('met')
    expect(at(ratio(1.04, 0.03))).toBe('missed')
    expect(at(ratio(0.9))).toBe('met')
  })

  it('names the points that a rival wins', () => {
    const rival = (ops: number) =>
      side('redis', { ops: ratio(ops), cpu: ratio(0.5), p50: ratio(Number.NaN) })
    const ops = barOf(
      [point('64', rival(2)), point('hash', rival(0.8))],
      /^ops\/s to redis at each/,
    )
    expect(ops?.verdict).toBe('missed')
    expect(ops?.measured).toBe('×0.800')
    expect(ops?.note).toMatch(/closest: point hash; lost: point hash/)
    expect(barOf([point('64', rival(2))], /^CPU per op to redis at each of 1/)?.verdict).toBe('met')
  })
})
