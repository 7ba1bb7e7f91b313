import {
  METHOD_DELETE,
  METHOD_GET,
  METHOD_HEAD,
  METHOD_OPTIONS,
  METHOD_OTHER,
  METHOD_PATCH,
  METHOD_POST,
  METHOD_PUT,
  METHOD_TRACE,
} from '@celeris/engine/layout'
import type { MethodTable, RouteEntry } from './route-entry.ts'

/** Method of a route that answers every method. */
export const ANY = '*'

/** Ids of the methods that every server knows (MET-2). */
export const METHOD_IDS: ReadonlyMap<string, number> = new Map([
  ['GET', METHOD_GET],
  ['HEAD', METHOD_HEAD],
  ['POST', METHOD_POST],
  ['PUT', METHOD_PUT],
  ['PATCH', METHOD_PATCH],
  ['DELETE', METHOD_DELETE],
  ['OPTIONS', METHOD_OPTIONS],
  ['TRACE', METHOD_TRACE],
])

export function createMethodTable(): MethodTable {
  return {
    entries: new Array<RouteEntry | undefined>(METHOD_IDS.size + 1).fill(undefined),
    other: undefined,
    methods: [],
  }
}

/** Adds the entry of one method; false if the table has one already. */
export function addToTable(table: MethodTable, entry: RouteEntry): boolean {
  if (table.methods.includes(entry.method)) return false
  table.methods.push(entry.method)
  const id = METHOD_IDS.get(entry.method)
  if (id !== undefined) table.entries[id] = entry
  else if (entry.method === ANY) table.entries[METHOD_OTHER] = entry
  else {
    table.other ??= new Map()
    table.other.set(entry.method, entry)
  }
  return true
}

/** Lets GET answer HEAD and `any` answer what is left. Once, when all are added. */
export function foldTable(table: MethodTable): void {
  const { entries } = table
  entries[METHOD_HEAD] ??= entries[METHOD_GET]
  const any = entries[METHOD_OTHER]
  for (let id = METHOD_OTHER; id < entries.length; id++) entries[id] ??= any
}

/** The methods of a place as `allow` lists them, in no order. */
export function allowedMethods(tables: readonly MethodTable[]): string[] {
  const allowed = new Set<string>()
  for (const { methods } of tables) {
    for (const method of methods) {
      if (method === ANY) for (const known of METHOD_IDS.keys()) allowed.add(known)
      else allowed.add(method)
    }
  }
  if (allowed.size === 0) return []
  if (allowed.has('GET')) allowed.add('HEAD')
  allowed.add('OPTIONS')
  return [...allowed].sort()
}
