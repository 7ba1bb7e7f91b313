import type { ErrorHandler, Handler } from './handler.ts'
import { coverage, onlyUnder } from './route-coverage.ts'
import type { PatternSegment } from './route-pattern.ts'
import type { RouteDefinition, Scope } from './route-scope.ts'

/** A scope on the way from the server to a route. */
export interface Link {
  readonly scope: Scope
  /** Prefixes of the mounts above; patterns of the scope go behind it. */
  readonly outer: string
  /** When the mount that leads here was made; 0 for the server itself and for groups. */
  readonly mountSequence: number
}

/** Every scope below and including the server's, with the way to it. */
export function eachScope(root: Scope, visit: (links: readonly Link[]) => void): void {
  const walk = (links: readonly Link[]): void => {
    visit(links)
    const { scope, outer } = links.at(-1) as Link
    for (const group of scope.groups) walk([...links, { scope: group, outer, mountSequence: 0 }])
    for (const { other, prefix, sequence } of scope.mounts) {
      walk([...links, { scope: other, outer: outer + prefix, mountSequence: sequence }])
    }
  }
  walk([{ scope: root, outer: '', mountSequence: 0 }])
}

/** Middleware with the functions it was made of. */
export interface Chain {
  /** What runs, in order. */
  readonly handlers: readonly Handler[]
  /** The same as the program wrote it, before it was bound to a path. */
  readonly originals: readonly Handler[]
}

/**
 * Chain of a route. A middleware covers what was registered after it; the routes of a mount
 * count as registered when the mount was made, if that was later.
 */
export function routeChain(
  links: readonly Link[],
  route: RouteDefinition,
  segments: readonly PatternSegment[],
): Chain {
  const own = [...route.middlewares, ...route.handlers]
  const outer = middlewareOf(links, route.sequence, segments)
  return {
    handlers: [...outer.handlers, ...own],
    originals: [...outer.originals, ...own],
  }
}

/**
 * Chain of what answers where no route does: all global middleware of the server and of the mounts
 * on the way, not that of groups, and the handler itself.
 */
export function unmatchedChain(links: readonly Link[], last: Handler): Chain {
  const global = links.filter(({ scope }) => scope.parent === null)
  const outer = middlewareOf(global, Number.POSITIVE_INFINITY, null)
  return { handlers: [...outer.handlers, last], originals: [...outer.originals, last] }
}

function middlewareOf(
  links: readonly Link[],
  sequence: number,
  segments: readonly PatternSegment[] | null,
): Chain {
  let until = sequence
  const handlers: Handler[][] = []
  const originals: Handler[][] = []
  for (const { scope, outer, mountSequence } of links.toReversed()) {
    const uses = scope.uses.filter((use) => use.sequence < until)
    const bound = uses.flatMap((use) => {
      if (use.path === null) return [{ original: use.handler, handler: use.handler }]
      const path = outer + use.path
      const covered = segments === null ? 'sometimes' : coverage(path, segments)
      if (covered === 'never') return []
      const handler = covered === 'always' ? use.handler : onlyUnder(path, use.handler)
      return [{ original: use.handler, handler }]
    })
    handlers.push(bound.map(({ handler }) => handler))
    originals.push(bound.map(({ original }) => original))
    // Seen from above a mount, its routes exist since the mount was made, or since they do.
    if (mountSequence > 0) {
      until = sequence === Number.POSITIVE_INFINITY ? mountSequence : Math.max(until, mountSequence)
    }
  }
  return { handlers: handlers.toReversed().flat(), originals: originals.toReversed().flat() }
}

/** The innermost `onError`, `notFound` or `methodNotAllowed` on the way. */
export function nearest<K extends 'notFound' | 'methodNotAllowed' | 'onError'>(
  links: readonly Link[],
  key: K,
): (K extends 'onError' ? ErrorHandler : Handler) | undefined {
  const found = links.findLast(({ scope }) => scope[key] !== undefined)
  return found?.scope[key] as (K extends 'onError' ? ErrorHandler : Handler) | undefined
}
