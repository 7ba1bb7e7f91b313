import type { Handler } from './handler.ts'
import type { Logger } from './logger.ts'

/** Runs when a server closes; `signal` fires when its time is up. */
export type ShutdownHook = (context: { readonly signal: AbortSignal }) => void | Promise<void>

interface Closable {
  close?(options: { timeoutMs: number }): unknown
}

/** Settles with the promise, or rejects when the time is up. */
async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} did not end within ${timeoutMs} ms`)),
      timeoutMs,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Closes installed middleware, all at once (core.md M-3). What fails is logged and left out. */
export async function closeMiddlewares(
  functions: readonly Handler[],
  timeoutMs: number,
  logger: Logger,
): Promise<unknown[]> {
  const closing = functions
    .filter((middleware) => typeof (middleware as unknown as Closable).close === 'function')
    .map(async (middleware) => {
      try {
        const done = Promise.resolve(
          (middleware as unknown as Required<Closable>).close({ timeoutMs }),
        )
        return {
          value: await within(timeoutMs, `close() of ${middleware.name || 'a middleware'}`, done),
        }
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
  timeoutMs: number,
  logger: Logger,
): Promise<unknown[]> {
  const errors: unknown[] = []
  const controller = new AbortController()
  const deadline = performance.now() + timeoutMs
  for (const hook of hooks) {
    const left = Math.max(0, deadline - performance.now())
    const timer = setTimeout(() => controller.abort(), left)
    try {
      await within(
        Math.max(1, left),
        'an onShutdown hook',
        Promise.resolve(hook({ signal: controller.signal })),
      )
    } catch (error) {
      errors.push(error)
      logger.error({ error }, 'an onShutdown hook failed')
    } finally {
      clearTimeout(timer)
    }
  }
  return errors
}
