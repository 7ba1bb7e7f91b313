import { RouteConflictError, RouteError, ServerStateError } from './errors.ts'
import type { ErrorHandler, Handler } from './handler.ts'
import { ANY } from './method-table.ts'
import { expandOptional, parsePattern, shapeOf } from './route-pattern.ts'

/** A route as registered, before middleware is applied. */
export interface RouteDefinition {
  readonly sequence: number
  readonly methods: readonly string[]
  /** Pattern with the prefixes of its groups, not yet those of mounts. */
  readonly text: string
  readonly handlers: readonly Handler[]
  /** What `.use()` of the route added. */
  readonly middlewares: Handler[]
  name: string | undefined
}

/** Middleware of a scope; `path` has the prefixes of its groups, null for all paths. */
export interface MiddlewareUse {
  readonly sequence: number
  readonly path: string | null
  readonly handler: Handler
}

/** Another router that was joined under a prefix. */
export interface Mount {
  readonly sequence: number
  readonly prefix: string
  readonly other: Scope
}

/** What one router object holds: the root of a router, or a group. */
export interface Scope {
  readonly registry: Registry
  readonly parent: Scope | null
  readonly prefix: string
  readonly uses: MiddlewareUse[]
  readonly routes: RouteDefinition[]
  readonly groups: Scope[]
  readonly mounts: Mount[]
  notFound: Handler | undefined
  methodNotAllowed: Handler | undefined
  onError: ErrorHandler | undefined
}

/** What all groups of one router share: a place is taken once, a name given once. */
export interface Registry {
  sealed: boolean
  /** Grows with every registration here or in a mounted router. */
  revision: number
  /** `METHOD shape` of every route, mounted ones included, and how it was written. */
  readonly shapes: Map<string, string>
  /** Pattern by name, mounted ones included. */
  readonly names: Map<string, string>
  /** Where this router is mounted. */
  readonly mountedIn: { readonly registry: Registry; readonly prefix: string }[]
  readonly pre: Handler[]
  /** Suspicious registrations, to be logged in development. */
  readonly warnings: string[]
}

export function createRegistry(): Registry {
  return {
    sealed: false,
    revision: 0,
    shapes: new Map(),
    names: new Map(),
    mountedIn: [],
    pre: [],
    warnings: [],
  }
}

export function createScope(registry: Registry, parent: Scope | null, prefix: string): Scope {
  return {
    registry,
    parent,
    prefix,
    uses: [],
    routes: [],
    groups: [],
    mounts: [],
    notFound: undefined,
    methodNotAllowed: undefined,
    onError: undefined,
  }
}

let sequence = 0

/** Order of registration, across routers: middleware covers what comes after it (R-9). */
export function nextSequence(): number {
  return ++sequence
}

function isSealed(registry: Registry): boolean {
  return registry.sealed || registry.mountedIn.some((place) => isSealed(place.registry))
}

/** To be called first by every registration. */
export function registering(registry: Registry, what: string): void {
  if (isSealed(registry)) {
    throw new ServerStateError(
      'CELERIS_SERVER_SEALED',
      `${what} came after listen(); register everything before`,
    )
  }
  touch(registry)
}

function touch(registry: Registry): void {
  registry.revision++
  for (const place of registry.mountedIn) touch(place.registry)
}

/** `'*'` is short for `'/*'`. */
export function fullPattern(prefix: string, path: string): string {
  return prefix + (path === '*' ? '/*' : path)
}

/** Prefix of a group or mount: a pattern that does not end in a slash, a wildcard or an option. */
export function fullPrefix(prefix: string, added: string): string {
  if (added === '/' || added === '') return prefix
  const pattern = parsePattern(prefix + added)
  const last = pattern.segments.at(-1)
  if (
    pattern.optional ||
    last?.kind === 'wildcard' ||
    (last?.kind === 'literal' && last.text === '')
  ) {
    throw new RouteError(
      'CELERIS_ROUTE_PATTERN',
      `prefix '${added}' ends in a slash, a wildcard or an optional parameter; write for example '${added.replace(/\/([*][^/]*|:[^/]*\?)?$/, '') || '/api'}'`,
      { pattern: prefix + added, position: pattern.text.length - 1 },
    )
  }
  return prefix + added
}

