import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { resetPeak, residentMemory } from '../measure/memory.ts'
import type { Pinning } from '../tools/pinning.ts'
import type { Workbench } from '../workbench.ts'
import {
  startWorkload,
  type WorkloadEngine,
  type WorkloadServer,
} from '../workload/start-workload.ts'
import type { WorkloadReport } from '../workload/workload-report.ts'
import type { AttackTally } from './attack.ts'
import { type Drill, type DrillSize, serverOptions } from './drill-list.ts'
import { drillPhases, type GoodResult, startGoodLoad } from './good-load.ts'
import { startAttackers } from './start-attackers.ts'

/** What one drill found. */
export interface DrillResult {
  readonly drill: string
  readonly about: string
  readonly engine: WorkloadEngine
  readonly size: DrillSize
  readonly good: GoodResult
  readonly tally: AttackTally
  /** What the engine's counters grew by over the drill. */
  readonly counters: Readonly<Record<string, number>>
  /** Resident before the attack, highest point since, and what it may have grown by; MiB. */
  readonly memory: {
    readonly beforeMiB: number
    readonly peakMiB: number
    readonly boundMiB: number
  }
  /** From the attack's end (for timed drills from when all attackers were in place) to their last connection. */
  readonly goneMs: number
  readonly attackMs: number
  /** Share of the attack in which the server was ready to run and other programs held its core; high: mistrust the times. */
  readonly waitedShare: number
  /** Bounds that were broken; empty is a pass. */
  readonly problems: readonly string[]
}

/** Good clients: open loop, requests per second over kept connections. */
export const GOOD_RATE: number = 500
/** Kept connections of the good clients. */
export const GOOD_CONNECTIONS: number = 16
/** Connections that good clients may have open beside the kept ones, while one of them is on its way. */
const GOOD_FRESH = 8

const QUIET_MS = { full: 3_000, quick: 300 } as const
const GONE_PATIENCE_MS = 20_000
const POLL_MS = 100
/** A server that grows by this much is ended before it takes the machine with it. */
const RUNAWAY_MIB = 2_048
/** No figure is taken in a quick drill, which may run beside anything. */
const NOT_PINNED: Pinning = {
  serverCore: undefined,
  generatorCore: undefined,
  allowed: '',
  warning: undefined,
  canTie: false,
}
/** 100 MiB that every large answer shares. */
const SHARED_BYTES = 100 * 2 ** 20

/** A good client's p99 in an attack: at most so many times that before it, or this floor. */
const P99_FACTOR = 10
const P99_FLOOR_MS = { during: 100, after: 50 } as const

/** How long a process's main thread waited for a core so far. */
const waitedMs = async (pid: number): Promise<number> => {
  const text = await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '')
  return Number(text.split(' ')[1] ?? Number.NaN) / 1e6
}

/** Watches memory and connections of a server until told to stop. */
const watch = (server: WorkloadServer) => {
  let mostActive = 0
  let peakMiB = 0
  let ranAway = false
  let stopped = false
  let latest: WorkloadReport | undefined
  const loop = (async () => {
    while (!stopped) {
      const { rssMiB } = await residentMemory(server.pid).catch(() => ({ rssMiB: 0 }))
      peakMiB = Math.max(peakMiB, rssMiB)
      if (rssMiB > RUNAWAY_MIB) {
        ranAway = true
        process.kill(server.pid, 'SIGKILL')
        return
      }
      latest = await server.report().catch(() => undefined)
      if (latest === undefined) return
      mostActive = Math.max(mostActive, latest.engine.active ?? 0)
      await delay(POLL_MS)
    }
  })()
  return {
    get ranAway() {
      return ranAway
    },
    /** Waits until no more connections are open than good clients have; tells whether that came. */
    async attackersGone(): Promise<boolean> {
      const deadline = performance.now() + GONE_PATIENCE_MS
      while (!ranAway && performance.now() < deadline) {
        const seen = latest
        while (latest === seen && !ranAway && performance.now() < deadline) await delay(POLL_MS / 4)
        if ((latest?.engine.active ?? 0) <= GOOD_CONNECTIONS + GOOD_FRESH) return true
      }
      return false
    },
    async stop() {
      stopped = true
      await loop
      return { mostActive, peakMiB, latest }
    },
  }
}

