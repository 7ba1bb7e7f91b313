import type { ServerOptions } from '../servers/server-list.ts'
import type { AttackTally } from './attack.ts'

/** How much of a drill is run. */
export type DrillSize = 'full' | 'quick'

/** What a drill saw, as far as its own condition goes. */
export interface DrillSight {
  readonly tally: AttackTally
  /** What the engine's counters grew by. */
  readonly counters: Readonly<Record<string, number>>
  /** Most connections open at once. */
  readonly mostActive: number
}

/** One drill: the server's settings, the attack, and what must hold. */
export interface Drill {
  readonly name: string
  readonly about: string
  readonly options?: ServerOptions
  readonly connections: Readonly<Record<DrillSize, number>>
  /** When the attack is broken off; those that end by themselves are not held up by it. */
  readonly durationMs: Readonly<Record<DrillSize, number>>
  /** How long after the attack's start or, where it ends by itself, its end every attacker is gone. */
  readonly goneWithinMs: number
  /** The server gets rid of the attackers by a timer: counted from when they are in place. */
  readonly timed: boolean
  /** What the server's resident memory may grow by. */
  readonly memoryMiB: number
  /**
   * The node engine pays so much for each request or chunk that this attack takes all of its core: good clients wait,
   * and only what must not fail is judged.
   */
  readonly saturatesNode?: true
  /** Good clients may find their idle connections closed to make room (BP-3). */
  readonly mayRetry?: boolean
  /** What is wrong with what was seen; empty when nothing is. */
  readonly judge: (sight: DrillSight) => string[]
}

/** Limits of time in every drill, as short as a real server's would hardly be. */
const TIMEOUT_MS = { full: 5_000, quick: 1_000 } as const
const LATE_MS = 1_000

/** The timers of a drill's server, and what the drill sets beside them. */
export const serverOptions = (drill: Drill, size: DrillSize): ServerOptions => ({
  readHeaderTimeoutMs: TIMEOUT_MS[size],
  readTimeoutMs: TIMEOUT_MS[size],
  writeTimeoutMs: TIMEOUT_MS[size],
  ...drill.options,
})

const MAX_CONNECTIONS = 500

const require = (ok: boolean, words: string): string[] => (ok ? [] : [words])
const sum = (values: readonly (number | undefined)[]): number =>
  values.reduce<number>((all, value) => all + (value ?? 0), 0)

const onlyStatuses = (tally: AttackTally, ...allowed: string[]): string[] => {
  const others = Object.keys(tally.statuses).filter((status) => !allowed.includes(status))
  return require(others.length === 0, `attackers got ${others.join(', ')}`)
}

const someStatus = (tally: AttackTally, status: string): string[] =>
  require((tally.statuses[status] ?? 0) > 0, `no attacker got ${status}`)

/** Every drill, in the order of a report. */
export const drills: readonly Drill[] = [
  {
    name: 'slow-headers',
    about: 'heads that grow by a byte every 100 ms',
    connections: { full: 1_000, quick: 100 },
    durationMs: { full: 30_000, quick: 30_000 },
    goneWithinMs: TIMEOUT_MS.full + LATE_MS,
    timed: true,
    memoryMiB: 64,
    judge: ({ tally, counters }) => [
      ...require(tally.ended === tally.opened, `${tally.opened - tally.ended} were not ended`),
      ...require((counters.timeoutsHeader ?? 0) >=
        tally.opened, `${counters.timeoutsHeader} head timeouts`),
      ...onlyStatuses(tally, '408'),
    ],
  },
  {
    name: 'slow-bodies',
    about: 'bodies of 2.5 bytes per second',
    connections: { full: 1_000, quick: 100 },
    durationMs: { full: 30_000, quick: 30_000 },
    goneWithinMs: TIMEOUT_MS.full + LATE_MS,
    timed: true,
    memoryMiB: 96,
    judge: ({ tally, counters }) => [
      ...require(tally.ended === tally.opened, `${tally.opened - tally.ended} were not ended`),
      ...require((counters.timeoutsBody ?? 0) >=
        tally.opened, `${counters.timeoutsBody} body timeouts`),
      ...onlyStatuses(tally, '408'),
    ],
  },
  {
    name: 'slow-readers',
    about: 'answers of 100 MiB from one buffer, of which nothing or a trickle is read',
    connections: { full: 200, quick: 20 },
    durationMs: { full: 10_000, quick: 2_000 },
    goneWithinMs: TIMEOUT_MS.full + LATE_MS,
    timed: false,
    memoryMiB: 192,
    judge: ({ tally }) =>
      require(tally.refused === 0, `${tally.refused} attackers could not connect`),
  },
  {
    name: 'header-flood',
    about: 'heads as large as allowed, too large, with too many fields',
    connections: { full: 64, quick: 16 },
    durationMs: { full: 6_000, quick: 1_000 },
    goneWithinMs: 2_000,
    timed: false,
    memoryMiB: 128,
    judge: ({ tally }) => [
      ...onlyStatuses(tally, '200', '414', '431'),
      ...someStatus(tally, '200'),
      ...someStatus(tally, '431'),
    ],
  },
  {
    name: 'pipelining-flood',
    about: 'requests pipelined by the thousand, no answer read',
    connections: { full: 64, quick: 8 },
    durationMs: { full: 10_000, quick: 2_000 },
    goneWithinMs: 2_000,
    timed: false,
    memoryMiB: 192,
    saturatesNode: true,
    judge: ({ tally }) =>
      require(tally.refused === 0, `${tally.refused} attackers could not connect`),
  },
  {
    name: 'churn',
    about: 'connections that come and go, closed or reset, with and without a request',
    connections: { full: 20_000, quick: 1_000 },
    durationMs: { full: 60_000, quick: 30_000 },
    goneWithinMs: 2_000,
    timed: false,
    memoryMiB: 96,
    judge: ({ tally, counters }) => [
      ...require(tally.refused === 0, `${tally.refused} attackers could not connect`),
      ...require((counters.rejected ?? 0) === 0, `${counters.rejected} connections rejected`),
    ],
  },
  {
    name: 'connection-flood',
    about: `1 500 idle connections on a server that takes ${MAX_CONNECTIONS} (BP-3)`,
    options: { maxConnections: MAX_CONNECTIONS },
    connections: { full: 1_500, quick: 700 },
    durationMs: { full: 6_000, quick: 1_000 },
    goneWithinMs: 2_000,
    timed: false,
    memoryMiB: 96,
    mayRetry: true,
    judge: ({ counters, mostActive }) => [
      ...require(mostActive <= MAX_CONNECTIONS, `${mostActive} connections were open`),
      ...require((counters.closed ?? 0) >
        MAX_CONNECTIONS, 'nobody was closed to make room for others'),
    ],
  },
  {
    name: 'chunk-flood',
    about: 'bodies in chunks of one byte, chunk extensions of every size',
    connections: { full: 32, quick: 8 },
    durationMs: { full: 6_000, quick: 1_000 },
    goneWithinMs: 2_000,
    timed: false,
    memoryMiB: 256,
    saturatesNode: true,
    judge: ({ tally, counters }) => [
      ...onlyStatuses(tally, '200', '413'),
      ...someStatus(tally, '200'),
      ...require(sum([tally.statuses['413'], counters.status413]) > 0, 'no extension was refused'),
    ],
  },
]

/** The drill of that name, or undefined. */
export const findDrill = (name: string): Drill | undefined =>
  drills.find((drill) => drill.name === name)
