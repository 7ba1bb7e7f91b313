// Hot path: the arrays and maps of which not all elements have arrived.

/** What becomes of the elements. */
export const LIST = 0
export const OBJECT = 1
/** An attribute: its elements are read and dropped. */
export const DROPPED = 2
export type AggregateKind = typeof LIST | typeof OBJECT | typeof DROPPED

/** One level of nesting. */
class Aggregate {
  kind: AggregateKind
  /** Elements still to come, the keys of a map counted. */
  missing: number
  list: unknown[]
  object: Record<string, unknown>
  key: string | null

  constructor() {
    this.kind = LIST
    this.missing = 0
    this.list = NONE
    this.object = NOTHING
    this.key = null
  }

  open(kind: AggregateKind, elements: number): void {
    this.kind = kind
    this.missing = elements
    if (kind === LIST) this.list = []
    else if (kind === OBJECT) this.object = {}
  }

  /** The finished value. */
  close(): unknown {
    const value = this.kind === LIST ? this.list : this.object
    this.clear()
    return value
  }

  clear(): void {
    this.list = NONE
    this.object = NOTHING
    this.key = null
  }

  /** Takes a key or the value of the last one; false when a key cannot become a string. */
  addToObject(element: unknown): boolean {
    const { key } = this
    if (key !== null) {
      setOwn(this.object, key, element)
      this.key = null
      return true
    }
    this.key = typeof element === 'string' ? element : keyOf(element)
    return this.key !== null
  }
}

const NONE: unknown[] = []
const NOTHING: Record<string, unknown> = {}

/** These two would change the object itself when assigned. */
function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__' || key === 'constructor') {
    Object.defineProperty(object, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    })
  } else {
    object[key] = value
  }
}

/** As JavaScript makes a property name of it; null when that throws (an object whose `toString` is data). */
function keyOf(element: unknown): string | null {
  try {
    return String(element)
  } catch {
    return null
  }
}

/** Deepest nesting of a reply. */
export const NESTING_MAX = 1_024

/** There are elements to come. */
export const UNFINISHED: unique symbol = Symbol('unfinished')
/** A key of a map cannot become a string. */
export const BAD_KEY: unique symbol = Symbol('bad key')

/** The aggregates around the next value, outermost first: a stack, where a recursion could overflow. */
export class OpenAggregates {
  depth: number
  #top: Aggregate
  /** One for each depth that was ever reached, used again and again. */
  readonly #levels: Aggregate[]

  constructor() {
    this.depth = 0
    this.#top = new Aggregate()
    this.#levels = [this.#top]
  }

  /** For at least one element. */
  open(kind: AggregateKind, elements: number): void {
    if (this.depth === this.#levels.length) this.#levels.push(new Aggregate())
    this.#top = this.#levels[this.depth]!
    this.#top.open(kind, elements)
    this.depth++
  }

  /** An element of the innermost one. Returns the outermost if that finishes it and is no attribute. */
  add(element: unknown): unknown {
    let value = element
    for (;;) {
      const top = this.#top
      if (top.kind === LIST) top.list.push(value)
      else if (top.kind === OBJECT && !top.addToObject(value)) return BAD_KEY
      if (--top.missing > 0) return UNFINISHED
      const { kind } = top
      value = top.close()
      if (--this.depth > 0) this.#top = this.#levels[this.depth - 1]!
      if (kind === DROPPED) return UNFINISHED
      if (this.depth === 0) return value
    }
  }

  clear(): void {
    this.depth = 0
    for (let index = 0; index < this.#levels.length; index++) this.#levels[index]!.clear()
  }
}
