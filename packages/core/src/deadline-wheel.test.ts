import { afterEach, expect, test, vi } from 'vitest'
import { DeadlineWheel, type Expirable } from './deadline-wheel.ts'

afterEach(() => {
  vi.useRealTimers()
})

function entry(expired: () => void): Expirable {
  return {
    deadlineAt: 0,
    deadlineNext: null,
    deadlinePrevious: null,
    deadlineSlot: -1,
    expire: expired,
  }
}

test('expires never early and at most one tick and sweep late (TO1)', () => {
  vi.useFakeTimers()
  let now = 1_000
  const wheel = new DeadlineWheel(() => now)
  const late: number[] = []
  let seed = 7
  const random = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed / 2_147_483_648
  }
  let filed = 0
  for (let step = 0; step < 4_000; step++) {
    const ms = Math.floor(random() * 12_000)
    const due = now + ms
    wheel.add(
      entry(() => late.push(now - due)),
      ms,
    )
    filed++
    now += 1 + Math.floor(random() * 4)
    if (step % 3 === 0) wheel.sweep()
  }
  while (wheel.size > 0) {
    now += 10
    wheel.sweep()
  }
  expect(late.length).toBe(filed)
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...late)).toBeLessThanOrEqual(25)
})

test('a removed deadline does not expire, a moved one expires once', () => {
  vi.useFakeTimers()
  let now = 0
  const wheel = new DeadlineWheel(() => now)
  const calls: string[] = []
  const removed = entry(() => calls.push('removed'))
  const moved = entry(() => calls.push('moved'))
  wheel.add(removed, 50)
  wheel.add(moved, 50)
  wheel.add(moved, 500)
  wheel.remove(removed)
  wheel.remove(removed)
  expect(wheel.size).toBe(1)
  now = 100
  wheel.sweep()
  expect(calls).toEqual([])
  now = 511
  wheel.sweep()
  expect(calls).toEqual(['moved'])
  expect(wheel.size).toBe(0)
  expect(vi.getTimerCount()).toBe(0)
})

test('keeps a timer only while something is filed (TO8)', () => {
  vi.useFakeTimers()
  const wheel = new DeadlineWheel(() => 0)
  const one = entry(() => undefined)
  wheel.add(one, 5_000)
  expect(vi.getTimerCount()).toBe(1)
  wheel.remove(one)
  expect(vi.getTimerCount()).toBe(0)
})
