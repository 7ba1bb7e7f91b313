import { propertyParameters } from '@celeris/test-support'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { divideProduct, simplestRatio } from './exact.ts'

const large = fc.integer({ min: 0, max: 1e15 })

describe('divideProduct', () => {
  it('is exact, also where the product exceeds 2^53', () => {
    fc.assert(
      fc.property(large, large, fc.integer({ min: 1, max: 1e15 }), (a, b, c) => {
        const { quotient, remainder } = divideProduct(a, b, c)
        const product = BigInt(a) * BigInt(b)
        expect(remainder).toBe(Number(product % BigInt(c)))
        if (product / BigInt(c) < 2n ** 53n) {
          expect(BigInt(quotient) * BigInt(c) + BigInt(remainder)).toBe(product)
        }
      }),
      propertyParameters(2_000),
    )
  })
})

describe('simplestRatio', () => {
  it('finds the fraction that was meant', () => {
    const part = fc.integer({ min: 1, max: 1_000_000 })
    fc.assert(
      fc.property(part, part, (n, d) => {
        const { numerator, denominator } = simplestRatio(n / d, 1e12)
        expect(BigInt(numerator) * BigInt(d)).toBe(BigInt(denominator) * BigInt(n))
      }),
      propertyParameters(2_000),
    )
    expect(simplestRatio(0.1, 1e12)).toEqual({ numerator: 1, denominator: 10 })
    expect(simplestRatio(1e-12, 1e12)).toEqual({ numerator: 1, denominator: 1e12 })
    expect(simplestRatio(1e12, 1e12)).toEqual({ numerator: 1e12, denominator: 1 })
  })

  it('stays within its bound and as near as the bound allows', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (value) => {
        const { numerator, denominator } = simplestRatio(value, 1e12)
        expect(Math.max(numerator, denominator)).toBeLessThanOrEqual(1e12)
        expect(Math.abs(numerator / denominator / value - 1)).toBeLessThan(1e-11)
      }),
      propertyParameters(2_000),
    )
  })
})
