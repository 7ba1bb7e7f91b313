import { join } from 'node:path'
import { BenchError } from '../errors.ts'
import { packageRoot } from '../package-root.ts'
import type { Scenario } from '../scenarios/scenario-list.ts'
import { type Summary, summarize } from '../statistics/summary.ts'
import { inProcessAddon } from '../tools/in-process-addon.ts'
import { type Pinning, pinnedCommand } from '../tools/pinning.ts'
import { runProgram } from '../tools/run-program.ts'

/** How long {@link measureInProcess} takes. */
export interface InProcessPlan {
  readonly connections: number
  readonly depth: number
  readonly rounds: number
  readonly turns: number
  readonly warmupTurns: number
}

/** What a request costs without a kernel, nanoseconds per request. */
export interface InProcessFigures {
  /** CPU of the JS thread, per round. */
  readonly cpuNs: Summary
  /** The quietest round. */
  readonly leastNs: number
  /** Medians of the wall clock; on a busy machine their sum exceeds the CPU time. */
  readonly parseNs: number
  readonly jsNs: number
  readonly emitNs: number
  /** The same CPU figure with one request per connection and turn. */
  readonly singleCpuNs: Summary
}

/** Native allocations of the JS thread in steady state. */
export interface NativeAllocations {
  /** By the engine's code, in the round with the fewest. */
  readonly enginePerRequest: number
  /** By JS, V8 and Node-API: what each further request of a turn adds. */
  readonly jsPerRequest: number
  /** By Node-API for each turn, however many requests it holds. */
  readonly perTurn: number
}

interface Round {
  readonly requests: number
  readonly turns: number
  readonly cpuNs: number
  readonly parseNs: number
  readonly jsNs: number
  readonly emitNs: number
  readonly engineAllocations: number
  readonly jsAllocations: number
}

interface Rounds {
  readonly deep: readonly Round[]
  readonly single: readonly Round[]
}

const PATIENCE_MS = 120_000

const takeRounds = async (
  pinning: Pinning,
  { path, body }: Scenario,
  plan: InProcessPlan,
  countAllocations: boolean,
): Promise<Rounds> => {
  const addon = await inProcessAddon()
  const options = JSON.stringify({ path, body, ...plan })
  const [file, args] = pinnedCommand(pinning, pinning.serverCore, [
    process.execPath,
    join(packageRoot, 'servers', 'in-process.mjs'),
    options,
  ])
  const { code, stdout, stderr } = await runProgram(file, args, {
    timeout: PATIENCE_MS,
    env: {
      ...process.env,
      NODE_ENV: 'production',
      CELERIS_NATIVE_DIR: addon.folder,
      ...(countAllocations ? { LD_PRELOAD: addon.allocations } : {}),
    },
  })
  if (code !== 0)
    throw new BenchError('CELERIS_BENCH_SERVER', `the in-process server failed\n${stderr}`)
  return JSON.parse(stdout) as Rounds
}

const perRequest = (rounds: readonly Round[], pick: (round: Round) => number): Summary =>
  summarize(rounds.map((round) => pick(round) / round.requests))

/** Drives our server over a kernel in memory: no system call, the rest as in production. */
export const measureInProcess = async (
  pinning: Pinning,
  scenario: Scenario,
  plan: InProcessPlan,
): Promise<InProcessFigures> => {
  const { deep, single } = await takeRounds(pinning, scenario, plan, false)
  return {
    cpuNs: perRequest(deep, ({ cpuNs }) => cpuNs),
    leastNs: Math.min(...deep.map(({ cpuNs, requests }) => cpuNs / requests)),
    parseNs: perRequest(deep, ({ parseNs }) => parseNs).median,
    jsNs: perRequest(deep, ({ jsNs }) => jsNs).median,
    emitNs: perRequest(deep, ({ emitNs }) => emitNs).median,
    singleCpuNs: perRequest(single, ({ cpuNs }) => cpuNs),
  }
}

const least = (rounds: readonly Round[], pick: (round: Round) => number): number =>
  Math.min(...rounds.map(pick))

/** What further requests of a turn allocate: two kinds of rounds with as many turns, more requests. */
export const allocationsOf = ({ deep, single }: Rounds): NativeAllocations => {
  const turns = deep[0]?.turns ?? Number.NaN
  const more = (deep[0]?.requests ?? Number.NaN) - (single[0]?.requests ?? Number.NaN)
  const [inDeep, inSingle] = [deep, single].map((rounds) =>
    least(rounds, ({ jsAllocations }) => jsAllocations),
  ) as [number, number]
  return {
    enginePerRequest:
      least(deep, ({ engineAllocations }) => engineAllocations) / (deep[0]?.requests ?? Number.NaN),
    jsPerRequest: Math.max(0, inDeep - inSingle) / more,
    perTurn: inSingle / turns,
  }
}

/** Counts native allocations (malloc and all that calls it) of the JS thread. Needs glibc. */
export const measureAllocations = async (
  pinning: Pinning,
  scenario: Scenario,
  plan: InProcessPlan,
): Promise<NativeAllocations> => allocationsOf(await takeRounds(pinning, scenario, plan, true))
