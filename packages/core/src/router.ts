import type { Env } from './context.ts'
import { RouteError, ServerStateError } from './errors.ts'
import type { ErrorHandler, Handler } from './handler.ts'
import { ANY } from './method-table.ts'
import { Route } from './route.ts'
import { checkHandlers, checkMethods, checkMountable } from './route-checks.ts'
import { listRoutes, type RouteInfo } from './route-list.ts'
import { parsePattern } from './route-pattern.ts'
import {
  checkRoute,
  claimRoute,
  createRegistry,
  createScope,
  eachRoute,
  fullPattern,
  fullPrefix,
  joinRouter,
  nextSequence,
  type RouteDefinition,
  registering,
  type Scope,
} from './route-scope.ts'
import { buildUrl, type UrlParams, type UrlQuery } from './route-url.ts'

/** A path behind a prefix; `string` as soon as one of the two is not known to the type system. */
export type JoinPath<A extends string, B extends string> = string extends A
  ? string
  : string extends B
    ? string
    : `${A}${B}`

/** At least one handler; those before the last are middleware of this route only. */
export type Handlers<E extends Env, P extends string> = readonly [Handler<E, P>, ...Handler<E, P>[]]

let scopeIn: (router: Router) => Scope
let makeGroup: (scope: Scope) => Router

/** The registrations behind a router. For this package only. */
export function scopeOf(router: Router): Scope {
  return scopeIn(router)
}

/**
 * Routes, middleware and groups without configuration or socket. `new Router()` can be mounted in
 * a server or another router; `group()` returns one too.
 *
 * Patterns start with `/` and are written decoded. A segment is a literal, `:name`,
 * `:name{regex}`, or at the end `:name?` or `*name`. Per segment a literal wins over a constrained
 * parameter, that over a plain one, that over a wildcard, whatever was registered first.
 */
export class Router<E extends Env = Env, Prefix extends string = ''> {
  #scope: Scope = createScope(createRegistry(), null, '')

