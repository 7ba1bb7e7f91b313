// Hot path for routes with parameters. Path bytes -> route entry; the cold rest is 400, 404, 405, 501 and OPTIONS.
import { METHOD_OPTIONS, METHOD_OTHER } from '@celeris/engine/layout'
import { matchedParams } from './context.ts'
import { bytes as sharedBytes } from './memory.ts'
import { decodePath } from './path-decode.ts'
import { decodedPath } from './request-view.ts'
import type { RouteEntry } from './route-entry.ts'
import type { SealedRoutes } from './route-table.ts'

/** What was found. One object, valid until the next search. */
export interface Matched {
  entry: RouteEntry
  /** What the parameter pairs index. */
  paramBytes: Buffer
  /** Value for `allow` (405, OPTIONS); empty otherwise. */
  allow: string
}

const STAR = 0x2a
const SLASH = 0x2f
const QUESTION_MARK = 0x3f

let matched: Matched | undefined

function give(entry: RouteEntry, paramBytes: Buffer, allow: string): Matched {
  if (matched === undefined) {
    matched = { entry, paramBytes, allow }
  } else {
    matched.entry = entry
    matched.paramBytes = paramBytes
    matched.allow = allow
  }
  return matched
}

function unmatched(
  routes: SealedRoutes,
  paths: Buffer,
  start: number,
  end: number,
  methodId: number,
  methodName: string | null,
): Matched {
  const allowed = routes.allowed(paths, start, end)
  const entries = routes.unmatchedAt(paths, start, end)
  if (methodId === METHOD_OTHER && !routes.knownMethods.has(methodName ?? ''))
    return give(entries.notImplemented, sharedBytes, '')
  if (allowed.length === 0) return give(entries.notFound, sharedBytes, '')
  const allow = allowed.join(', ')
  return give(
    methodId === METHOD_OPTIONS ? entries.options : entries.methodNotAllowed,
    sharedBytes,
    allow,
  )
}

/**
 * Finds the route of a raw path. `plain` says that it needs no decoding.
 * @param methodName is read only when `methodId` is METHOD_OTHER
 */
export function matchRoute(
  routes: SealedRoutes,
  badPath: RouteEntry,
  source: Buffer,
  start: number,
  length: number,
  plain: boolean,
  methodId: number,
  methodName: string | null,
): Matched {
  let paths = source
  let from = start
  let end = start + length
  if (length === 0) {
    // Absolute-form with an empty path is `/` (RFC 9110 §4.2.3), for OPTIONS without a query `*` (RFC 9112 §3.2.4).
    if (methodId === METHOD_OPTIONS && source[start] !== QUESTION_MARK)
      return give(routes.unmatched.options, sharedBytes, routes.allMethods.join(', '))
    decodedPath[0] = SLASH
    paths = decodedPath
    from = 0
    end = 1
  } else if (length === 1 && source[start] === STAR) {
    return give(routes.unmatched.options, sharedBytes, routes.allMethods.join(', '))
  } else if (!plain) {
    const decoded = decodePath(source, start, end, decodedPath)
    if (decoded < 0) return give(badPath, sharedBytes, '')
    paths = decodedPath
    from = 0
    end = decoded
  }
  const entry = routes.find(paths, from, end, methodId, methodName, matchedParams)
  return entry === null
    ? unmatched(routes, paths, from, end, methodId, methodName)
    : give(entry, paths, '')
}
