import { bootstrapInterval, type Interval } from '../statistics/bootstrap.ts'
import { type Summary, summarize } from '../statistics/summary.ts'
import type { Slice } from '../tools/generator.ts'

/** A ratio to the reference of the same cycle: median, quartiles and the median's 95 % interval. */
export interface Ratio extends Summary {
  readonly interval: Interval
}

/** What a measurement says about one target. */
export interface Figures {
  /** CPU of all threads per request, µs. The primary figure. */
  readonly cpuUs: Summary
  readonly cpuRatio: Ratio
  /** The user part, µs: from clock ticks over the whole measurement, so coarse in short ones. */
  readonly userUs: number
  readonly systemUs: number
  /** Ticks the split rests on; below some 100 it is a hint only. */
  readonly splitTicks: number
  readonly p50Us: Summary
  readonly p50Ratio: Ratio
  readonly p90Us: Summary
  readonly p99Us: Summary
  readonly requestsPerSecond: Summary
  readonly throughputRatio: Ratio
  /** Share of its core that each side used, 0 to 1. */
  readonly serverBusy: number
  readonly generatorBusy: number
  /** The generator was the limit: throughput and latency say nothing, CPU per request stands. */
  readonly throughputVoid: boolean
  readonly requests: number
}

const GENERATOR_LIMIT = 0.9

const sum = (slices: readonly Slice[], pick: (slice: Slice) => number): number =>
  slices.reduce((total, slice) => total + pick(slice), 0)

const cpuPerRequest = (slice: Slice): number => slice.cpuNs / slice.requests
const rate = (slice: Slice): number => slice.requests / slice.wallNs

/** Ratios per cycle of one figure to the reference's. */
const cycleRatios = (
  slices: readonly Slice[],
  reference: readonly Slice[],
  pick: (slice: Slice) => number,
): number[] =>
  slices.flatMap((slice, cycle) => {
    const other = reference[cycle]
    const ratio = other ? pick(slice) / pick(other) : Number.NaN
    return Number.isFinite(ratio) ? [ratio] : []
  })

const ratioOf = (
  slices: readonly Slice[],
  reference: readonly Slice[],
  pick: (slice: Slice) => number,
): Ratio => {
  const ratios = cycleRatios(slices, reference, pick)
  return { ...summarize(ratios), interval: bootstrapInterval(ratios) }
}

/** Turns the slices of one target, and those of the reference, into figures. */
export const figuresOf = (slices: readonly Slice[], reference: readonly Slice[]): Figures => {
  const wallNs = sum(slices, (slice) => slice.wallNs)
  const cpuNs = sum(slices, (slice) => slice.cpuNs)
  const requests = sum(slices, (slice) => slice.requests)
  const userTicks = sum(slices, (slice) => slice.userTicks)
  const splitTicks = userTicks + sum(slices, (slice) => slice.systemTicks)
  const userShare = splitTicks ? userTicks / splitTicks : Number.NaN
  const cpuUs = cpuNs / requests / 1e3
  const serverBusy = cpuNs / wallNs
  const generatorBusy = sum(slices, (slice) => slice.generatorCpuNs) / wallNs
  return {
    cpuUs: summarize(slices.map((slice) => cpuPerRequest(slice) / 1e3)),
    cpuRatio: ratioOf(slices, reference, cpuPerRequest),
    userUs: cpuUs * userShare,
    systemUs: cpuUs * (1 - userShare),
    splitTicks,
    p50Us: summarize(slices.map((slice) => slice.p50Us)),
    p50Ratio: ratioOf(slices, reference, (slice) => slice.p50Us),
    p90Us: summarize(slices.map((slice) => slice.p90Us)),
    p99Us: summarize(slices.map((slice) => slice.p99Us)),
    requestsPerSecond: summarize(slices.map((slice) => rate(slice) * 1e9)),
    throughputRatio: ratioOf(slices, reference, rate),
    serverBusy,
    generatorBusy,
    throughputVoid: generatorBusy > GENERATOR_LIMIT && serverBusy < GENERATOR_LIMIT,
    requests,
  }
}
