// Regular expressions that are matched in time proportional to the text, whatever they are:
// backtracking engines need exponential time for some, and the text here comes from strangers.

/** Parsed expression; `atom` is the source of what matches one character. */
type Node =
  | { readonly kind: 'atom'; readonly source: string }
  | { readonly kind: 'sequence'; readonly items: readonly Node[] }
  | { readonly kind: 'choice'; readonly options: readonly Node[] }
  | { readonly kind: 'repeat'; readonly item: Node; readonly min: number; readonly max: number }

/** Look-around, boundaries and references are not regular; larger ones are not worth it. */
class NotLinear extends Error {}

const STATES_MAX = 4_096

/** What one character may be: an escape, a class, a dot, or itself. */
const ATOM =
  /\\(?:p\{[^}]*\}|u\{[0-9A-Fa-f]+\}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|c[A-Za-z]|[^pPuxckbB1-9])|\\P\{[^}]*\}|\[(?:\\.|[^\]\\])*\]|[^\\[\]()|*+?{}^$]/suy
const QUANTIFIER = /(?:([*+?])|\{([0-9]+)(,?)([0-9]*)\})\??/uy

/** Parses a source that `new RegExp(source, 'u')` accepts. */
function parse(source: string): Node {
  let at = 0
  const sticky = (expression: RegExp): RegExpExecArray | null => {
    expression.lastIndex = at
    const match = expression.exec(source)
    if (match !== null) at += match[0].length
    return match
  }
  const choice = (): Node => {
    const options = [sequence()]
    while (source[at] === '|') {
      at++
      options.push(sequence())
    }
    return options.length === 1 ? (options[0] as Node) : { kind: 'choice', options }
  }
  const sequence = (): Node => {
    const items: Node[] = []
    while (at < source.length && source[at] !== '|' && source[at] !== ')') items.push(quantified())
    return { kind: 'sequence', items }
  }
  const quantified = (): Node => {
    const item = single()
    const match = sticky(QUANTIFIER)
    if (match === null) return item
    const [, sign, low, comma, high] = match
    const min = sign === undefined ? Number(low) : sign === '+' ? 1 : 0
    const open = sign === '*' || sign === '+' || (comma === ',' && high === '')
    const max = open ? Number.POSITIVE_INFINITY : sign === '?' ? 1 : Number(high || low)
    return { kind: 'repeat', item, min, max }
  }
  const single = (): Node => {
    if (source.startsWith('(?:', at)) {
      at += 3
      const inner = choice()
      at++
      return inner
    }
    const match = sticky(ATOM)
    if (match === null || /^\\u[dD][89a-fA-F]/.test(match[0])) throw new NotLinear()
    return { kind: 'atom', source: match[0] }
  }
  const parsed = choice()
  if (at < source.length) throw new NotLinear()
  return parsed
}

/** A state of the automaton: reads a character, or leads on without one. */
interface State {
  readonly accepts: ((character: string) => boolean) | null
  /** Where a character leads, or for a state without `accepts` all places it stands for. */
  readonly targets: number[]
}

/** State 0 is the end. */
function build(root: Node): { readonly states: readonly State[]; readonly start: number } {
  const states: State[] = [{ accepts: null, targets: [] }]
  const atoms = new Map<string, (character: string) => boolean>()
  const add = (accepts: State['accepts'], targets: number[]): number => {
    if (states.length >= STATES_MAX) throw new NotLinear()
    return states.push({ accepts, targets }) - 1
  }
  const atom = (source: string): ((character: string) => boolean) => {
    let test = atoms.get(source)
    if (test === undefined) {
      const expression = new RegExp(`^${source}$`, 'u')
      test = (character) => expression.test(character)
      atoms.set(source, test)
    }
    return test
  }
  const before = (node: Node, next: number): number => {
    if (node.kind === 'atom') return add(atom(node.source), [next])
    if (node.kind === 'sequence')
      return node.items.reduceRight((to, item) => before(item, to), next)
    if (node.kind === 'choice')
      return add(
        null,
        node.options.map((option) => before(option, next)),
      )
    let to = next
    if (node.max === Number.POSITIVE_INFINITY) {
      to = add(null, [next])
      states[to]?.targets.push(before(node.item, to))
    } else {
      for (let i = node.min; i < node.max; i++) to = add(null, [before(node.item, to), next])
    }
    for (let i = 0; i < node.min; i++) to = before(node.item, to)
    return to
  }
  return { states, start: before(root, 0) }
}

/** A set of states of the automaton, with the sets that ASCII characters lead to, once known. */
interface StateSet {
  readonly members: readonly number[]
  readonly accepting: boolean
  readonly ascii: (StateSet | undefined)[]
}

/** Sets kept at a time; when full, all are forgotten and made again as needed. */
const SETS_MAX = 256
const SLASH = 0x2f

/** Matches a whole slice of UTF-8, in which byte 0 stands for a slash. */
export type SliceTest = (bytes: Uint8Array, start: number, end: number) => boolean

/**
 * Compiles an expression; the test's time is linear in the text.
 * @returns null for one with look-around, boundaries or references, or with too many states
 */
export function compileLinear(source: string): SliceTest | null {
  let automaton: ReturnType<typeof build>
  try {
    automaton = build(parse(source))
  } catch (error) {
    if (error instanceof NotLinear) return null
    throw error
  }
  const { states, start } = automaton
  const known = new Map<string, StateSet>()

  const closure = (from: readonly number[]): StateSet => {
    const seen = new Set(from)
    for (const index of seen) {
      const { accepts, targets } = states[index] as State
      if (accepts === null) for (const target of targets) seen.add(target)
    }
    const members = [...seen]
      .filter((i) => i === 0 || states[i]?.accepts !== null)
      .sort((a, b) => a - b)
    const key = members.join()
    let set = known.get(key)
    if (set === undefined) {
      if (known.size >= SETS_MAX) {
        known.clear()
        first = undefined
      }
      set = { members, accepting: members[0] === 0, ascii: new Array(128).fill(undefined) }
      known.set(key, set)
    }
    return set
  }
  const step = (set: StateSet, character: string): StateSet =>
    closure(
      set.members.flatMap((index) => {
        const { accepts, targets } = states[index] as State
        return accepts?.(character) === true ? targets : []
      }),
    )
  let first: StateSet | undefined

  return (bytes, from, end) => {
    first ??= closure([start])
    let set = first
    for (let i = from; i < end; i++) {
      if (set.members.length === 0) return false
      let code = bytes[i] as number
      if (code >= 0x80) {
        const length = code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4
        set = step(set, characterAt(bytes, i, length))
        i += length - 1
        continue
      }
      if (code === 0) code = SLASH
      set = set.ascii[code] ??= step(set, String.fromCharCode(code))
    }
    return set.accepting
  }
}

/** One character of well-formed UTF-8. */
function characterAt(bytes: Uint8Array, start: number, length: number): string {
  let code = (bytes[start] as number) & (0xff >> (length + 1))
  for (let i = 1; i < length; i++) code = (code << 6) | ((bytes[start + i] as number) & 0x3f)
  return String.fromCodePoint(code)
}
