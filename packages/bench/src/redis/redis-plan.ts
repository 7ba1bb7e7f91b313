import type { RedisLibrary } from './redis-libraries.ts'
import type { RedisPoint } from './redis-points.ts'

/** How long each point is measured. */
export interface RedisTiming {
  /** How often all clients of a point are started anew. */
  readonly launches: number
  /** How often they take turns within a launch: one pair each. */
  readonly cycles: number
  readonly sliceMs: number
  /** CPU time of the warm-up: on a busy machine the clock alone would leave code uncompiled. */
  readonly warmMs: number
}

/** What `celeris-bench redis` does. */
export interface RedisPlan {
  readonly points: readonly RedisPoint[]
  readonly rivals: readonly RedisLibrary[]
  readonly timing: RedisTiming
  /** Also measures the bytes of heap a GET costs. */
  readonly heap: boolean
  /** Folder for CPU profiles of the subject; its figures then mean little and are not judged. */
  readonly profileFolder: string | undefined
  /** Asks the kernel to prefer clients and servers to other programs. */
  readonly raised: boolean
  /** Holds the figures against the promises. */
  readonly judged: boolean
}

/** The sizes: `check` only proves that everything runs. */
export const redisTimings: Readonly<Record<'check' | 'short' | 'full', RedisTiming>> = {
  check: { launches: 1, cycles: 1, sliceMs: 20, warmMs: 20 },
  short: { launches: 2, cycles: 4, sliceMs: 150, warmMs: 400 },
  full: { launches: 8, cycles: 4, sliceMs: 250, warmMs: 600 },
}
