// Middleware that runs before routing (core.md R-12).
import { METHOD_OTHER } from '@celeris/engine/layout'
import type { Context } from './context.ts'
import type { Handler, Run } from './handler.ts'
import { END, isThenable, runHandler } from './handler-chain.ts'
import { matchRoute } from './match-route.ts'
import { METHOD_IDS } from './method-table.ts'
import { isPlain, pathLength, pathStart } from './request-view.ts'
import type { RouteEntry } from './route-entry.ts'
import type { SealedRoutes } from './route-table.ts'

/** Makes the chain of `pre()` middleware; its last step routes and goes on with the route's own chain. */
export function preRun(routes: SealedRoutes, badPath: RouteEntry): Run {
  const { pre } = routes
  const chains = new WeakMap<RouteEntry, readonly Handler[]>()

  const routeStep = (c: Context): unknown => {
    c.rewritable = false
    const entry = find(c)
    c.entry = entry
    c.keepParams()
    let chain = chains.get(entry)
    if (chain === undefined) {
      chain = [...preChain, ...entry.handlers]
      chains.set(entry, chain)
    }
    c.chain = chain
    const own = preChain.length
    if (entry.handlers.length === 0) return entry.run?.(c, END)
    const result = runHandler(c, own)
    if (isThenable(result))
      return Promise.resolve(result).then((value) => (c.calledNext(own) ? undefined : value))
    return c.calledNext(own) ? undefined : result
  }
  const preChain: readonly Handler[] = [...pre, routeStep as Handler]

  const find = (c: Context): RouteEntry => {
    const { rewritten } = c
    const method = c.method
    const methodId = METHOD_IDS.get(method) ?? METHOD_OTHER
    const raw = rewritten === null ? c.sourceBytes : Buffer.from(rewritten.rawPath, 'latin1')
    const start = rewritten === null ? pathStart(c) : 0
    const length = rewritten === null ? pathLength(c) : raw.length
    const plain = rewritten === null && isPlain(c)
    const { entry, paramBytes, allow } = matchRoute(
      routes,
      badPath,
      raw,
      start,
      length,
      plain,
      methodId,
      method,
    )
    c.paramBytes = paramBytes
    c.methodId = methodId
    if (allow !== '') c.setHeader('allow', allow)
    return entry
  }

  return (c) => {
    c.rewritable = true
    c.chain = preChain
    return (preChain[0] as Handler)(c, c.nextAt(1))
  }
}
