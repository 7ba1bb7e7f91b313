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
 * cancels out; a round into which a collection fell is left out.
 *
 * @throws BenchError `CELERIS_BENCH_SERVER` when every round had a collection.
 */
export const measureHeap = async (
  pinning: Pinning,
  kind: ServerKind,
  scenario: Scenario,
  plan: HeapPlan,
): Promise<HeapFigures> => {
  const server = await startServer(pinning, kind, {
    scenario,
    control: true,
    nodeFlags: NODE_FLAGS,
    ...(plan.options ? { options: plan.options } : {}),
  })
  const target = {
    name: kind.name,
    pid: server.pid,
    port: server.port,
    path: scenario.path,
    body: scenario.body,
  }
  const small = plan.connections
  const slopes: number[] = []
  try {
    const run = await startGenerator(pinning, 'count', [target], { connections: plan.connections })
    try {
      await drive(run, plan.warmupRequests)
      for (let round = 0; round < plan.rounds; round++) {
        const less = await growth(server, run, small)
        const more = await growth(server, run, small + plan.requests)
        if (less !== undefined && more !== undefined) slopes.push((more - less) / plan.requests)
      }
    } finally {
      run.stop()
    }
  } finally {
    await server.stop()
  }
  if (slopes.length === 0)
    throw new BenchError(
      'CELERIS_BENCH_SERVER',
      `${kind.name} collected garbage in every heap round: use fewer requests per round`,
    )
  return {
    bytesPerRequest: Math.min(...slopes),
    roundSlopes: slopes,
    requestsPerRound: plan.requests,
  }
}
