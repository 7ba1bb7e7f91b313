import { describe, expect, it } from 'vitest'
import { compileLinear } from './linear-expression.ts'
import { compileConstraint } from './route-constraint.ts'

/** Runs a constraint on a value the way it stands in a decoded path. */
function test(source: string, value: string): boolean {
  const bytes = Buffer.from(`xx${value.replaceAll('/', '\0')}yy`)
  return compileConstraint(source)(bytes, 2, bytes.length - 2)
}

const reference = (source: string, value: string): boolean =>
  new RegExp(`^(?:${source})$`, 'u').test(value)

const VALUES = [
  '',
  '0',
  '7',
  '42',
  '123456',
  'a',
  'abc',
  'ab',
  'aab',
  'A',
  'a-b',
  'a-b-c1',
  '-',
  '_',
  'a/b',
  '/',
  'é',
  'ééé',
  '€',
  '😀',
  'a😀',
  ' ',
  '\n',
  '.',
  'a.b',
  '2024-01-31',
  'deadbeef',
  '00000000-0000-4000-8000-000000000000',
  '{',
  '}',
  '[',
  ']',
  '\\',
  '^',
  '$',
]

describe('constraints (R-1)', () => {
  it.each([
    '[0-9]+',
    '\\d{4}-\\d{2}-\\d{2}',
    '[a-z]+|[0-9]+',
    'a|ab|abc',
    '(?:a|b)*',
    '(?:a|b)+?c?',
    'a{2}b',
    'a{1,}b',
    '[a-z]{1,3}',
    '(?:[a-z0-9]+)(?:-[a-z0-9]+)*',
    '[^/]+',
    '[^a-z]',
    '.',
    '.*',
    '.+',
    '\\w+',
    '\\W',
    '\\s',
    '\\S+',
    '\\p{L}+',
    '\\P{L}',
    '\\p{Lu}',
    '\\u{1F600}',
    '\\u00e9+',
    '\\xe9',
    '[\\]\\[]',
    '[\\\\^$]',
    '\\.',
    '\\/',
    'a/b',
    'é+',
    '😀',
    '[😀€]',
    '(?:)',
    '|a',
    '(?:a?)*',
    '(?:a*)*',
    '(?:a|a)*',
    '[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}',
    '\\{|\\}',
    '\\$|\\^',
    '[.]',
    'a{0}',
    '(?:ab){0,2}',
  ])('%s is matched as RegExp does, in linear time', (source) => {
    expect(compileLinear(source)).not.toBe(null)
    for (const value of VALUES) expect(test(source, value), value).toBe(reference(source, value))
  })

  it.each([
    '(?!new$).*',
    '\\bab\\b',
    'a(?=b)b',
    '(?<=a)b',
    '^a$',
    '\\uD83D\\uDE00',
    '(?:[a-z]{90}){90}',
  ])('%s is left to RegExp', (source) => {
    expect(compileLinear(source)).toBe(null)
    for (const value of VALUES) expect(test(source, value), value).toBe(reference(source, value))
  })

  it('agrees with RegExp on random expressions', () => {
    let state = 11
    const next = (limit: number): number => {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return (state >>> 0) % limit
    }
    const pick = <T>(list: readonly T[]): T => list[next(list.length)] as T
    const expression = (depth: number): string => {
      if (depth === 0) return pick(['a', 'b', '[ab]', '[^a]', '.', '\\d', 'é'])
      const inner = (): string => expression(depth - 1)
      return pick([
        () => inner() + inner(),
        () => `(?:${inner()}|${inner()})`,
        () => `(?:${inner()})${pick(['*', '+', '?', '{2}', '{1,2}', '{0,}', '*?'])}`,
        inner,
      ])()
    }
    let matched = 0
    for (let round = 0; round < 3_000; round++) {
      const source = expression(next(4))
      const compiled = compileConstraint(source)
      for (let i = 0; i < 5; i++) {
        let value = ''
        for (let length = next(7); length > 0; length--)
          value += pick(['a', 'b', 'a', '1', 'é', '/'])
        const bytes = Buffer.from(value.replaceAll('/', '\0'))
        const expected = reference(source, value)
        if (expected) matched++
        expect(compiled(bytes, 0, bytes.length), `${source} on ${value}`).toBe(expected)
      }
    }
    expect(matched).toBeGreaterThan(1_000)
  })

  it.each([
    '(?:a+)+',
    '(?:a|a)*',
    '(?:a|aa)+',
    '(?:.*a){20}',
    '(?:[a-z]+)*-',
    '(?:a*)*b',
    '.*.*.*.*=.*',
    '(?:a?){30}a{30}',
  ])('%s stays under 1 ms on an 8 KiB value (C13)', (source) => {
    const bytes = Buffer.from(`${'a'.repeat(8_191)}!`)
    const constraint = compileConstraint(source)
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < 20; i++) {
      const start = performance.now()
      constraint(bytes, 0, bytes.length)
      best = Math.min(best, performance.now() - start)
    }
    expect(best).toBeLessThan(1)
  })

  it('keeps a bounded number of state sets', () => {
    // Its deterministic form has 2^13 states.
    const constraint = compileConstraint('(?:a|b)*a(?:a|b){12}')
    let state = 5
    let value = ''
    for (let i = 0; i < 20_000; i++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
      value += state & 0x10000 ? 'a' : 'b'
    }
    for (const length of [20_000, 19_999, 19_990]) {
      const bytes = Buffer.from(value.slice(0, length))
      expect(constraint(bytes, 0, length)).toBe(value[length - 13] === 'a')
    }
  })
})
