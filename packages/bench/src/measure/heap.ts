import { BenchError } from '../errors.ts'
import type { Scenario } from '../scenarios/scenario-list.ts'
import type { ServerKind, ServerOptions } from '../servers/server-list.ts'
import { type RunningServer, startServer } from '../servers/start-server.ts'
import { type GeneratorRun, startGenerator } from '../tools/generator.ts'
import type { Pinning } from '../tools/pinning.ts'

/** JavaScript heap that requests cost. */
export interface HeapFigures {
  /** Least slope of all rounds, bytes per request: what the code itself needs. */
  readonly bytesPerRequest: number
  readonly roundSlopes: readonly number[]
  readonly requestsPerRound: number
}

/** Options of {@link measureHeap}. */
export interface HeapPlan {
  readonly rounds: number
  readonly requests: number
  readonly warmupRequests: number
  readonly connections: number
  readonly options?: ServerOptions
}

interface HeapReading {
  readonly heapUsed: number
  readonly collections: number
}

// A young generation that holds a whole round: a scavenge in between would hide what was allocated.
const NODE_FLAGS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']

// Fewer requests than this, and what a reading costs drowns the slope.
const LEAST_REQUESTS = 500

const reading = (answer: unknown): HeapReading => {
  if (
    typeof answer === 'object' &&
    answer !== null &&
    'heapUsed' in answer &&
    'collections' in answer
  )
    return { heapUsed: Number(answer.heapUsed), collections: Number(answer.collections) }
  throw new BenchError(
    'CELERIS_BENCH_SERVER',
    `a server answered a control message with ${JSON.stringify(answer)}`,
  )
}

const drive = async (run: GeneratorRun, requests: number): Promise<void> => {
  run.write(String(requests))
  for (;;) {
    const next = await run.lines.next()
    if (next.done)
      throw new BenchError(
        'CELERIS_BENCH_GENERATOR',
        'the load generator ended during a heap round',
      )
    if (next.value.type === 'slice') return
  }
}

/** Heap growth over a number of requests, or undefined when a collection fell into it. */
const growth = async (
  server: RunningServer,
  run: GeneratorRun,
  requests: number,
): Promise<number | undefined> => {
  const before = reading(await server.ask('gc'))
  await drive(run, requests)
  const after = reading(await server.ask('heap'))
  return after.collections === before.collections ? after.heapUsed - before.heapUsed : undefined
}

/**
 * Heap growth between a forced collection and the end of a known number of requests. Each round
 * takes a small and a large number and uses the difference, so that what a reading itself costs
 * cancels out. A round into which a collection fell is taken again with half the requests.
 *
 * @throws BenchError `CELERIS_BENCH_SERVER` when even short rounds have a collection.
 */
export const measureHeap = async (
  pinning: Pinning,
  kind: ServerKind,
  scenario: Scenario,
  plan: HeapPlan,
): Promise<HeapFigures> => {
  const { options = {}, connections } = plan
  const server = await startServer(pinning, kind, {
    scenario,
    options,
    control: true,
    nodeFlags: NODE_FLAGS,
  })
  const { pid, port } = server
  const target = { name: kind.name, pid, port, path: scenario.path, body: scenario.body }
  try {
    const run = await startGenerator(pinning, 'count', [target], { connections })
    try {
      await drive(run, plan.warmupRequests)
      return await takeRounds(server, run, plan)
    } finally {
      run.stop()
    }
  } finally {
    await server.stop()
  }
}

const takeRounds = async (
  server: RunningServer,
  run: GeneratorRun,
  plan: HeapPlan,
): Promise<HeapFigures> => {
  let slopes: number[] = []
  let requests = plan.requests
  while (slopes.length < plan.rounds) {
    const less = await growth(server, run, plan.connections)
    const more = await growth(server, run, plan.connections + requests)
    if (less !== undefined && more !== undefined) {
      slopes.push((more - less) / requests)
      continue
    }
    slopes = []
    requests = Math.floor(requests / 2)
    if (requests < LEAST_REQUESTS)
      throw new BenchError(
        'CELERIS_BENCH_SERVER',
        `the server collects garbage within ${LEAST_REQUESTS} requests: its heap growth cannot be measured`,
      )
  }
  return {
    bytesPerRequest: Math.min(...slopes),
    roundSlopes: slopes,
    requestsPerRound: requests,
  }
}
