// Hot path. A chain of handlers as one function; nothing is allocated while everything is synchronous.
import type { Context } from './context.ts'
import type { Handler, Next, Run } from './handler.ts'

/** `next` of the last handler of a chain. */
export const END: Next = () => {}

/**
 * Makes one function of a chain. What it gives is what the first handler gave: nothing, a value,
 * or a promise; dispatch applies it.
 */
export function compose(handlers: readonly Handler[]): Run {
  const first = handlers[0]
  if (first === undefined) return () => undefined
  if (handlers.length === 1) return first as Run
  return (c) => {
    c.chain = handlers
    return first(c, c.nextAt(1))
  }
}

/** Runs one handler of the chain of a context. */
export function runHandler(c: Context, index: number): unknown {
  const handlers = c.chain
  const handler = handlers[index] as Handler
  return handler(c, index + 1 < handlers.length ? c.nextAt(index + 1) : END)
}

/** Whether a value is a promise or looks like one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof (value as { then: unknown }).then === 'function'
  )
}