  static {
    scopeIn = (router) => {
      if (!(#scope in router)) throw new TypeError('not a Router or Server of this package')
      return router.#scope
    }
    makeGroup = (scope) => {
      const group = new Router()
      group.#scope = scope
      return group
    }
  }

  /** Registers handlers for GET; they answer HEAD too unless the path has a HEAD route. */
  get<P extends string>(path: P, ...handlers: Handlers<E, JoinPath<Prefix, P>>): Route<E> {
    return this.on('GET', path, ...handlers)
  }

  /** Registers handlers for POST. */
  post<P extends string>(path: P, ...handlers: Handlers<E, JoinPath<Prefix, P>>): Route<E> {
    return this.on('POST', path, ...handlers)
  }

  /** Registers handlers for PUT. */
  put<P extends string>(path: P, ...handlers: Handlers<E, JoinPath<Prefix, P>>): Route<E> {
    return this.on('PUT', path, ...handlers)
  }

  /** Registers handlers for PATCH. */
  patch<P extends string>(path: P, ...handlers: Handlers<E, JoinPath<Prefix, P>>): Route<E> {
    return this.on('PATCH', path, ...handlers)
  }

  /** Registers handlers for DELETE. */
  delete<P extends string>(path: P, ...handlers: Handlers<E, JoinPath<Prefix, P>>): Route<E> {
    return this.on('DELETE', path, ...handlers)
  }

  /** Registers handlers for HEAD, instead of those for GET. */
  head<P extends string>(path: P, ...handlers: Handlers<E, JoinPath<Prefix, P>>): Route<E> {
    return this.on('HEAD', path, ...handlers)
  }

  /** Registers handlers for OPTIONS, instead of the automatic 204 with `allow`. */
  options<P extends string>(path: P, ...handlers: Handlers<E, JoinPath<Prefix, P>>): Route<E> {
    return this.on('OPTIONS', path, ...handlers)
  }

  /** Registers handlers for every method, known or not; a route for the method itself wins. */
  any<P extends string>(path: P, ...handlers: Handlers<E, JoinPath<Prefix, P>>): Route<E> {
    return this.on(ANY, path, ...handlers)
  }

  /**
   * Registers handlers for one or several methods; any token is a method, case counts.
   * @throws RouteError `CELERIS_ROUTE_PATTERN`, `CELERIS_ROUTE_HANDLER`.
   * @throws RouteConflictError `CELERIS_ROUTE_CONFLICT` if the same method and shape exist.
   * @throws ServerStateError `CELERIS_SERVER_SEALED` after `listen()`.
   */
  on<P extends string>(
    method: string | readonly string[],
    path: P,
    ...handlers: Handlers<E, JoinPath<Prefix, P>>
  ): Route<E> {
    const scope = this.#scope
    const methods = [...new Set(typeof method === 'string' ? [method] : method)]
    const what = `${methods.join(', ')} ${path}`
    registering(scope.registry, what)
    checkMethods(methods, path, scope.registry.warnings)
    checkHandlers(handlers, what)
    if (handlers.length === 0) {
      throw new RouteError('CELERIS_ROUTE_HANDLER', `${what} has no handler; pass at least one`)
    }
    const text = fullPattern(scope.prefix, path)
    checkRoute(scope.registry, methods, text)
    claimRoute(scope.registry, methods, text)
    const definition: RouteDefinition = {
      sequence: nextSequence(),
      methods,
      text,
      handlers: handlers as unknown as readonly Handler[],
      middlewares: [],
      name: undefined,
    }
    scope.routes.push(definition)
    return new Route(scope, definition)
  }

  /**
   * Adds middleware for the routes registered after it and, on a server, for 404, 405, 501 and
   * automatic OPTIONS. With a path only for requests at or under it, matched like a route; in a
   * group for the group's routes.
   * @throws RouteError `CELERIS_ROUTE_PATTERN`, `CELERIS_ROUTE_HANDLER`.
   * @throws ServerStateError `CELERIS_SERVER_SEALED` after `listen()`.
   */
  use<P extends string>(path: P, ...middlewares: Handlers<E, JoinPath<Prefix, P>>): this
  use(...middlewares: readonly Handler<E, Prefix>[]): this
  use(...args: readonly unknown[]): this {
    const scope = this.#scope
    registering(scope.registry, 'use()')
    const [first, ...rest] = args
    const middlewares = typeof first === 'string' ? rest : args
    const path = typeof first === 'string' ? fullPattern(scope.prefix, first) || null : null
    if (path !== null) parsePattern(path)
    checkHandlers(middlewares, 'use()')
    let routes = 0
    eachRoute(scope, () => routes++)
    if (routes > 0 && scope.registry.warnings.every((warning) => !warning.startsWith('use()'))) {
      scope.registry.warnings.push(
        `use() came after ${routes} route(s), which run without it; register middleware first`,
      )
    }
    for (const handler of middlewares) {
      scope.uses.push({ sequence: nextSequence(), path, handler: handler as Handler })
    }
    return this
  }

  /**
   * Adds middleware that runs before routing on every request, 404s included; only there
   * `c.rewrite()` works. If it does not call `next()`, nothing is routed.
   * @throws ServerStateError `CELERIS_SERVER_MOUNT` on a group or a mounted router.
   */
  pre(...middlewares: readonly Handler<E>[]): this {
    const { registry, parent } = this.#scope
    registering(registry, 'pre()')
    if (parent !== null || registry.mountedIn.length > 0) {
      throw new ServerStateError(
        'CELERIS_SERVER_MOUNT',
        'pre() belongs to the outermost server, as nothing is routed yet when it runs; call it there, or use use()',
      )
    }
    checkHandlers(middlewares, 'pre()')
    registry.pre.push(...(middlewares as unknown as Handler[]))
    return this
  }

  /**
   * A router whose routes start with `prefix` and run behind `middlewares`; groups nest.
   * @throws RouteError `CELERIS_ROUTE_PATTERN` if the prefix ends in a slash or a wildcard.
   */
  group<P extends string>(
    prefix: P,
    ...middlewares: readonly Handler<E, JoinPath<Prefix, P>>[]
  ): Router<E, P extends '/' ? Prefix : JoinPath<Prefix, P>> {
    const scope = this.#scope
    registering(scope.registry, `group('${prefix}')`)
    checkHandlers(middlewares, `group('${prefix}')`)
    const child = createScope(scope.registry, scope, fullPrefix(scope.prefix, prefix))
    for (const handler of middlewares) {
      child.uses.push({
        sequence: nextSequence(),
        path: null,
        handler: handler as unknown as Handler,
      })
    }
    scope.groups.push(child)
    return makeGroup(child) as unknown as Router<E, P extends '/' ? Prefix : JoinPath<Prefix, P>>
  }

  /**
   * Joins another router under a prefix, with its middleware, `notFound` and `onError`; what it
   * registers later counts too, its configuration does not. `c.path` stays whole.
   * @throws ServerStateError `CELERIS_SERVER_MOUNT` if it has `pre()` middleware, is a group, or
   * would contain itself; `CELERIS_SERVER_LISTENING` if it listens.
   * @throws RouteConflictError if a route or a name exists already.
   */
  mount(prefix: string, other: Router): this {
    const scope = this.#scope
    registering(scope.registry, `mount('${prefix}')`)
    const joined = scopeIn(other)
    checkMountable(scope, joined)
    joinRouter(scope, fullPrefix(scope.prefix, prefix), joined)
    return this
  }

  /** Answers what no route matches; on a group or mounted router, what lies at or under its prefix. */
  notFound(handler: Handler<E>): this {
    registering(this.#scope.registry, 'notFound()')
    checkHandlers([handler], 'notFound()')
    this.#scope.notFound = handler as unknown as Handler
    return this
  }

  /** Answers when the path has routes for other methods only; `allow` is set already. */
  methodNotAllowed(handler: Handler<E>): this {
    registering(this.#scope.registry, 'methodNotAllowed()')
    checkHandlers([handler], 'methodNotAllowed()')
    this.#scope.methodNotAllowed = handler as unknown as Handler
    return this
  }

  /** Answers for errors that no middleware of the chain handled; the innermost one is called. */
  onError(handler: ErrorHandler<E>): this {
    registering(this.#scope.registry, 'onError()')
    checkHandlers([handler], 'onError()')
    this.#scope.onError = handler as unknown as ErrorHandler
    return this
  }

  /** All routes with the length of their chains, sorted by path, then method. */
  routes(): RouteInfo[] {
    return listRoutes(this.#scope)
  }

  /**
   * Path of a named route with parameters filled in and encoded, and a query string. Parameters of
   * mounts and groups are included. The router matches what it builds back to the same values.
   * @throws RouteError `CELERIS_ROUTE_NOT_FOUND` for an unknown name; `CELERIS_URL_PARAM` for a
   * value that is missing, unknown, empty, a dot segment, or breaks its constraint.
   */
  url(name: string, params?: UrlParams, query?: UrlQuery): string {
    const { names } = this.#scope.registry
    const text = names.get(name)
    if (text === undefined) {
      const known = [...names.keys()].sort().join(', ') || 'none'
      throw new RouteError(
        'CELERIS_ROUTE_NOT_FOUND',
        `no route is named '${name}'; give it one with .name() (known: ${known})`,
      )
    }
    return buildUrl(name, text, params, query)
  }
}
