import { METHOD_OTHER } from '@celeris/engine/layout'
import type { Handler } from '../src/handler.ts'
import { METHOD_IDS } from '../src/method-table.ts'
import { decodePath } from '../src/path-decode.ts'
import { paramText, pathText } from '../src/path-text.ts'
import type { RouteEntry } from '../src/route-entry.ts'
import { compileRoutes, type SealedRoutes, type TableParts } from '../src/route-table.ts'
import type { Router } from '../src/router.ts'

/** A handler that can be told from others. */
export const named = (name: string): Handler =>
  Object.defineProperty(() => name, 'name', { value: name })

export const parts: TableParts = {
  compose: (handlers) => () => handlers.map(({ name }) => name),
  unmatched: {
    notFound: named('default-404'),
    methodNotAllowed: named('default-405'),
    notImplemented: named('default-501'),
    options: named('default-options'),
  },
}

/** What a request line finds. */
export interface Found {
  readonly entry: RouteEntry
  readonly params: Readonly<Record<string, string>>
  /** Names of the chain. */
  readonly chain: readonly string[]
}

export interface Fixture {
  readonly table: SealedRoutes
  /** The route for a raw path; null for none, 400 for a path that is refused. */
  find(method: string, rawPath: string): Found | null | 400
  allowed(rawPath: string): string[] | 400
  /** Chain of the 404 for a raw path. */
  notFound(rawPath: string): readonly string[]
}

const namesOf = (entry: RouteEntry): string[] => entry.handlers.map(({ name }) => name)

export function fixture(router: Router): Fixture {
  const table = compileRoutes(router, parts)
  const numbers = new Int32Array(2 * table.maxParams)
  const decoded = Buffer.alloc(20_000)
  const decode = (rawPath: string): number => {
    const source = Buffer.from(rawPath)
    // Somewhere in the middle, as in an engine's memory.
    return decodePath(source, 0, source.length, decoded.subarray(7)) + 7
  }
  return {
    table,
    find(method, rawPath) {
      const end = decode(rawPath)
      if (end < 7) return 400
      const id = METHOD_IDS.get(method) ?? METHOD_OTHER
      const entry = table.find(decoded, 7, end, id, method, numbers)
      if (entry === null) return null
      const params = Object.fromEntries(
        entry.paramNames.map((name, index) => {
          const [from, to] = numbers.subarray(2 * index) as unknown as [number, number]
          const last = index === entry.paramNames.length - 1
          return [name, (entry.wildcard && last ? pathText : paramText)(decoded, from, to)]
        }),
      )
      return { entry, params, chain: namesOf(entry) }
    },
    allowed(rawPath) {
      const end = decode(rawPath)
      return end < 7 ? 400 : table.allowed(decoded, 7, end)
    },
    notFound: (rawPath) => namesOf(table.unmatchedAt(decoded, 7, decode(rawPath)).notFound),
  }
}