function shapesOf(methods: readonly string[], text: string): string[] {
  const shapes = text === '' ? [''] : expandOptional(parsePattern(text)).map(shapeOf)
  return methods.flatMap((method) => shapes.map((shape) => `${method} ${shape}`))
}

/**
 * Throws unless the places of a route are free here and wherever this router is mounted.
 * @throws RouteConflictError `CELERIS_ROUTE_CONFLICT`; RouteError for a pattern that is malformed
 * behind a prefix.
 */
export function checkRoute(registry: Registry, methods: readonly string[], text: string): void {
  for (const key of shapesOf(methods, text)) {
    const known = registry.shapes.get(key)
    if (known !== undefined) {
      const method = key.slice(0, key.indexOf(' '))
      throw new RouteConflictError(
        `${method === ANY ? 'any method' : method} ${text}: '${known}' already has this method and shape; parameter names do not tell routes apart, so remove one of the two`,
        { pattern: text },
      )
    }
  }
  for (const place of registry.mountedIn) checkRoute(place.registry, methods, place.prefix + text)
}

/** Takes the places that `checkRoute` found free. */
export function claimRoute(registry: Registry, methods: readonly string[], text: string): void {
  for (const key of shapesOf(methods, text)) registry.shapes.set(key, text)
  for (const place of registry.mountedIn) claimRoute(place.registry, methods, place.prefix + text)
}

/** Throws unless a name is free here and wherever this router is mounted (R-13). */
export function checkName(registry: Registry, name: string): void {
  const known = registry.names.get(name)
  if (known !== undefined) {
    throw new RouteConflictError(
      `the name '${name}' belongs to '${known}' already; names are unique, also across mounts`,
      { pattern: known },
    )
  }
  for (const place of registry.mountedIn) checkName(place.registry, name)
}

/** Takes the name that `checkName` found free. */
export function claimName(registry: Registry, name: string, text: string): void {
  registry.names.set(name, text)
  for (const place of registry.mountedIn) claimName(place.registry, name, place.prefix + text)
}

/** Whether `registry` is `other` or has it mounted somewhere above itself. */
export function isWithin(registry: Registry, other: Registry): boolean {
  return registry === other || registry.mountedIn.some((place) => isWithin(place.registry, other))
}

/** Every route below a scope with its pattern from there on, groups and mounts included. */
export function eachRoute(
  scope: Scope,
  visit: (route: RouteDefinition, text: string) => void,
  outer = '',
): void {
  for (const route of scope.routes) visit(route, outer + route.text)
  for (const group of scope.groups) eachRoute(group, visit, outer)
  for (const mount of scope.mounts) eachRoute(mount.other, visit, outer + mount.prefix)
}

/**
 * Joins `other` under a full prefix; all of its routes and names are taken, or none.
 * @throws RouteConflictError `CELERIS_ROUTE_CONFLICT`.
 */
export function joinRouter(scope: Scope, prefix: string, other: Scope): void {
  const { registry } = scope
  const routes: { readonly route: RouteDefinition; readonly text: string }[] = []
  eachRoute(other, (route, text) => routes.push({ route, text: prefix + text }))
  for (const { route, text } of routes) {
    checkRoute(registry, route.methods, text)
    if (route.name !== undefined) checkName(registry, route.name)
  }
  for (const { route, text } of routes) {
    claimRoute(registry, route.methods, text)
    if (route.name !== undefined) claimName(registry, route.name, text)
  }
  scope.mounts.push({ sequence: nextSequence(), prefix, other })
  other.registry.mountedIn.push({ registry, prefix })
}
