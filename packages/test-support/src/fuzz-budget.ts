import { randomInt } from 'node:crypto'

/** How long a fuzzer runs, and from which seed. */
export interface FuzzBudget {
  /** Printed by whoever fails; `CELERIS_FUZZ_SEED` sets it. */
  readonly seed: number
  /** Time for one fuzzer, from `CELERIS_FUZZ_SECONDS`; null in `npm test`: a fixed number of rounds. */
  readonly seconds: number | null
}

const SEED_MAX = 2 ** 31

/** The same seed in each run of the tests, another one in each long run. */
export function fuzzBudget(): FuzzBudget {
  const { CELERIS_FUZZ_SECONDS, CELERIS_FUZZ_SEED } = process.env
  const seconds = CELERIS_FUZZ_SECONDS === undefined ? null : Number(CELERIS_FUZZ_SECONDS)
  const seed = CELERIS_FUZZ_SEED === undefined ? undefined : Number(CELERIS_FUZZ_SEED)
  return { seconds, seed: seed ?? (seconds === null ? 1 : randomInt(SEED_MAX)) }
}

/** Parameters of fast-check: `rounds` in `npm test`, as many as fit into the time of a long run. */
export interface PropertyParameters {
  readonly seed: number
  readonly numRuns: number
  readonly interruptAfterTimeLimit?: number
}

/** What a property is checked with, see `fuzzBudget`. */
export function propertyParameters(rounds: number): PropertyParameters {
  const { seed, seconds } = fuzzBudget()
  if (seconds === null) return { seed, numRuns: rounds }
  const numRuns = Number.MAX_SAFE_INTEGER
  return { seed, numRuns, interruptAfterTimeLimit: seconds * 1_000 }
}

/** Milliseconds after which a test that fuzzes counts as hung. */
export const fuzzTimeoutMs = (): number => 120_000 + (fuzzBudget().seconds ?? 0) * 1_000
