import { describe, expect, it } from 'vitest'
import { seededRandom } from './bootstrap.ts'
import { judge, type Quartet } from './verdict.ts'

/** Launches whose processes differ by `launchNoise` and whose cycles by `cycleNoise`. */
const launches = (ratio: number, launchNoise: number, seed: number): Quartet[][] => {
  const random = seededRandom(seed)
  const around = (share: number): number => 1 + (random() - 0.5) * 2 * share
  return Array.from({ length: 4 }, () => {
    const [a1, a2, b1, b2] = [
      around(launchNoise),
      around(launchNoise),
      around(launchNoise),
      around(launchNoise),
    ]
    return Array.from({ length: 30 }, () => ({
      a1: 10 * a1 * around(0.02),
      a2: 10 * a2 * around(0.02),
      b1: 10 * ratio * b1 * around(0.02),
      b2: 10 * ratio * b2 * around(0.02),
    }))
  })
}

describe('judge', () => {
  it('says nothing of A against A', () => {
    // One per cent of wrong claims is what the floor allows.
    const verdicts = Array.from({ length: 60 }, (_, seed) => judge(launches(1, 0.01, seed)).verdict)
    expect(verdicts.filter((verdict) => verdict !== 'same').length).toBeLessThanOrEqual(2)
  })

  it('flags five per cent more and five per cent less', () => {
    expect(judge(launches(1.05, 0.005, 21)).verdict).toBe('slower')
    expect(judge(launches(0.95, 0.005, 22)).verdict).toBe('faster')
  })

  it('claims nothing that two copies of one side also show', () => {
    const verdict = judge(launches(1.02, 0.1, 23))
    expect(verdict.noiseFloor).toBeGreaterThan(0.02)
    expect(verdict.verdict).toBe('same')
  })

  it('claims nothing below half a per cent, however quiet', () => {
    const quiet = Array.from({ length: 3 }, () =>
      Array.from({ length: 20 }, () => ({ a1: 10, a2: 10, b1: 10.03, b2: 10.03 })),
    )
    expect(judge(quiet).verdict).toBe('same')
  })
})
