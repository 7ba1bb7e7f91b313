const MIB = 1_048_576
const FLOOR_BYTES = 256 * MIB
const WORKER_BYTES = 32 * MIB

/**
 * A value to start with for the option `memoryLimitBytes`: 32 MiB per native I/O thread, at least
 * 256 MiB. Pure: it reads nothing of the machine and turns nothing on.
 * @param workers as in the configuration, 0 for none
 * @param options `available`: bytes the process may use, such as a container's limit; the result
 * is at most three quarters of it
 * @throws RangeError unless `workers` is an integer from 0 and `available` a positive number
 * @example new Server({ workers: 4, memoryLimitBytes: deriveMemoryLimit(4) })
 */
export function deriveMemoryLimit(
  workers: number,
  options: { readonly available?: number | undefined } = {},
): number {
  if (!Number.isSafeInteger(workers) || workers < 0) {
    throw new RangeError(`workers is an integer from 0, not ${String(workers)}`)
  }
  const limit = Math.min(Math.max(FLOOR_BYTES, workers * WORKER_BYTES), Number.MAX_SAFE_INTEGER)
  const { available } = options
  if (available === undefined) return limit
  if (typeof available !== 'number' || !(available > 0)) {
    throw new RangeError(`available is a number of bytes above 0, not ${String(available)}`)
  }
  return Math.min(limit, Math.floor((available / 4) * 3))
}
