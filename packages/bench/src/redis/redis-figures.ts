import type { Ratio } from '../measure/figures.ts'
import { groupedBootstrapInterval } from '../statistics/bootstrap.ts'
import { type Summary, summarize } from '../statistics/summary.ts'
import type { PointSamples, RedisSlice, SideSamples } from './measure-point.ts'
import type { RedisPoint } from './redis-points.ts'

/** The subject's figures over another side's, of the same cycle. */
export interface RedisRatios {
  readonly ops: Ratio
  readonly cpu: Ratio
  readonly p50: Ratio
}

/** What a point says about one side. */
export interface RedisFigures {
  readonly name: string
  readonly opsPerSecond: Summary
  /** User and system, all threads, µs. */
  readonly cpuUs: Summary
  /** Latency of the lone caller; NaN at other points. */
  readonly p50Us: Summary
  readonly p99Us: Summary
  readonly peakMiB: number
  /** Share of its core each used, 0 to 1. */
  readonly clientBusy: number
  readonly serverBusy: number
  /** Undefined for the subject itself. */
  readonly ratios: RedisRatios | undefined
}

/** A point, measured; the subject first. */
export interface RedisPointResult {
  readonly point: string
  readonly title: string
  readonly pairs: number
  readonly disturbed: number
  readonly sides: readonly RedisFigures[]
}

type Pick = (slice: RedisSlice) => number

const rate: Pick = ({ ops, wallNs }) => (ops / wallNs) * 1e9
const cpu: Pick = ({ ops, cpuNs }) => cpuNs / ops / 1e3
const p50: Pick = ({ p50Us }) => p50Us

const ratioOf = (subject: SideSamples, other: SideSamples, pick: Pick): Ratio => {
  const launches = subject.launches.map((slices, launch) =>
    slices.flatMap((slice, cycle) => {
      const against = other.launches[launch]?.[cycle]
      const ratio = against ? pick(slice) / pick(against) : Number.NaN
      return Number.isFinite(ratio) ? [ratio] : []
    }),
  )
  const ratios = launches.flat()
  const interval =
    ratios.length === 0 ? { low: Number.NaN, high: Number.NaN } : groupedBootstrapInterval(launches)
  return { ...summarize(ratios), interval }
}

const figuresOfSide = (side: SideSamples, subject: SideSamples): RedisFigures => {
  const slices = side.launches.flat()
  const total = (pick: Pick): number => slices.reduce((sum, slice) => sum + pick(slice), 0)
  const finite = (pick: Pick): Summary => summarize(slices.map(pick).filter(Number.isFinite))
  const wallNs = total((slice) => slice.wallNs)
  return {
    name: side.library.name,
    opsPerSecond: finite(rate),
    cpuUs: finite(cpu),
    p50Us: finite(p50),
    p99Us: finite(({ p99Us }) => p99Us),
    peakMiB: side.peakMiB,
    clientBusy: total(({ cpuNs }) => cpuNs) / wallNs,
    serverBusy: total(({ serverNs }) => serverNs) / wallNs,
    ratios:
      side === subject
        ? undefined
        : {
            ops: ratioOf(subject, side, rate),
            cpu: ratioOf(subject, side, cpu),
            p50: ratioOf(subject, side, p50),
          },
  }
}

/** Turns the samples of a point into figures. */
export const pointResult = (
  { name, title }: RedisPoint,
  { sides, disturbed }: PointSamples,
): RedisPointResult => {
  const [subject] = sides
  return {
    point: name,
    title,
    pairs: subject?.launches.flat().length ?? 0,
    disturbed,
    sides: subject ? sides.map((side) => figuresOfSide(side, subject)) : [],
  }
}
