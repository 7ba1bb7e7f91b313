import type { Handler } from './handler.ts'
import type { Logger } from './logger.ts'

/** Runs when a server closes; `signal` fires when its time is up. */
export type ShutdownHook = (context: { readonly signal: AbortSignal }) => void | Promise<void>

interface Closable {
  close?(options: { timeoutMs: number }): unknown
}

/**
 * When a close has to end. A later `close()` may bring it forward, also for what waits already.
 */
export class CloseDeadline {
  #at = Number.POSITIVE_INFINITY
  readonly #moved = new Set<() => void>()

  /** Ends no later than so many milliseconds from now. */
  atMost(timeoutMs: number): void {
    this.#at = Math.min(this.#at, performance.now() + timeoutMs)
    for (const moved of this.#moved) moved()
  }

  /** Milliseconds left, 0 when the time is up. */
  leftMs(): number {
    return Math.max(0, Math.ceil(this.#at - performance.now()))
  }

  /** Calls `passed` when the time is up, but gives it `leastMs` from now on. Gives what cancels it. */
  watch(leastMs: number, passed: () => void): () => void {
    const least = performance.now() + leastMs
    let timer: NodeJS.Timeout | undefined
    const arm = (): void => {
      clearTimeout(timer)
      const left = Math.max(this.#at, least) - performance.now()
      timer = setTimeout(passed, Math.min(Math.max(0, Math.ceil(left)), TIMER_MAX_MS))
    }
    this.#moved.add(arm)
    arm()
    return () => {
      clearTimeout(timer)
      this.#moved.delete(arm)
    }
  }
}

/** Longest time of a timer; a longer one would fire at once. */
const TIMER_MAX_MS = 2 ** 31 - 1
/** Middlewares always get this long, and so do hooks (L-9). */
const LEAST_MS = 1_000

/** Settles with the work, or rejects when the time is up. */
async function within<T>(
  deadline: CloseDeadline,
  leastMs: number,
  what: string,
  work: Promise<T>,
): Promise<T> {
  let cancel = (): void => {}
  const late = new Promise<never>((_, reject) => {
    cancel = deadline.watch(leastMs, () => reject(new Error(`${what} did not end in time`)))
  })
  try {
    return await Promise.race([work, late])
  } finally {
    cancel()
  }
}

/** Closes installed middleware, all at once (core.md M-3). What fails is logged and left out. */
export async function closeMiddlewares(
  functions: readonly Handler[],
  deadline: CloseDeadline,
  logger: Logger,
): Promise<unknown[]> {
  const timeoutMs = Math.max(LEAST_MS, deadline.leftMs())
  const closing = functions
    .filter((middleware) => typeof (middleware as unknown as Closable).close === 'function')
    .map(async (middleware) => {
      try {
        const done = Promise.resolve(
          (middleware as unknown as Required<Closable>).close({ timeoutMs }),
        )
        const what = `close() of ${middleware.name || 'a middleware'}`
        return { value: await within(deadline, LEAST_MS, what, done) }
      } catch (error) {
        logger.error({ error }, 'closing a middleware failed')
        return null
      }
    })
  const results = await Promise.all(closing)
  return results.filter((result) => result !== null).map(({ value }) => value)
}

/** Runs hooks one by one; a failing or hanging one does not stop the next. Gives what they threw. */
export async function runHooks(
  hooks: readonly ShutdownHook[],
  deadline: CloseDeadline,
  logger: Logger,
): Promise<unknown[]> {
  const errors: unknown[] = []
  const controller = new AbortController()
  const { signal } = controller
  const began = performance.now()
  const cancel = deadline.watch(LEAST_MS, () => controller.abort())
  for (const hook of hooks) {
    // When the time is up a hook still gets the moment that it takes to see the signal.
    const leastMs = Math.max(1, began + LEAST_MS - performance.now())
    try {
      await within(deadline, leastMs, 'an onShutdown hook', Promise.resolve(hook({ signal })))
    } catch (error) {
      errors.push(error)
      logger.error({ error }, 'an onShutdown hook failed')
    }
  }
  cancel()
  return errors
}
