import type { ErrorHandler, Handler, Run } from './handler.ts'
import type { MatchedRoute } from './matched-route.ts'

/** One route for one method, as dispatch uses it. Made when the server is sealed. */
export interface RouteEntry extends MatchedRoute {
  readonly method: string
  readonly pattern: string
  readonly paramNames: readonly string[]
  readonly wildcard: boolean
  readonly name: string | undefined
  /** Global middleware, groups outer to inner, the route's own, its handlers. */
  readonly handlers: readonly Handler[]
  /** The nearest `onError`, if there is one (C-6). */
  readonly onError: ErrorHandler | undefined
  /** The composed chain; filled right after the entry was made. */
  run: Run | undefined
  /**
   * No handler is an async function and none has given a promise so far; only such routes may use
   * a pooled context. Cleared by dispatch.
   */
  neverAsync: boolean
  /** Answers in a row whose body was new; see blocks.ts. */
  internMisses: number
}

/**
 * Entries of one place in the tree by method. `entries` has a row for each METHOD_* id of the
 * record layout; GET stands in for HEAD and `any` for everything that has no route of its own, so
 * a lookup is one load. Row METHOD_OTHER is the one of `any`; methods without an id are in `other`.
 */
export interface MethodTable {
  readonly entries: (RouteEntry | undefined)[]
  other: Map<string, RouteEntry> | undefined
  /** Methods that were registered, in order; `'*'` for any. */
  readonly methods: string[]
}
