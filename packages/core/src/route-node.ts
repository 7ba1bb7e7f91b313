// Hot path: `literalChild`.
import { foldTable } from './method-table.ts'
import { type Constraint, compileConstraint } from './route-constraint.ts'
import type { MethodTable } from './route-entry.ts'
import type { PatternSegment } from './route-pattern.ts'

/** FNV-1a over the bytes of a segment. */
export const HASH_OFFSET: number = 0x811c9dc5 | 0
export const HASH_PRIME = 0x01000193

/** A parameter with a constraint, and what follows it. */
export interface ConstrainedChild {
  readonly source: string
  readonly matches: Constraint
  readonly node: RouteNode
}

/** One segment's worth of tree: what may follow, in the order it is tried. */
export class RouteNode {
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
  readonly literals: Map<string, RouteNode> = new Map()
}

/** The child whose literal is the segment from `start` to `stop` with this hash. */
export function literalChild(
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

/** The child for a segment, made if there is none yet. */
export function childFor(node: RouteNode, segment: PatternSegment): RouteNode {
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

/** Makes a tree ready to be searched; nothing may be added afterwards. */
export function sealNode(node: RouteNode): void {
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
    let hash = HASH_OFFSET
    for (const byte of bytes) hash = Math.imul(hash ^ byte, HASH_PRIME)
    let slot = (hash ^ (hash >>> 15)) & node.mask
    while (node.slots[slot] !== 0) slot = (slot + 1) & node.mask
    node.hashes[index] = hash
    node.literalBytes.push(bytes)
    node.literalNodes.push(child)
    node.slots[slot] = ++index
  }
}
