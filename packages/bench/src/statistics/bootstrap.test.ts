import { describe, expect, it } from 'vitest'
import { bootstrapInterval, groupedBootstrapInterval, seededRandom } from './bootstrap.ts'

const noisy = (count: number, center: number, seed: number): number[] => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => center + (random() - 0.5) * 0.1)
}

describe('bootstrapInterval', () => {
  it('holds the true median and narrows with more values', () => {
    const few = bootstrapInterval(noisy(20, 1, 2))
    const many = bootstrapInterval(noisy(500, 1, 3))
    expect(few.low).toBeLessThan(1)
    expect(few.high).toBeGreaterThan(1)
    expect(many.high - many.low).toBeLessThan(few.high - few.low)
  })

  it('is the same for the same values', () => {
    expect(bootstrapInterval(noisy(30, 1, 4))).toEqual(bootstrapInterval(noisy(30, 1, 4)))
  })

  it('is the range of fewer than three values', () => {
    expect(bootstrapInterval([2, 1])).toEqual({ low: 1, high: 2 })
  })
})

describe('groupedBootstrapInterval', () => {
  it('is wider than the ungrouped one when launches differ', () => {
    const launches = [noisy(50, 0.97, 5), noisy(50, 1, 6), noisy(50, 1.03, 7)]
    const grouped = groupedBootstrapInterval(launches)
    const flat = bootstrapInterval(launches.flat())
    expect(grouped.high - grouped.low).toBeGreaterThan(2 * (flat.high - flat.low))
  })
})