const growth = (before: WorkloadReport, after: WorkloadReport): Record<string, number> =>
  Object.fromEntries(
    Object.entries(after.engine).map(([name, value]) => [name, value - (before.engine[name] ?? 0)]),
  )

const judgeGood = (drill: Drill, good: GoodResult): string[] => [
  ...(good.failures > 0
    ? [`${good.failures} good requests failed, the first: ${good.reasons[0]}`]
    : []),
  ...(good.retries > 0 && !drill.mayRetry
    ? [`${good.retries} kept connections of good clients were closed`]
    : []),
  ...drillPhases
    .filter((phase) => good.phases[phase].answers === 0)
    .map((phase) => `no good answer ${phase} the attack`),
]

const judgeTimes = (drill: Drill, good: GoodResult, goneMs: number): string[] => {
  const { before } = good.phases
  const late = (['during', 'after'] as const).flatMap((phase) => {
    const bound = Math.max(P99_FLOOR_MS[phase], P99_FACTOR * before.p99)
    const { p99 } = good.phases[phase]
    return p99 <= bound ? [] : [`p99 ${phase} ${p99.toFixed(1)} ms, at most ${bound.toFixed(0)} ms`]
  })
  if (goneMs <= drill.goneWithinMs) return late
  return [...late, `attackers gone after ${goneMs.toFixed(0)} ms, at most ${drill.goneWithinMs}`]
}

/** Runs one drill on a server of its own. */
export const runDrill = async (
  bench: Workbench,
  drill: Drill,
  engine: WorkloadEngine,
  size: DrillSize,
): Promise<DrillResult> => {
  const server = await startWorkload(
    size === 'full' ? bench.pinning : NOT_PINNED,
    engine,
    serverOptions(drill, size),
    SHARED_BYTES,
  )
  const load = startGoodLoad(server.port, GOOD_RATE, GOOD_CONNECTIONS)
  try {
    // What the first requests cost belongs to no phase.
    await delay(QUIET_MS[size] / 3)
    load.enter('before')
    await delay(QUIET_MS[size])
    const first = await server.report()
    const beforeMiB = (await residentMemory(server.pid)).rssMiB
    await resetPeak(server.pid)
    const eye = watch(server)

    load.enter('during')
    const waitedBefore = await waitedMs(server.pid)
    const start = performance.now()
    const attackers = startAttackers({
      attack: drill.name,
      port: server.port,
      connections: drill.connections[size],
      durationMs: drill.durationMs[size],
    })
    await attackers.up
    const inPlace = performance.now()
    const tally = await attackers.over
    const end = performance.now()
    const gone = await eye.attackersGone()
    const goneMs = performance.now() - (drill.timed ? inPlace : end)
    const waitedShare = ((await waitedMs(server.pid)) - waitedBefore) / (performance.now() - start)

    load.enter('after')
    await delay(QUIET_MS[size])
    const good = await load.stop()
    const peakMiB = eye.ranAway ? RUNAWAY_MIB : (await residentMemory(server.pid)).peakMiB
    const seen = await eye.stop()
    const last = seen.latest ?? first
    const counters = growth(first, last)
    const problems = [
      ...(eye.ranAway ? [`the server's memory ran away (${RUNAWAY_MIB} MiB)`] : []),
      ...(gone ? [] : ['attackers were not gone']),
      ...(peakMiB - beforeMiB <= drill.memoryMiB
        ? []
        : [`memory grew by ${(peakMiB - beforeMiB).toFixed(0)} MiB, at most ${drill.memoryMiB}`]),
      ...drill.judge({ tally, counters, mostActive: seen.mostActive }),
      ...judgeGood(drill, good),
      ...(size === 'full' && !(engine === 'node' && drill.saturatesNode === true)
        ? judgeTimes(drill, good, goneMs)
        : []),
      ...last.notes,
    ]
    return {
      drill: drill.name,
      about: drill.about,
      engine,
      size,
      good,
      tally,
      counters,
      memory: { beforeMiB, peakMiB, boundMiB: drill.memoryMiB },
      goneMs,
      attackMs: end - start,
      waitedShare,
      problems,
    }
  } finally {
    await server.stop()
  }
}
