import type { Load, Timing } from '../measure/pair.ts'
import { type Scenario, scenarios } from '../scenarios/scenario-list.ts'
import { type ServerKind, serverKinds } from '../servers/server-list.ts'

/** One cell row of the matrix: a scenario under a load, all servers in turn. */
export interface Case {
  readonly scenario: Scenario
  readonly load: Load
}

/** What `run` is going to do. */
export interface RunPlan {
  readonly cases: readonly Case[]
  readonly servers: readonly ServerKind[]
  readonly timing: Timing
}

/** What the user narrowed; undefined means the size's own choice. */
export interface RunSelection {
  readonly size: 'short' | 'full'
  readonly scenarios?: readonly Scenario[] | undefined
  readonly servers?: readonly ServerKind[] | undefined
  readonly connections?: readonly number[] | undefined
  readonly depths?: readonly number[] | undefined
  readonly cycles?: number | undefined
  readonly sliceMs?: number | undefined
}

const TIMINGS: Readonly<Record<'short' | 'full', Timing>> = {
  // Eight servers, six cases: about 40 s with starts and warm-up.
  short: { sliceMs: 40, cycles: 12, warmup: 2 },
  full: { sliceMs: 60, cycles: 60, warmup: 4 },
}

const product = (
  chosen: readonly Scenario[],
  connections: readonly number[],
  depths: readonly number[],
): Case[] =>
  chosen.flatMap((scenario) =>
    depths.flatMap((depth) =>
      connections.map((count) => ({ scenario, load: { connections: count, depth } })),
    ),
  )

// The short form shows each dimension once, around hello at 64 connections.
const shortCases = (chosen: readonly Scenario[]): Case[] =>
  chosen.flatMap((scenario) =>
    scenario.name === 'hello'
      ? [...product([scenario], [1, 64, 512], [1]), ...product([scenario], [64], [16])]
      : product([scenario], [64], [1]),
  )

/** Turns a selection into the cases to run. */
export const planRun = (selection: RunSelection): RunPlan => {
  const { size, connections, depths } = selection
  const short = size === 'short'
  const chosen = selection.scenarios ?? scenarios.filter(({ name }) => !short || name !== 'async')
  const cases =
    short && !connections && !depths
      ? shortCases(chosen)
      : product(
          chosen,
          connections ?? (short ? [64] : [1, 64, 512]),
          depths ?? (short ? [1] : [1, 16]),
        )
  const timing = TIMINGS[size]
  return {
    cases,
    servers: selection.servers ?? serverKinds,
    timing: {
      ...timing,
      cycles: selection.cycles ?? timing.cycles,
      sliceMs: selection.sliceMs ?? timing.sliceMs,
    },
  }
}

/** Seconds of load the plan needs, for the progress line. */
export const plannedSeconds = ({ cases, servers, timing }: RunPlan): number =>
  (cases.length * servers.length * (timing.cycles + timing.warmup) * timing.sliceMs) / 1000
