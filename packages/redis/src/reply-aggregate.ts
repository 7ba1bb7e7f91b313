// Hot path: an array or map of which not all elements have arrived.

/** What becomes of the elements. */
export const LIST = 0
export const OBJECT = 1
/** An attribute: its elements are read and dropped. */
export const DROPPED = 2
export type AggregateKind = typeof LIST | typeof OBJECT | typeof DROPPED

/** One level of nesting; the parser uses its objects again and again. */
export class Aggregate {
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
