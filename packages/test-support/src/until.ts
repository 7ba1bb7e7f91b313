import { setTimeout as sleep } from 'node:timers/promises'

/** How long `until` asks. */
export interface UntilOptions {
  /** Milliseconds after which it gives up. Default 30 000, since tests share busy machines. */
  readonly deadlineMs?: number
  /** Added to the error, such as the end of a log. */
  readonly detail?: () => string
}

const PAUSE_MS = 20

/**
 * Asks again and again until the answer is neither false, null nor undefined, and returns it. A check
 * that throws counts as "not yet"; the last error is the cause of the final one.
 */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  { deadlineMs = 30_000, detail }: UntilOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + deadlineMs
  let cause: unknown
  while (performance.now() < deadline) {
    try {
      const answer = await check()
      if (answer !== false && answer !== null && answer !== undefined) {
        return answer as Exclude<T, false | null | undefined>
      }
      cause = undefined
    } catch (error) {
      cause = error
    }
    await sleep(PAUSE_MS)
  }
  const rest = detail === undefined ? '' : `\n${detail()}`
  throw new Error(`${what}: not so after ${deadlineMs} ms${rest}`, { cause })
}
