import { BenchError } from '../errors.ts'
import { residentMemory } from '../measure/memory.ts'
import type { Workbench } from '../workbench.ts'
import { type ClientProcess, startClient } from './client-process.ts'
import { celeris, type RedisLibrary } from './redis-libraries.ts'
import type { RedisPlan } from './redis-plan.ts'
import type { RedisPoint } from './redis-points.ts'
import type { RedisEndpoint, RedisMachine } from './redis-servers.ts'
import { scheduling } from './scheduling.ts'

/** One slice of one side. */
export interface RedisSlice {
  readonly ops: number
  readonly wallNs: number
  readonly cpuNs: number
  /** Of the lone caller; NaN at other points. */
  readonly p50Us: number
  readonly p99Us: number
  /** CPU of the servers meanwhile. */
  readonly serverNs: number
  /** Client or the one server was ready to run, but other programs held its core. */
  readonly waitedNs: number
}

/** What one side did in all launches: the n-th slices of a launch's sides belong to one cycle. */
export interface SideSamples {
  readonly library: RedisLibrary
  readonly launches: RedisSlice[][]
  peakMiB: number
}

/** Who hears how a point goes. */
export interface PointListener {
  readonly onLaunch: () => void
  readonly onFailed: (rival: RedisLibrary, error: BenchError) => void
}

/** Every side's samples, the subject's first. */
export interface PointSamples {
  readonly sides: readonly SideSamples[]
  readonly disturbed: number
}

const DISTURBED_SHARE = 0.25

const takeSlice = async (
  client: ClientProcess,
  { pids }: RedisEndpoint,
  ms: number,
): Promise<RedisSlice> => {
  // Masters of a Cluster share a core and wait for each other: that is no disturbance.
  const lone = pids.length === 1 ? pids : []
  const before = await Promise.all([scheduling([client.pid, ...lone]), scheduling(pids)])
  const { ops, wallNs, userUs, systemUs, p50Us, p99Us } = await client.run(ms)
  const after = await Promise.all([scheduling([client.pid, ...lone]), scheduling(pids)])
  return {
    ops,
    wallNs,
    cpuNs: (userUs + systemUs) * 1e3,
    p50Us: p50Us ?? Number.NaN,
    p99Us: p99Us ?? Number.NaN,
    serverNs: after[1].ranNs - before[1].ranNs,
    waitedNs: after[0].waitedNs - before[0].waitedNs,
  }
}

const profileFlags = (plan: RedisPlan, point: RedisPoint, launch: number): string[] =>
  plan.profileFolder === undefined
    ? []
    : [
        '--cpu-prof',
        `--cpu-prof-dir=${plan.profileFolder}`,
        `--cpu-prof-name=celeris-${point.name}-${launch + 1}.cpuprofile`,
      ]

const isDisturbed = ({ waitedNs, wallNs }: RedisSlice): boolean =>
  waitedNs > wallNs * DISTURBED_SHARE

/** Takes cycles until enough were quiet, a quarter more at most; disturbed ones only when most were. */
const takeCycles = async (
  bench: Workbench,
  { timing }: RedisPlan,
  clients: readonly ClientProcess[],
  endpoint: RedisEndpoint,
): Promise<{ kept: RedisSlice[][]; disturbed: number }> => {
  const cycles: { slices: RedisSlice[]; disturbed: boolean }[] = []
  const quiet = (): number => cycles.filter(({ disturbed }) => !disturbed).length
  const most = timing.cycles + Math.floor(timing.cycles / 4)
  while (quiet() < timing.cycles && cycles.length < most && !bench.signal.aborted) {
    const slices: RedisSlice[] = []
    for (let turn = 0; turn < clients.length; turn++) {
      // The order rotates: nobody always follows the same neighbour.
      const at = (turn + cycles.length) % clients.length
      const client = clients[at]
      if (client) slices[at] = await takeSlice(client, endpoint, timing.sliceMs)
    }
    cycles.push({ slices, disturbed: slices.some(isDisturbed) })
  }
  const enough = quiet() >= timing.cycles / 2
  const kept = enough ? cycles.filter(({ disturbed }) => !disturbed) : cycles
  return { kept: kept.map(({ slices }) => slices), disturbed: cycles.length - quiet() }
}

/** Measures a point: fresh clients for each launch, which then take turns slice by slice. */
export const measurePoint = async (
  bench: Workbench,
  plan: RedisPlan,
  machine: RedisMachine,
  point: RedisPoint,
  endpoint: RedisEndpoint,
  { onLaunch, onFailed }: PointListener,
): Promise<PointSamples> => {
  const libraries = [celeris, ...plan.rivals.filter((rival) => rival.fits(point))]
  let sides = libraries.map(
    (library): SideSamples => ({ library, launches: [], peakMiB: Number.NaN }),
  )
  let disturbed = 0
  for (let launch = 0; launch < plan.timing.launches && !bench.signal.aborted; launch++) {
    const clients: ClientProcess[] = []
    try {
      for (const side of sides) {
        const { library } = side
        const nodeFlags = library === celeris ? profileFlags(plan, point, launch) : []
        try {
          const client = await startClient(machine, { library, point, endpoint, nodeFlags })
          clients.push(client)
          await client.warm(plan.timing.warmMs)
        } catch (error) {
          // A rival that cannot do this must not cost the user the point.
          if (library === celeris || !(error instanceof BenchError)) throw error
          clients.splice(sides.indexOf(side))
          sides = sides.filter((one) => one !== side)
          onFailed(library, error)
        }
      }
      const taken = await takeCycles(bench, plan, clients, endpoint)
      disturbed += taken.disturbed
      for (const [at, side] of sides.entries()) {
        side.launches.push(taken.kept.flatMap((slices) => slices[at] ?? []))
        const { peakMiB } = await residentMemory(clients[at]?.pid ?? 0)
        side.peakMiB = Math.max(side.peakMiB || 0, peakMiB)
      }
    } finally {
      await Promise.all(clients.map((client) => client.stop()))
    }
    onLaunch()
  }
  return { sides, disturbed }
}
