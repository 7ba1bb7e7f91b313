import type { ConfigProblem } from './errors.ts'

/** Checks one option; gives what the server uses, or undefined after noting a problem. */
export type Check<T> = (value: unknown, note: (message: string, path?: string) => void) => T

/** Collects problems of one set of options. */
export interface Problems {
  readonly list: ConfigProblem[]
  note(path: string, message: string, value: unknown): void
}

export function createProblems(): Problems {
  const list: ConfigProblem[] = []
  return { list, note: (path, message, value) => list.push({ path, message, value }) }
}

/** Text of a value for a message: short, and never the inside of an object. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  }
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** An integer in a range. */
export function integer(min: number, max: number, unit = ''): Check<number> {
  const range = `an integer from ${min} to ${max}${unit === '' ? '' : ` (${unit})`}`
  return (value, note) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
      return value
    }
    note(`must be ${range}, not ${shown(value)}`)
    return min
  }
}

/** One of several words. */
export function oneOf<const T extends string>(...words: readonly T[]): Check<T> {
  return (value, note) => {
    if (words.includes(value as T)) return value as T
    const near = typeof value === 'string' ? nearest(value, words) : undefined
    const hint = near === undefined ? '' : `; did you mean '${near}'?`
    note(
      `must be one of ${words.map((word) => `'${word}'`).join(', ')}, not ${shown(value)}${hint}`,
    )
    return words[0] as T
  }
}

export const boolean: Check<boolean> = (value, note) => {
  if (typeof value === 'boolean') return value
  note(`must be true or false, not ${shown(value)}`)
  return false
}

/** A function, returned as it is. */
export function callback<T extends (...args: never[]) => unknown>(): Check<T | undefined> {
  return (value, note) => {
    if (typeof value === 'function') return value as T
    note(`must be a function, not ${shown(value)}`)
    return undefined
  }
}

/** An object with methods of these names. */
export function objectWith<T extends object>(
  what: string,
  methods: readonly string[],
): Check<T | undefined> {
  return (value, note) => {
    if (typeof value !== 'object' || value === null) {
      note(`must be ${what}, not ${shown(value)}`)
      return undefined
    }
    const missing = methods.filter(
      (name) => typeof (value as Record<string, unknown>)[name] !== 'function',
    )
    if (missing.length === 0) return value as T
    note(`must be ${what}; it lacks ${missing.map((name) => `${name}()`).join(', ')}`)
    return undefined
  }
}

/** The known word nearest to a mistyped one, if one is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.min(3, Math.ceil(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Insertions, deletions and replacements between two words (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
