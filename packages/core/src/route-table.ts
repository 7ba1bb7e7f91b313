import type { LiteralPath } from '@celeris/engine'
import { RouteError } from './errors.ts'
import type { Handler, Run } from './handler.ts'
import { ANY, addToTable, allowedMethods, createMethodTable, METHOD_IDS } from './method-table.ts'
import type { MethodTable, RouteEntry } from './route-entry.ts'
import {
  type Chain,
  eachScope,
  type Link,
  nearest,
  routeChain,
  unmatchedChain,
} from './route-middleware.ts'
import { expandOptional, namesOf, type PatternSegment, parsePattern } from './route-pattern.ts'
import type { Scope } from './route-scope.ts'
import { RouteTree } from './route-tree.ts'
import { type Router, scopeOf } from './router.ts'

/** What answers where no route does, behind global middleware. */
export interface UnmatchedEntries {
  readonly notFound: RouteEntry
  readonly methodNotAllowed: RouteEntry
  readonly notImplemented: RouteEntry
  readonly options: RouteEntry
}

/** What dispatch brings to a table of routes. */
export interface TableParts {
  /** Makes one function of a chain. */
  readonly compose: (handlers: readonly Handler[], entry: RouteEntry) => Run
  /** Default answers, used where the program gave no handler of its own. */
  readonly unmatched: { readonly [K in keyof UnmatchedEntries]: Handler }
}

/** All routes of a server, ready to be searched. */
export interface SealedRoutes {
  /** Paths that an engine may match by their bytes, with the id of their table. */
  readonly literals: readonly LiteralPath[]
  /**
   * Tables of the literals by id; index 0 is an empty table. No entry for the method means: ask
   * `find`, a route with parameters may have one.
   */
  readonly literalTables: readonly MethodTable[]
  /** Tables of all paths without parameters by decoded path, those the engine is not told of too. */
  readonly literalPaths: ReadonlyMap<string, MethodTable>
  /** See `RouteTree.find`. */
  find(
    bytes: Uint8Array,
    start: number,
    end: number,
    methodId: number,
    methodName: string | null,
    params: Int32Array,
  ): RouteEntry | null
  /** Methods for `allow`, sorted; empty if no route has the path. */
  allowed(bytes: Uint8Array, start: number, end: number): string[]
  /** Entries for paths that are in no mount or group with a `notFound` or `methodNotAllowed`. */
  readonly unmatched: UnmatchedEntries
  /** Entries for one path. */
  unmatchedAt(bytes: Uint8Array, start: number, end: number): UnmatchedEntries
  /** Methods that are not answered with 501 (MET-2). */
  readonly knownMethods: ReadonlySet<string>
  /** Methods for `allow` of `OPTIONS *`, sorted. */
  readonly allMethods: readonly string[]
  /** Most parameters of one route: `find` needs twice as many numbers. */
  readonly maxParams: number
  readonly pre: readonly Handler[]
  /** Every function of the program once, in order; for their `metrics` and `close` (M-3). */
  readonly functions: readonly Handler[]
  /** Suspicious registrations, to be logged in development. */
  readonly warnings: readonly string[]
}

const AsyncFunction = (async () => {}).constructor

function createEntry(
  parts: TableParts,
  chain: Chain,
  route: Omit<RouteEntry, 'handlers' | 'run' | 'neverAsync' | 'internMisses'>,
): RouteEntry {
  const entry: RouteEntry = {
    method: route.method,
    pattern: route.pattern,
    paramNames: route.paramNames,
    wildcard: route.wildcard,
    name: route.name,
    handlers: chain.handlers,
    onError: route.onError,
    run: undefined,
    neverAsync: !chain.originals.some((handler) => handler instanceof AsyncFunction),
    internMisses: 0,
  }
  entry.run = parts.compose(chain.handlers, entry)
  return entry
}

/** Forbids further registrations, here and in mounted routers, and builds the table. */
export function sealRoutes(router: Router, parts: TableParts): SealedRoutes {
  const table = compileRoutes(router, parts)
  eachScope(scopeOf(router), (links) => {
    const { registry } = (links.at(-1) as Link).scope
    registry.sealed = true
  })
  return table
}

/** Number that changes with every registration; a compiled table is valid while it stays. */
export function routesRevision(router: Router): number {
  return scopeOf(router).registry.revision
}

