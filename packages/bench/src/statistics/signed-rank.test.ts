import { describe, expect, it } from 'vitest'
import { signedRankPValue } from './signed-rank.ts'

describe('signedRankPValue', () => {
  it('agrees with an example worked by hand', () => {
    // Ranks 2 and 3 are negative: W+ = 50, mean 27.5, variance 96.25, z = 22 / 9.811.
    const differences = [0.952, -0.147, 1.022, 0.43, 0.62, 0.59, 0.49, -0.08, 0.01, 0.3]
    expect(signedRankPValue(differences, 0)).toBeCloseTo(0.0249, 4)
  })

  it('gets small where fifty values agree', () => {
    const shifted = Array.from({ length: 50 }, (_, step) => 1.05 + step / 1000)
    expect(signedRankPValue(shifted)).toBeLessThan(1e-6)
  })

  it('does not decide on fewer than ten values', () => {
    expect(signedRankPValue([2, 2, 2], 1)).toBe(1)
  })

  it('sees nothing in symmetric values and much in shifted ones', () => {
    const symmetric = [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5].map((step) => 1 + step / 100)
    expect(signedRankPValue(symmetric, 1)).toBeGreaterThan(0.9)
    expect(
      signedRankPValue(
        symmetric.map((value) => value + 0.2),
        1,
      ),
    ).toBeLessThan(0.01)
  })

  it('leaves out values without a difference', () => {
    expect(
      signedRankPValue(
        Array.from({ length: 50 }, () => 1),
        1,
      ),
    ).toBe(1)
  })
})
