import { propertyParameters } from '@celeris/test-support'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CookieOptions, parseCookies, serializeCookie } from '../../src/cookies.ts'
import { InvalidCookieError } from '../../src/errors.ts'
import { COOKIES } from './corpus.ts'
import { FUZZ, piecesOf } from './support.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Q-4 by the book. */
function naive(field: string): [string, string][] {
  const found = new Map<string, string>()
  for (const pair of field.split(';')) {
    const at = pair.indexOf('=')
    if (at < 0) continue
    const blanks = /^[ \t]+|[ \t]+$/g
    const name = pair.slice(0, at).replace(blanks, '')
    let value = pair.slice(at + 1).replace(blanks, '')
    if (/^".*"$/s.test(value) && value.length > 1) value = value.slice(1, -1)
    if (value.includes('%')) {
      try {
        value = decodeURIComponent(value)
      } catch {
        // It stays as it is.
      }
    }
    if (TOKEN.test(name) && !found.has(name)) found.set(name, value)
  }
  return [...found]
}

const fields = piecesOf(COOKIES, [
  'a',
  'b',
  '=',
  ';',
  '; ',
  '"',
  ' ',
  '\t',
  '%41',
  '%',
  '__proto__',
])

describe('cookies', FUZZ, () => {
  it('are read as the rule says (Q-4)', () => {
    fc.assert(
      fc.property(fields, (field) => {
        const sorted = (pairs: readonly (readonly [string, unknown])[]): unknown =>
          [...pairs].sort(([a], [b]) => (a < b ? -1 : 1))
        expect(sorted(Object.entries(parseCookies(field)))).toEqual(sorted(naive(field)))
      }),
      { ...propertyParameters(10_000), examples: COOKIES.map((field): [string] => [field]) },
    )
  })

  const anything = fc.string({ unit: 'binary', maxLength: 20 })
  const option = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    fc.option(arbitrary, { nil: undefined, freq: 2 })
  const options = fc.record({
    path: option(fc.oneof(fc.constantFrom('/', '/a', '/;x', ''), anything)),
    domain: option(fc.oneof(fc.constantFrom('example.com', 'a;b'), anything)),
    maxAge: option(fc.oneof(fc.integer(), fc.double())),
    expires: option(fc.date({ noInvalidDate: false })),
    httpOnly: option(fc.boolean()),
    secure: option(fc.boolean()),
    sameSite: option(fc.constantFrom('strict', 'lax', 'none')),
    partitioned: option(fc.boolean()),
    priority: option(fc.constantFrom('low', 'medium', 'high')),
    encode: option(fc.boolean()),
  }) as fc.Arbitrary<CookieOptions>
  const names = fc.oneof(fc.constantFrom('a', '__Host-a', '__Secure-a', '__proto__'), anything)

  it('that are set make one line without a way out of it, and are read back (A-6)', () => {
    let written = 0
    fc.assert(
      fc.property(names, anything, options, (name, value, given) => {
        let line: string
        try {
          line = serializeCookie(name, value, given)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidCookieError)
          return
        }
        written++
        expect(line).toMatch(/^[\x20-\x7e]+$/)
        const [pair = '', ...attributes] = line.split(';')
        expect(attributes.map((one) => one.trim().split('=')[0])).toEqual(
          [
            given.maxAge !== undefined && 'Max-Age',
            given.domain !== undefined && 'Domain',
            'Path',
            given.expires !== undefined && 'Expires',
            given.httpOnly === true && 'HttpOnly',
            given.secure === true && 'Secure',
            given.partitioned === true && 'Partitioned',
            given.priority !== undefined && 'Priority',
            given.sameSite !== undefined && 'SameSite',
          ].filter((one) => one !== false),
        )
        const plain = given.encode === false && value.includes('%')
        if (!plain) expect(parseCookies(pair)[name]).toBe(value)
      }),
      propertyParameters(10_000),
    )
    expect(written).toBeGreaterThan(0)
  })
})