/** Builds the table from what is registered so far. */
export function compileRoutes(router: Router, parts: TableParts): SealedRoutes {
  const root = scopeOf(router)
  const tree = new RouteTree()
  const knownMethods = new Set(METHOD_IDS.keys())
  const literalForms = new Map<string, readonly PatternSegment[]>()
  const functions = new Set<Handler>(root.registry.pre)
  const warnings: string[] = []
  const everything = createMethodTable()
  let maxParams = 0

  eachScope(root, (links) => {
    const { scope, outer } = links.at(-1) as Link
    if (scope.parent === null) warnings.push(...scope.registry.warnings)
    for (const use of scope.uses) functions.add(use.handler)
    const onError = nearest(links, 'onError')
    for (const route of scope.routes) {
      const pattern = outer + route.text
      for (const segments of expandOptional(parsePattern(pattern))) {
        const chain = routeChain(links, route, segments)
        for (const handler of chain.originals) functions.add(handler)
        const paramNames = namesOf(segments)
        maxParams = Math.max(maxParams, paramNames.length)
        if (paramNames.length === 0) literalForms.set(literalPath(segments), segments)
        const wildcard = segments.at(-1)?.kind === 'wildcard'
        for (const method of route.methods) {
          const { name } = route
          const described = { method, pattern, paramNames, wildcard, name, onError }
          const entry = createEntry(parts, chain, described)
          if (method !== ANY) knownMethods.add(method)
          addToTable(everything, entry)
          if (!tree.insert(segments, entry)) {
            // Registration refuses conflicts; this one would be ours.
            throw new RouteError('CELERIS_ROUTE_CONFLICT', `'${pattern}' exists twice`, { pattern })
          }
        }
      }
    }
  })
  tree.seal()

  const literalPaths = new Map<string, MethodTable>()
  for (const [path, segments] of literalForms) {
    literalPaths.set(path, tree.literal(segments) as MethodTable)
  }
  const allMethods = allowedMethods([everything])
  const unmatched = compileUnmatched(root, parts)
  return {
    ...rawLiterals(literalPaths),
    literalPaths,
    find: (bytes, start, end, methodId, methodName, params) =>
      tree.find(bytes, start, end, methodId, methodName, params),
    allowed: (bytes, start, end) => allowedMethods(tree.tablesAt(bytes, start, end)),
    unmatched: unmatched.outermost,
    unmatchedAt: unmatched.at,
    knownMethods,
    allMethods: allMethods.length === 0 ? ['OPTIONS'] : allMethods,
    maxParams,
    pre: [...root.registry.pre],
    functions: [...functions],
    warnings,
  }
}

function literalPath(segments: readonly PatternSegment[]): string {
  return segments.map((segment) => `/${segment.kind === 'literal' ? segment.text : ''}`).join('')
}

/** Paths whose spelling in a request is their own: other spellings reach the tree. */
function rawLiterals(
  paths: ReadonlyMap<string, MethodTable>,
): Pick<SealedRoutes, 'literals' | 'literalTables'> {
  const literals: LiteralPath[] = []
  const literalTables = [createMethodTable()]
  for (const [path, table] of paths) {
    if (!/^[A-Za-z0-9\-._~!$&'()*+,;=:@/]+$/.test(path)) continue
    literals.push({ path, id: literalTables.length })
    literalTables.push(table)
  }
  return { literals, literalTables }
}

function compileUnmatched(
  root: Scope,
  parts: TableParts,
): { outermost: UnmatchedEntries; at: SealedRoutes['unmatchedAt'] } {
  const tree = new RouteTree()
  const byEntry = new Map<RouteEntry, UnmatchedEntries>()
  let outermost: UnmatchedEntries | undefined
  eachScope(root, (links) => {
    const { scope, outer } = links.at(-1) as Link
    const own = scope.notFound !== undefined || scope.methodNotAllowed !== undefined
    if (scope !== root && !own) return
    const entries = unmatchedEntries(links, parts)
    if (scope === root) {
      outermost = entries
      return
    }
    const prefix = outer + scope.prefix
    byEntry.set(entries.notFound, entries)
    if (prefix !== '') tree.insert(parsePattern(prefix).segments, entries.notFound)
    tree.insert(parsePattern(`${prefix}/*`).segments, entries.notFound)
  })
  tree.seal()
  const fallback = outermost as UnmatchedEntries
  if (byEntry.size === 0) return { outermost: fallback, at: () => fallback }
  // Prefixes may have parameters, whose positions nobody wants here.
  const ignored = new Int32Array(512)
  const at: SealedRoutes['unmatchedAt'] = (bytes, start, end) => {
    const entry = tree.find(bytes, start, end, 0, '', ignored)
    return (entry === null ? undefined : byEntry.get(entry)) ?? fallback
  }
  return { outermost: fallback, at }
}

function unmatchedEntries(links: readonly Link[], parts: TableParts): UnmatchedEntries {
  const onError = nearest(links, 'onError')
  const entry = (handler: Handler): RouteEntry =>
    createEntry(parts, unmatchedChain(links, handler), {
      method: ANY,
      pattern: '',
      paramNames: [],
      wildcard: false,
      name: undefined,
      onError,
    })
  return {
    notFound: entry(nearest(links, 'notFound') ?? parts.unmatched.notFound),
    methodNotAllowed: entry(nearest(links, 'methodNotAllowed') ?? parts.unmatched.methodNotAllowed),
    notImplemented: entry(parts.unmatched.notImplemented),
    options: entry(parts.unmatched.options),
  }
}
