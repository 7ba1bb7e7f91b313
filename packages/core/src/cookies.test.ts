import { describe, expect, it } from 'vitest'
import { type CookieOptions, parseCookies, serializeCookie, serializeDeletion } from './cookies.ts'
import { InvalidCookieError } from './errors.ts'

describe('parseCookies (Q-4, RFC 6265 §5.4)', () => {
  it.each([
    ['', {}],
    ['a=1', { a: '1' }],
    ['a=1; b=2;c=3', { a: '1', b: '2', c: '3' }],
    ['  a = 1 ;\tb=2', { a: '1', b: '2' }],
    ['a=1; a=2', { a: '1' }],
    ['a=b=c', { a: 'b=c' }],
    ['a="x y"', { a: 'x y' }],
    ['a=""x""', { a: '"x"' }],
    ['a="', { a: '"' }],
    ['a=%E2%82%AC', { a: '€' }],
    ['a="%41"', { a: 'A' }],
    ['a=%', { a: '%' }],
    ['a=%ff', { a: '%ff' }],
    ['a=', { a: '' }],
    ['=1', {}],
    ['nothing; a=1', { a: '1' }],
    ['a b=1; (x)=2; c=3', { c: '3' }],
    ['a=1,2', { a: '1,2' }],
  ])('reads %j', (field, expected) => {
    expect({ ...parseCookies(field) }).toEqual(expected)
  })

  it('has no prototype to fall into', () => {
    const cookies = parseCookies('__proto__=x; toString=y')
    expect(Object.getPrototypeOf(cookies)).toBe(null)
    expect(Object.entries(cookies)).toEqual([
      ['__proto__', 'x'],
      ['toString', 'y'],
    ])
    expect('constructor' in cookies).toBe(false)
  })
})

describe('serializeCookie (A-6)', () => {
  it.each<[string, string, CookieOptions, string]>([
    ['a', '1', {}, 'a=1; Path=/'],
    ['a', 'x; y=€', {}, 'a=x%3B%20y%3D%E2%82%AC; Path=/'],
    ['a', 'x=y', { encode: false }, 'a=x=y; Path=/'],
    ['a', '1', { path: '/x', domain: 'example.com' }, 'a=1; Domain=example.com; Path=/x'],
    ['a', '1', { maxAge: 60 }, 'a=1; Max-Age=60; Path=/'],
    ['a', '1', { expires: new Date(0) }, 'a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'],
    [
      'a',
      '1',
      { httpOnly: true, secure: true, sameSite: 'none' },
      'a=1; Path=/; HttpOnly; Secure; SameSite=None',
    ],
    ['__Host-a', '1', { secure: true }, '__Host-a=1; Path=/; Secure'],
    [
      'a',
      '1',
      { partitioned: true, secure: true, priority: 'high' },
      'a=1; Path=/; Secure; Partitioned; Priority=High',
    ],
  ])('%s %s %j', (name, value, options, line) => {
    expect(serializeCookie(name, value, options)).toBe(line)
  })

  it.each<[string, string, CookieOptions]>([
    ['', '1', {}],
    ['a b', '1', {}],
    ['a;', '1', {}],
    ['a', 'x y', { encode: false }],
    ['a', '"', { encode: false }],
    ['a', '\ud800', {}],
    ['a', 'x'.repeat(4_096), {}],
    ['a', '€'.repeat(456), {}],
    ['a', '1', { maxAge: 1.5 }],
    ['a', '1', { maxAge: Number.NaN }],
    ['a', '1', { expires: new Date(Number.NaN) }],
    ['a', '1', { path: '/;x' }],
    ['a', '1', { path: '/\r\n' }],
    ['a', '1', { path: 'x' }],
    ['a', '1', { path: '' }],
    ['a', '1', { domain: 'a;b' }],
    ['a', '1', { domain: 'exa mple' }],
    ['a', '1', { sameSite: 'none' }],
    ['a', '1', { sameSite: 'Other' as 'lax' }],
    ['a', '1', { partitioned: true }],
    ['__Secure-a', '1', {}],
    ['__host-a', '1', {}],
    ['__Host-a', '1', { secure: true, path: '/x' }],
    ['__Host-a', '1', { secure: true, domain: 'example.com' }],
  ])('refuses %j %j %j', (name, value, options) => {
    expect(() => serializeCookie(name, value, options)).toThrow(InvalidCookieError)
  })

  it('takes 4 096 bytes of name and value', () => {
    expect(serializeCookie('a', 'x'.repeat(4_095))).toHaveLength(4_097 + '; Path=/'.length)
  })

  it('reads back what it wrote', () => {
    for (const value of ['', 'a b', '"q"', 'ü;=,%', '\u0000\n']) {
      const [pair] = serializeCookie('n', value).split('; ') as [string]
      expect(parseCookies(pair).n).toBe(value)
    }
  })
})

describe('serializeDeletion (A-6)', () => {
  it('sends Max-Age=0 and an epoch Expires', () => {
    expect(serializeDeletion('a', { path: '/x' })).toBe(
      'a=; Max-Age=0; Path=/x; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    )
  })
})
