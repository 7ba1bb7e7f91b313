import type { Context, Env } from './context.ts'

/**
 * Runs what is behind a middleware. Gives nothing when all of it was synchronous, else the promise
 * to return or await.
 */
export type Next = () => void | Promise<void>

/** What a handler may give: nothing, a value to be sent, or a promise of either. */
// biome-ignore lint/suspicious/noConfusingVoidType: most handlers return nothing
export type HandlerResult = void | false | string | object | Response | Promise<unknown>

/**
 * A handler or middleware. A string is sent as text, bytes as they are, a web `Response` as it is,
 * streams as streams, anything else but undefined as JSON. The value of a middleware counts only
 * if it did not call `next()`.
 */
export type Handler<E extends Env = Env, P extends string = string> = (
  c: Context<E, P>,
  next: Next,
) => HandlerResult

/** Answers for an error that a chain did not handle itself; may write, or return a value. */
export type ErrorHandler<E extends Env = Env> = (error: unknown, c: Context<E>) => HandlerResult

/** A composed chain. */
export type Run = (c: Context, next: Next) => unknown
