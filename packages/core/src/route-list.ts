import { eachScope, routeChain } from './route-middleware.ts'
import { parsePattern } from './route-pattern.ts'
import type { Scope } from './route-scope.ts'

/** One line of `routes()`. */
export interface RouteInfo {
  /** Case as registered; `'*'` for any method. */
  readonly method: string
  /** The pattern with the prefixes of groups and mounts. */
  readonly path: string
  readonly name: string | undefined
  /** Length of the chain: middleware that may run for it, and its handlers. */
  readonly handlers: number
}

/** Routes of a scope and everything below, sorted by path, then method. */
export function listRoutes(root: Scope): RouteInfo[] {
  const found: RouteInfo[] = []
  eachScope(root, (links) => {
    const { scope, outer } = links.at(-1) as (typeof links)[number]
    for (const route of scope.routes) {
      const path = outer + route.text
      const segments = path === '' ? [] : parsePattern(path).segments
      const handlers = routeChain(links, route, segments).handlers.length
      for (const method of route.methods) found.push({ method, path, name: route.name, handlers })
    }
  })
  return found.sort((a, b) => compare(a.path, b.path) || compare(a.method, b.method))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
