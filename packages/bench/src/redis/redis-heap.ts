import { BenchError } from '../errors.ts'
import { type ClientProcess, startClient } from './client-process.ts'
import type { RedisLibrary } from './redis-libraries.ts'
import type { RedisEndpoint, RedisMachine } from './redis-servers.ts'

/** JavaScript heap a library takes for a GET. */
export interface RedisHeap {
  readonly name: string
  readonly bytesPerGet: number
}

// A young generation that holds a whole round: a scavenge in between would hide what was allocated.
const NODE_FLAGS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']
const GETS = { work: 'getOnly', callers: 64, valueBytes: 32, topology: 'single' } as const
const ROUNDS = 3
const FEW = 1000
// Fewer than this, and what a reading costs drowns the slope.
const LEAST = 500

const growth = async (client: ClientProcess, gets: number) => {
  const { ops, bytes, collections } = await client.count(gets)
  return collections === 0 ? { ops, bytes } : undefined
}

const slopeOf = async (client: ClientProcess): Promise<number> => {
  let gets = 8000
  let slopes: number[] = []
  while (slopes.length < ROUNDS) {
    const less = await growth(client, FEW)
    const more = await growth(client, FEW + gets)
    if (less && more) {
      slopes.push((more.bytes - less.bytes) / (more.ops - less.ops))
      continue
    }
    slopes = []
    gets = Math.floor(gets / 2)
    if (gets < LEAST)
      throw new BenchError(
        'CELERIS_BENCH_REDIS',
        `garbage is collected within ${LEAST} GETs: the heap cannot be measured`,
      )
  }
  return Math.min(...slopes)
}

/**
 * Heap growth of a GET at 64 callers, the caller's own loop included: a forced collection, a number
 * of GETs, a reading; once for few and once for many, so that what a reading costs cancels out. The
 * least of three rounds; one with a collection in it is taken again with half as many.
 */
export const measureRedisHeap = async (
  machine: RedisMachine,
  library: RedisLibrary,
  endpoint: RedisEndpoint,
  warmMs: number,
): Promise<RedisHeap> => {
  const client = await startClient(machine, {
    library,
    point: GETS,
    endpoint,
    nodeFlags: NODE_FLAGS,
  })
  try {
    await client.warm(warmMs)
    return { name: library.name, bytesPerGet: await slopeOf(client) }
  } finally {
    await client.stop()
  }
}
