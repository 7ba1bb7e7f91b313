import { describe, expect, it } from 'vitest'
import { decodePath, isPlainPath } from './path-decode.ts'
import { paramText, pathText } from './path-text.ts'

/** Text of the decoded path with an encoded slash as %2F; null when refused. */
function decode(path: string | Uint8Array): string | null {
  const source = Buffer.from(path)
  const framed = Buffer.concat([Buffer.from('%%'), source, Buffer.from('41')])
  const target = Buffer.alloc(framed.length + 3, 0xee)
  const written = decodePath(framed, 2, 2 + source.length, target)
  expect(target.subarray(Math.max(written, source.length)).every((byte) => byte === 0xee)).toBe(
    true,
  )
  return written < 0 ? null : pathText(target, 0, written)
}

describe('decodePath', () => {
  it.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/', '/a/'],
    ['//a', '//a'],
    ['/%61', '/a'],
    ['/%2561', '/%61'],
    ['/a%20b', '/a b'],
    ['/a+b', '/a+b'],
    ['/a%2Fb%2fc', '/a%2Fb%2Fc'],
    ['/%252F', '/%2F'],
    ['/caf%C3%A9/%E2%82%AC/%F0%9F%98%80', '/café/€/😀'],
    ['/%F4%8F%BF%BF', '/\u{10ffff}'],
    ['/%EF%BB%BF', '/\ufeff'],
    ['/...', '/...'],
    ['/.a/a./a..b/..a/.well-known', '/.a/a./a..b/..a/.well-known'],
    ['/..%2F', '/..%2F'],
    ['/;a=b', '/;a=b'],
    ['/a\\b', '/a\\b'],
    ['/%3F%23', '/?#'],
    ['/%01%7F', '/\u0001\u007f'],
  ])('%s (PATH-2, PATH-4, PATH-5)', (path, expected) => {
    expect(decode(path)).toBe(expected)
  })

  it.each([
    '',
    'a',
    '%2F',
    '/%',
    '/%4',
    '/%g1',
    '/%1g',
    '/a%/b',
    '/%4/1',
    '/%00',
    '/a%00b',
    '/%80',
    '/%C0%AE',
    '/%C1%BF',
    '/%E0%9F%BF',
    '/%ED%A0%80',
    '/%F0%8F%BF%BF',
    '/%F4%90%80%80',
    '/%F5%80%80%80',
    '/%FF',
    '/%C3',
    '/%C3/%A9',
    '/%C3a',
    '/%E2%82',
    '/%E2%82%2F',
    '/%C3%A9%A9',
    '/.',
    '/..',
    '/./a',
    '/../a',
    '/a/.',
    '/a/..',
    '/%2e',
    '/%2E%2e/a',
    '/.%2e',
    '/a/%2e/b',
  ])('refuses %s (PATH-2, PATH-3)', (path) => {
    expect(decode(path)).toBe(null)
  })

  it('refuses raw NUL and raw bytes that are no UTF-8', () => {
    expect(decode('/a\0')).toBe(null)
    expect(decode(Buffer.from([0x2f, 0xff]))).toBe(null)
    expect(decode('/é')).toBe('/é')
  })

  it('accepts exactly the UTF-8 that TextDecoder accepts', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    let seed = 1
    const next = (limit: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return seed % limit
    }
    const leads = [
      0x41, 0x80, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5,
    ]
    for (let round = 0; round < 20_000; round++) {
      const bytes = Array.from({ length: 1 + next(4) }, () => leads[next(leads.length)] as number)
      const path = `/${bytes.map((byte) => `%${byte.toString(16).toUpperCase()}`).join('')}`
      let expected: string | null
      try {
        expected = `/${strict.decode(Uint8Array.from(bytes))}`
      } catch {
        expected = null
      }
      expect(decode(path), path).toBe(expected)
    }
  })
})

describe('isPlainPath', () => {
  it('holds only for paths that decode to themselves', () => {
    const plain = (path: string): boolean =>
      isPlainPath(Buffer.from(path), 0, Buffer.byteLength(path))
    for (const path of ['/', '/a/b', '/a.b', '/a/', '//a']) expect(plain(path)).toBe(true)
    for (const path of ['', 'a', '/%41', '/.a', '/..', '/é', '/a\0'])
      expect(plain(path)).toBe(false)
  })
})

describe('text of slices', () => {
  it('is the same for every length and place', () => {
    const text = '0123456789abcdefghijklmnopqrstuvwxyz'
    const bytes = Buffer.from(`xx${text}`)
    for (let length = 0; length <= text.length; length++) {
      expect(paramText(bytes, 2, 2 + length)).toBe(text.slice(0, length))
    }
    expect(paramText(Buffer.from('xé€x'), 1, 6)).toBe('é€')
  })

  it('shows an encoded slash as / in parameters and as %2F in paths (PATH-4)', () => {
    const bytes = Buffer.from('a\0b')
    expect(paramText(bytes, 0, 3)).toBe('a/b')
    expect(pathText(bytes, 0, 3)).toBe('a%2Fb')
  })
})
