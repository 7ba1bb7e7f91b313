import { describe, expect, it } from 'vitest'
import { deriveMemoryLimit } from './memory-limit.ts'

const MIB = 2 ** 20

describe('deriveMemoryLimit (K-4)', () => {
  it.each([
    [0, 256],
    [1, 256],
    [4, 256],
    [8, 256],
    [9, 288],
    [16, 512],
    [64, 2_048],
  ])('gives for %i workers %i MiB', (workers, mib) => {
    expect(deriveMemoryLimit(workers)).toBe(mib * MIB)
  })

  it('stays under three quarters of what is available', () => {
    expect(deriveMemoryLimit(0, { available: 256 * MIB })).toBe(192 * MIB)
    expect(deriveMemoryLimit(0, { available: 1_024 * MIB })).toBe(256 * MIB)
    expect(deriveMemoryLimit(0, { available: Infinity })).toBe(256 * MIB)
    expect(deriveMemoryLimit(0, { available: undefined })).toBe(256 * MIB)
  })

  it.each([Number.NaN, -1, 0.5, Infinity, '4' as never])('refuses %s workers', (workers) => {
    expect(() => deriveMemoryLimit(workers)).toThrow(RangeError)
  })

  it.each([Number.NaN, 0, -1])('refuses %s available bytes', (available) => {
    expect(() => deriveMemoryLimit(1, { available })).toThrow(RangeError)
  })
})
