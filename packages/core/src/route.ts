import type { Env } from './context.ts'
import { RouteConflictError } from './errors.ts'
import type { Handler } from './handler.ts'
import { checkHandlers } from './route-checks.ts'
import {
  checkName,
  claimName,
  type RouteDefinition,
  registering,
  type Scope,
} from './route-scope.ts'

/** A registered route, to be named or given middleware of its own. */
export class Route<E extends Env = Env> {
  readonly #scope: Scope
  readonly #definition: RouteDefinition
  constructor(scope: Scope, definition: RouteDefinition) {
    this.#scope = scope
    this.#definition = definition
  }

  /**
   * Names the route for `url()`.
   * @throws RouteConflictError `CELERIS_ROUTE_CONFLICT` if the name is taken, here or in a mount.
   * @throws ServerStateError `CELERIS_SERVER_SEALED` after `listen()`.
   */
  name(name: string): this {
    const { registry } = this.#scope
    registering(registry, `name('${name}')`)
    const definition = this.#definition
    if (definition.name !== undefined) {
      throw new RouteConflictError(
        `'${definition.text}' is named '${definition.name}' already; a route has one name`,
        { pattern: definition.text },
      )
    }
    checkName(registry, name)
    claimName(registry, name, definition.text)
    definition.name = name
    return this
  }

  /**
   * Adds middleware between that of its groups and its handlers.
   * @throws ServerStateError `CELERIS_SERVER_SEALED` after `listen()`.
   */
  use(...middlewares: readonly Handler<E>[]): this {
    registering(this.#scope.registry, 'use()')
    checkHandlers(middlewares, `use() of ${this.#definition.text}`)
    this.#definition.middlewares.push(...(middlewares as unknown as Handler[]))
    return this
  }
}
