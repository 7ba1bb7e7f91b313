import { readFile, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { BenchError } from '../errors.ts'
import type { Scenario } from '../scenarios/scenario-list.ts'
import type { ServerKind } from '../servers/server-list.ts'
import { type RunningServer, startServer } from '../servers/start-server.ts'
import { type GeneratorRun, startGenerator, type Target } from '../tools/generator.ts'
import type { Pinning } from '../tools/pinning.ts'

/** Resident memory of a process, MiB. */
export interface Resident {
  readonly rssMiB: number
  readonly peakMiB: number
}

/** What a server's memory does, MiB. */
export interface MemoryFigures {
  /** Listening, before the first request. */
  readonly idleMiB: number
  /** Beside idle keep-alive connections that each made one request. */
  readonly heldMiB: number
  readonly heldConnections: number
  /** Highest point of a ramp under load. */
  readonly rampPeakMiB: number
  readonly rampConnections: number
  readonly rampRequestsPerSecond: number
}

/** How far {@link measureMemory} goes. */
export interface MemoryPlan {
  readonly heldConnections: number
  readonly rampConnections: number
  readonly rampMs: number
  readonly holdMs: number
}

// What a process needs to finish its start, or to settle after connections came.
const SETTLE_MS = 500

const field = (status: string, name: string): number => {
  const found = status.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))
  return found ? Number(found[1]) / 1024 : Number.NaN
}

/** Reads VmRSS and VmHWM of a process. */
export const residentMemory = async (pid: number): Promise<Resident> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return { rssMiB: field(status, 'VmRSS'), peakMiB: field(status, 'VmHWM') }
}

/** Makes VmHWM start again from what is resident now. */
export const resetPeak = (pid: number): Promise<void> => writeFile(`/proc/${pid}/clear_refs`, '5')

const waitReady = async (run: GeneratorRun): Promise<void> => {
  for (;;) {
    const next = await run.lines.next()
    if (next.done)
      throw new BenchError('CELERIS_BENCH_GENERATOR', 'the load generator held no connections')
    if (next.value.type === 'ready') return
  }
}

const targetOf = (name: string, server: RunningServer, { path, body }: Scenario): Target => ({
  name,
  pid: server.pid,
  port: server.port,
  path,
  body,
})

const held = async (pinning: Pinning, target: Target, connections: number): Promise<number> => {
  const run = await startGenerator(pinning, 'hold', [target], { connections })
  try {
    await waitReady(run)
    await delay(SETTLE_MS)
    return (await residentMemory(target.pid)).rssMiB
  } finally {
    run.endInput()
    for await (const _ of run.lines) {
      // Until it has closed its connections.
    }
  }
}

const ramp = async (
  pinning: Pinning,
  target: Target,
  plan: MemoryPlan,
): Promise<{ peakMiB: number; requestsPerSecond: number }> => {
  await resetPeak(target.pid)
  const run = await startGenerator(pinning, 'ramp', [target], {
    connections: plan.rampConnections,
    'ramp-ms': plan.rampMs,
    'hold-ms': plan.holdMs,
  })
  let requestsPerSecond = Number.NaN
  for await (const line of run.lines) {
    if (line.type === 'ramp') requestsPerSecond = (line.requests / line.wallNs) * 1e9
  }
  return { peakMiB: (await residentMemory(target.pid)).peakMiB, requestsPerSecond }
}

const withServer = async <T>(
  pinning: Pinning,
  kind: ServerKind,
  scenario: Scenario,
  use: (server: RunningServer) => Promise<T>,
): Promise<T> => {
  const server = await startServer(pinning, kind, { scenario })
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

/** Measures one server's memory, in a fresh process for each of the two loads. */
export const measureMemory = async (
  pinning: Pinning,
  kind: ServerKind,
  scenario: Scenario,
  plan: MemoryPlan,
): Promise<MemoryFigures> => {
  const quiet = await withServer(pinning, kind, scenario, async (server) => {
    await delay(SETTLE_MS)
    const idleMiB = (await residentMemory(server.pid)).rssMiB
    const target = targetOf(kind.name, server, scenario)
    return { idleMiB, heldMiB: await held(pinning, target, plan.heldConnections) }
  })
  const loaded = await withServer(pinning, kind, scenario, (server) =>
    ramp(pinning, targetOf(kind.name, server, scenario), plan),
  )
  return {
    ...quiet,
    heldConnections: plan.heldConnections,
    rampPeakMiB: loaded.peakMiB,
    rampConnections: plan.rampConnections,
    rampRequestsPerSecond: loaded.requestsPerSecond,
  }
}
