// What the limiter script must decide, in plain BigInt arithmetic, without any thought of speed.
import type { LimitPolicy } from '../src/helpers/index.ts'

/** Takes units at a time in microseconds that never runs backwards. */
export interface Model {
  /** Whether so many units fit now. */
  readonly fits: (us: bigint, cost: bigint) => boolean
  readonly take: (us: bigint, cost: bigint) => void
  readonly refund: (us: bigint, cost: bigint) => void
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/** A bucket; its level is counted in units × the interval. */
export function bucketModel(rate: bigint, intervalUs: bigint, capacity: bigint): Model {
  let level = capacity * intervalUs
  let last = 0n
  const refill = (us: bigint) => {
    level = min(capacity * intervalUs, level + (us - last) * rate)
    last = us
  }
  return {
    fits(us, cost) {
      refill(us)
      return capacity > 0n && cost * intervalUs <= level
    },
    take(us, cost) {
      refill(us)
      level -= cost * intervalUs
    },
    refund(us, cost) {
      refill(us)
      level = min(capacity * intervalUs, level + cost * intervalUs)
    },
  }
}

/** Windows that begin with the first request; `weighted` counts the one before by its share. */
function windowModel(limit: bigint, windowUs: bigint, weighted: boolean): Model {
  let start = 0n
  let count = 0n
  let before = 0n
  const roll = (us: bigint) => {
    if (us - start >= (weighted ? 2n : 1n) * windowUs) {
      count = before = 0n
    } else if (us - start >= windowUs) {
      start += windowUs
      before = count
      count = 0n
    }
    if (count + before === 0n) start = us
  }
  return {
    fits(us, cost) {
      roll(us)
      if (cost === 0n) return limit > 0n
      return before * (windowUs - (us - start)) + (count + cost) * windowUs <= limit * windowUs
    },
    take(us, cost) {
      roll(us)
      count += cost
    },
    refund(us, cost) {
      roll(us)
      before = max(0n, before + min(0n, count - cost))
      count = max(0n, count - cost)
    },
  }
}

/** Every request, with its time. */
function logModel(limit: bigint, windowUs: bigint): Model {
  const log: { us: bigint; units: bigint }[] = []
  const used = (us: bigint) =>
    log.reduce((sum, entry) => (entry.us + windowUs > us ? sum + entry.units : sum), 0n)
  return {
    fits: (us, cost) => (cost === 0n ? limit > 0n : used(us) + cost <= limit),
    take(us, cost) {
      log.push({ us, units: cost })
    },
    refund(us, cost) {
      let rest = cost
      for (const entry of log.toReversed()) {
        if (entry.us + windowUs <= us) break
        const units = min(rest, entry.units)
        entry.units -= units
        rest -= units
      }
    },
  }
}

/** The model of a policy. */
export function modelOf(policy: LimitPolicy): Model {
  const limit = BigInt(policy.limit)
  const windowUs = BigInt(policy.windowMs) * 1_000n
  switch (policy.algorithm) {
    case 'gcra':
      return bucketModel(limit, windowUs, limit === 0n ? 0n : BigInt(policy.burst ?? policy.limit))
    case 'sliding-window':
      return windowModel(limit, windowUs, true)
    case 'fixed-window':
      return windowModel(limit, windowUs, false)
    case 'sliding-log':
      return logModel(limit, windowUs)
  }
}
