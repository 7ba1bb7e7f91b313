// Hot path: a hit allocates nothing, constrained parameters aside.
import { METHOD_OTHER } from '@celeris/engine/layout'
import { addToTable, createMethodTable } from './method-table.ts'
import type { MethodTable, RouteEntry } from './route-entry.ts'
import {
  type ConstrainedChild,
  childFor,
  HASH_OFFSET,
  HASH_PRIME,
  literalChild,
  RouteNode,
  sealNode,
} from './route-node.ts'
import type { PatternSegment } from './route-pattern.ts'

const SLASH = 0x2f
/** Longer segments are read once per search, shorter ones once per node that is tried. */
const LONG_SEGMENT_BYTES = 64

/**
 * Routes by path, over bytes in the form of `decodePath`. A node stands at one depth, so a search
 * visits each node at most once: its cost is bounded by the path plus the size of the tree.
 */
export class RouteTree {
  readonly #root = new RouteNode()
  #bytes: Uint8Array = new Uint8Array(0)
  #end = 0
  #methodId = 0
  #methodName: string | null = null
  #params: Int32Array = new Int32Array(0)
  /** End and hash of long segments by index, so that backtracking does not read them again. */
  #stops: Int32Array = new Int32Array(0)
  #hashes: Int32Array = new Int32Array(0)
  /** Segments up to here may be in the two; 0 as the end stands for a short one. */
  #remembered = 0
  #depthMax = 0

  /** Adds a route; false if the place has one for this method. */
  insert(segments: readonly PatternSegment[], entry: RouteEntry): boolean {
    let node = this.#root
    this.#depthMax = Math.max(this.#depthMax, segments.length)
    for (const segment of segments) {
      if (segment.kind === 'wildcard') {
        node.wildcard ??= createMethodTable()
        return addToTable(node.wildcard, entry)
      }
      node = childFor(node, segment)
    }
    node.table ??= createMethodTable()
    return addToTable(node.table, entry)
  }

  /** Builds what searches need; insert nothing afterwards. */
  seal(): void {
    sealNode(this.#root)
    // A search may look one segment past the longest pattern.
    this.#stops = new Int32Array(this.#depthMax + 1)
    this.#hashes = new Int32Array(this.#depthMax + 1)
  }

  /** The table of a path without parameters, null if there is none. */
  literal(segments: readonly PatternSegment[]): MethodTable | null {
    let node: RouteNode | undefined = this.#root
    for (const segment of segments) {
      node = segment.kind === 'literal' ? node?.literals.get(segment.text) : undefined
    }
    return node?.table ?? null
  }

  /**
   * Finds the route for a path and method. A place without a route for the method is a miss like
   * any other, and the search goes on.
   * @param methodName is read only when `methodId` is METHOD_OTHER
   * @param params receives (start, end) for each parameter of the entry
   */
  find(
    bytes: Uint8Array,
    start: number,
    end: number,
    methodId: number,
    methodName: string | null,
    params: Int32Array,
  ): RouteEntry | null {
    this.#bytes = bytes
    this.#end = end
    this.#methodId = methodId
    this.#methodName = methodName
    this.#params = params
    this.#remembered = 0
    return this.#walk(this.#root, start + 1, 0, 0)
  }

  #walk(from: RouteNode, at: number, depth: number, used: number): RouteEntry | null {
    const bytes = this.#bytes
    const end = this.#end
    const params = this.#params
    let node = from
    let position = at
    let index = depth
    let count = used
    for (;;) {
      let stop = index < this.#remembered ? (this.#stops[index] as number) : 0
      let hash = HASH_OFFSET
      if (stop !== 0) hash = this.#hashes[index] as number
      else {
        stop = position
        while (stop < end) {
          const byte = bytes[stop] as number
          if (byte === SLASH) break
          hash = Math.imul(hash ^ byte, HASH_PRIME)
          stop++
        }
        if (stop - position > LONG_SEGMENT_BYTES) this.#remember(index, stop, hash)
      }
      if (node.mask >= 0) {
        const child = literalChild(node, bytes, position, stop, hash)
        if (child !== null) {
          if (stop === end) {
            const entry = this.#entryOf(child.table)
            if (entry !== null) return entry
          } else if (!node.hasAlternatives) {
            node = child
            position = stop + 1
            index++
            continue
          } else {
            const entry = this.#walk(child, stop + 1, index + 1, count)
            if (entry !== null) return entry
          }
        }
      }
      if (stop > position) {
        if (node.constrained.length > 0) {
          const entry = this.#constrained(node, position, stop, index, count)
          if (entry !== null) return entry
        }
        const child = node.param
        if (child !== null) {
          params[2 * count] = position
          params[2 * count + 1] = stop
          if (stop === end) {
            const entry = this.#entryOf(child.table)
            if (entry !== null) return entry
          } else if (node.wildcard === null) {
            node = child
            position = stop + 1
            index++
            count++
            continue
          } else {
            const entry = this.#walk(child, stop + 1, index + 1, count + 1)
            if (entry !== null) return entry
          }
        }
      }
      if (node.wildcard === null) return null
      params[2 * count] = position
      params[2 * count + 1] = end
      return this.#entryOf(node.wildcard)
    }
  }

  #remember(index: number, stop: number, hash: number): void {
    while (this.#remembered <= index) this.#stops[this.#remembered++] = 0
    this.#stops[index] = stop
    this.#hashes[index] = hash
  }

  #constrained(
    node: RouteNode,
    start: number,
    stop: number,
    index: number,
    count: number,
  ): RouteEntry | null {
    const children = node.constrained
    const bytes = this.#bytes
    for (let i = 0; i < children.length; i++) {
      const child = children[i] as ConstrainedChild
      if (!child.matches(bytes, start, stop)) continue
      this.#params[2 * count] = start
      this.#params[2 * count + 1] = stop
      const entry =
        stop === this.#end
          ? this.#entryOf(child.node.table)
          : this.#walk(child.node, stop + 1, index + 1, count + 1)
      if (entry !== null) return entry
    }
    return null
  }

  #entryOf(table: MethodTable | null): RouteEntry | null {
    if (table === null) return null
    if (this.#methodId === METHOD_OTHER && table.other !== undefined) {
      const entry = table.other.get(this.#methodName as string)
      if (entry !== undefined) return entry
    }
    return table.entries[this.#methodId] ?? null
  }

  /** Every table whose place matches the path, whatever the method. Not for the hot path. */
  tablesAt(bytes: Uint8Array, start: number, end: number): MethodTable[] {
    const found: MethodTable[] = []
    collect(this.#root, bytes, start + 1, end, found)
    return found
  }
}

function collect(
  node: RouteNode,
  bytes: Uint8Array,
  position: number,
  end: number,
  found: MethodTable[],
): void {
  let stop = position
  while (stop < end && bytes[stop] !== SLASH) stop++
  const follow = (child: RouteNode): void => {
    if (stop < end) collect(child, bytes, stop + 1, end, found)
    else if (child.table !== null) found.push(child.table)
  }
  for (let i = 0; i < node.literalNodes.length; i++) {
    const literal = node.literalBytes[i] as Uint8Array
    const same = literal.length === stop - position
    if (same && literal.every((byte, j) => byte === bytes[position + j])) {
      follow(node.literalNodes[i] as RouteNode)
    }
  }
  if (stop > position) {
    for (const child of node.constrained) {
      if (child.matches(bytes, position, stop)) follow(child.node)
    }
    if (node.param !== null) follow(node.param)
  }
  if (node.wildcard !== null) found.push(node.wildcard)
}
