import { RouteError, ServerStateError } from './errors.ts'
import { isToken } from './header-check.ts'
import { METHOD_IDS } from './method-table.ts'
import { isWithin, type Scope } from './route-scope.ts'

/**
 * Throws unless `joined` may become a part of `scope`.
 * @throws ServerStateError `CELERIS_SERVER_LISTENING`, `CELERIS_SERVER_MOUNT`.
 */
export function checkMountable(scope: Scope, joined: Scope): void {
  if (joined.registry.sealed) {
    throw new ServerStateError(
      'CELERIS_SERVER_LISTENING',
      'a server that listens cannot be mounted; mount it before, or mount a Router',
    )
  }
  const reason =
    joined.parent !== null
      ? 'a group belongs to its router'
      : isWithin(scope.registry, joined.registry)
        ? 'a router cannot contain itself'
        : joined.registry.pre.length > 0
          ? 'a server with pre() middleware has to be the outermost one'
          : undefined
  if (reason !== undefined) {
    throw new ServerStateError('CELERIS_SERVER_MOUNT', `${reason}; mount a new Router instead`)
  }
}

/** Throws unless all methods are tokens; `CELERIS_ROUTE_HANDLER`. */
export function checkMethods(methods: readonly string[], path: string, warnings: string[]): void {
  if (methods.length === 0) {
    throw new RouteError('CELERIS_ROUTE_HANDLER', `on([], '${path}') names no method`)
  }
  for (const method of methods) {
    if (typeof method !== 'string' || !isToken(method)) {
      throw new RouteError(
        'CELERIS_ROUTE_HANDLER',
        `${JSON.stringify(method)} is no method; write a token such as 'PURGE' (RFC 9110 §9.1)`,
      )
    }
    if (!METHOD_IDS.has(method) && METHOD_IDS.has(method.toUpperCase())) {
      warnings.push(
        `'${method} ${path}' never matches ${method.toUpperCase()}: methods are case-sensitive`,
      )
    }
  }
}

/** Throws unless all handlers are functions; `CELERIS_ROUTE_HANDLER`. */
export function checkHandlers(handlers: readonly unknown[], what: string): void {
  for (const [index, handler] of handlers.entries()) {
    if (typeof handler !== 'function') {
      const given = handler === null ? 'null' : typeof handler
      throw new RouteError(
        'CELERIS_ROUTE_HANDLER',
        `${what}: handler ${index + 1} is ${given}; pass a function`,
      )
    }
  }
}
