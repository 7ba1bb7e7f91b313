import type { Bar } from '../bars/bar.ts'
import { BenchError, shortReason } from '../errors.ts'
import { type MachineFacts, machineFacts } from '../machine-facts.ts'
import type { Workbench } from '../workbench.ts'
import { measurePoint } from './measure-point.ts'
import { redisBars } from './redis-bars.ts'
import { pointResult, type RedisPointResult } from './redis-figures.ts'
import { measureRedisHeap, type RedisHeap } from './redis-heap.ts'
import { celeris, type RedisLibrary } from './redis-libraries.ts'
import type { RedisPlan } from './redis-plan.ts'
import {
  createRedisServers,
  type RedisMachine,
  type RedisServers,
  redisServerVersion,
} from './redis-servers.ts'

/** What `redis` leaves behind, as JSON. */
export interface RedisReport {
  readonly kind: 'redis'
  readonly format: 1
  readonly date: string
  readonly machine: MachineFacts
  readonly pinning: string
  readonly server: string
  readonly libraries: readonly { readonly name: string; readonly version: string }[]
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
  readonly points: readonly RedisPointResult[]
  readonly heap: readonly RedisHeap[]
  /** Empty when the run was too small, or profiled. */
  readonly bars: readonly Bar[]
  /** True when it was interrupted: the points that are there are whole. */
  readonly partial: boolean
}

interface LineUp {
  readonly rivals: RedisLibrary[]
  readonly libraries: { name: string; version: string }[]
  readonly skipped: { name: string; reason: string }[]
}

const lineUp = async (plan: RedisPlan, say: (line: string) => void): Promise<LineUp> => {
  const own = await celeris.availability()
  if ('missing' in own) throw new BenchError('CELERIS_BENCH_REDIS', own.missing)
  const found: LineUp = {
    rivals: [],
    libraries: [{ name: celeris.name, version: own.version }],
    skipped: [],
  }
  for (const rival of plan.rivals) {
    const state = await rival.availability()
    if ('missing' in state) {
      found.skipped.push({ name: rival.name, reason: state.missing })
      say(`skipped ${rival.name}: ${state.missing}`)
      continue
    }
    found.rivals.push(rival)
    found.libraries.push({ name: rival.name, version: state.version })
  }
  return found
}

const measurePoints = async (
  bench: Workbench,
  plan: RedisPlan,
  machine: RedisMachine,
  servers: RedisServers,
  skipped: LineUp['skipped'],
): Promise<RedisPointResult[]> => {
  const results: RedisPointResult[] = []
  const progress = bench.progress(plan.points.length * plan.timing.launches)
  let done = 0
  const skip = (name: string, error: BenchError): void => {
    const reason = shortReason(error.message)
    skipped.push({ name, reason })
    bench.say(`skipped ${name}: ${reason}`)
  }
  try {
    for (const point of plan.points) {
      if (bench.signal.aborted) break
      progress.update(done, point.title)
      try {
        const endpoint = await servers.endpoint(point.topology)
        const samples = await measurePoint(bench, plan, machine, point, endpoint, {
          onLaunch: () => progress.update(++done, point.title),
          onFailed: (rival, error) => skip(`${rival.name}, ${point.title}`, error),
        })
        if (!bench.signal.aborted) results.push(pointResult(point, samples))
      } catch (error) {
        // One point that cannot be measured (a server without TLS) must not hide the others.
        if (!(error instanceof BenchError) || plan.points.length === 1) throw error
        skip(point.title, error)
      }
    }
  } finally {
    progress.end()
  }
  return results
}

const measureHeaps = async (
  bench: Workbench,
  rivals: readonly RedisLibrary[],
  plan: RedisPlan,
  machine: RedisMachine,
  servers: RedisServers,
): Promise<RedisHeap[]> => {
  if (!plan.heap || bench.signal.aborted) return []
  bench.say('heap of a GET')
  const endpoint = await servers.endpoint('single')
  const heaps: RedisHeap[] = []
  for (const library of [celeris, ...rivals])
    if (library.onNode && !bench.signal.aborted)
      heaps.push(await measureRedisHeap(machine, library, endpoint, plan.timing.warmMs))
  return heaps
}

/**
 * Measures our client beside its rivals, each in fresh processes that take turns.
 *
 * @throws BenchError `CELERIS_BENCH_REDIS` without redis-server, or when nothing could be measured.
 */
export const measureRedis = async (bench: Workbench, plan: RedisPlan): Promise<RedisReport> => {
  const machine: RedisMachine = { pinning: bench.pinning, raised: plan.raised }
  const servers = await createRedisServers(machine)
  try {
    const { rivals, libraries, skipped } = await lineUp(plan, bench.say)
    const points = await measurePoints(bench, { ...plan, rivals }, machine, servers, skipped)
    const heap = await measureHeaps(bench, rivals, plan, machine, servers)
    if (points.length === 0)
      throw new BenchError(
        bench.signal.aborted ? 'CELERIS_BENCH_INTERRUPTED' : 'CELERIS_BENCH_REDIS',
        'nothing was measured',
      )
    const judged = plan.judged && plan.profileFolder === undefined
    return {
      kind: 'redis',
      format: 1,
      date: new Date().toISOString(),
      machine: await machineFacts(),
      pinning: bench.pinningLine
        .replace('server on', 'client on')
        .replace('load on', 'redis-server on'),
      server: `redis-server ${await redisServerVersion()}`,
      libraries,
      skipped,
      points,
      heap,
      bars: judged ? redisBars(points) : [],
      partial: bench.signal.aborted,
    }
  } finally {
    await servers.stopAll()
  }
}
