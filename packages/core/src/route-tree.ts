// Hot path: a hit allocates nothing, constrained parameters aside.
import { METHOD_OTHER } from '@celeris/engine/layout'
import { addToTable, createMethodTable, foldTable } from './method-table.ts'
import { type Constraint, compileConstraint } from './route-constraint.ts'
import type { MethodTable, RouteEntry } from './route-entry.ts'
import type { PatternSegment } from './route-pattern.ts'

const SLASH = 0x2f
const FNV_OFFSET = 0x811c9dc5 | 0
const FNV_PRIME = 0x01000193

interface ConstrainedChild {
  readonly source: string
  readonly matches: Constraint
  readonly node: RouteNode
}

/** One segment's worth of tree: what may follow, in the order it is tried. */
class RouteNode {
  /** Literal children: hash table with linear probing; a slot holds index + 1, 0 when free. */
  mask = -1
  slots: Int32Array = new Int32Array(0)
  hashes: Int32Array = new Int32Array(0)
  literalBytes: Uint8Array[] = []
  literalNodes: RouteNode[] = []
  readonly constrained: ConstrainedChild[] = []
  param: RouteNode | null = null
  wildcard: MethodTable | null = null
  /** Routes that end here. */
  table: MethodTable | null = null
  /** Something can match a segment that a literal child matched too. */
  hasAlternatives = false
  /** Literal children while the tree is built. */
  readonly literals = new Map<string, RouteNode>()
}

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

  /** Adds a route; false if the place has one for this method. */
  insert(segments: readonly PatternSegment[], entry: RouteEntry): boolean {
    let node = this.#root
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
    return this.#walk(this.#root, start + 1, 0)
  }

  #walk(from: RouteNode, at: number, used: number): RouteEntry | null {
    const bytes = this.#bytes
    const end = this.#end
    const params = this.#params
    let node = from
    let position = at
    let count = used
    for (;;) {
      let stop = position
      let hash = FNV_OFFSET
      while (stop < end) {
        const byte = bytes[stop] as number
        if (byte === SLASH) break
        hash = Math.imul(hash ^ byte, FNV_PRIME)
        stop++
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
            continue
          } else {
            const entry = this.#walk(child, stop + 1, count)
            if (entry !== null) return entry
          }
        }
      }
      if (stop > position) {
        if (node.constrained.length > 0) {
          const entry = this.#constrained(node, position, stop, count)
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
            count++
            continue
          } else {
            const entry = this.#walk(child, stop + 1, count + 1)
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

  #constrained(node: RouteNode, start: number, stop: number, count: number): RouteEntry | null {
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
          : this.#walk(child.node, stop + 1, count + 1)
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

function literalChild(
  node: RouteNode,
  bytes: Uint8Array,
  start: number,
  stop: number,
  hash: number,
): RouteNode | null {
  const { mask, slots, hashes } = node
  for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
    const index = (slots[slot] as number) - 1
    if (index < 0) return null
    if (hashes[index] === hash) {
      const literal = node.literalBytes[index] as Uint8Array
      if (literal.length === stop - start) {
        let i = 0
        while (i < literal.length && literal[i] === bytes[start + i]) i++
        if (i === literal.length) return node.literalNodes[index] as RouteNode
      }
    }
  }
}

function childFor(node: RouteNode, segment: PatternSegment): RouteNode {
  if (segment.kind === 'literal') {
    let child = node.literals.get(segment.text)
    if (child === undefined) {
      child = new RouteNode()
      node.literals.set(segment.text, child)
    }
    return child
  }
  if (segment.kind === 'constrained') {
    const known = node.constrained.find(({ source }) => source === segment.source)
    if (known !== undefined) return known.node
    const child = new RouteNode()
    const matches = compileConstraint(segment.source)
    node.constrained.push({ source: segment.source, matches, node: child })
    return child
  }
  node.param ??= new RouteNode()
  return node.param
}

function sealNode(node: RouteNode): void {
  if (node.table !== null) foldTable(node.table)
  if (node.wildcard !== null) foldTable(node.wildcard)
  node.hasAlternatives =
    node.constrained.length > 0 || node.param !== null || node.wildcard !== null
  indexLiterals(node)
  for (const child of node.literalNodes) sealNode(child)
  for (const child of node.constrained) sealNode(child.node)
  if (node.param !== null) sealNode(node.param)
}

function indexLiterals(node: RouteNode): void {
  const count = node.literals.size
  if (count === 0) return
  let size = 2
  while (size < 2 * count) size *= 2
  node.mask = size - 1
  node.slots = new Int32Array(size)
  node.hashes = new Int32Array(count)
  let index = 0
  for (const [text, child] of node.literals) {
    const bytes = new TextEncoder().encode(text)
    let hash = FNV_OFFSET
    for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME)
    let slot = (hash ^ (hash >>> 15)) & node.mask
    while (node.slots[slot] !== 0) slot = (slot + 1) & node.mask
    node.hashes[index] = hash
    node.literalBytes.push(bytes)
    node.literalNodes.push(child)
    node.slots[slot] = ++index
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
