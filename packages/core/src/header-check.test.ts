import { describe, expect, it } from 'vitest'
import { InvalidHeaderError } from './errors.ts'
import { checkHeader, isDroppedFromWeb, isToken } from './header-check.ts'

describe('checkHeader', () => {
  it('takes tokens for names and gives them in lower case (RES-2, RES-5)', () => {
    expect(checkHeader('X-Request-ID', 'a')).toBe('x-request-id')
    expect(checkHeader("!#$%&'*+-.^_`|~09azAZ", 'a')).toBe("!#$%&'*+-.^_`|~09azaz")
    for (let round = 0; round < 3; round++) expect(checkHeader('ETag', '"x"')).toBe('etag')
  })

  it.each(['', ' ', 'a b', 'a:', 'a\r\n', 'é', 'a\0', '(a)', '\u0141', 'a/b'])(
    'refuses the name %j (RES-5)',
    (name) => {
      for (let round = 0; round < 2; round++) {
        expect(() => checkHeader(name, 'x')).toThrow(InvalidHeaderError)
      }
    },
  )

  it('takes every byte a field may hold and no other (RES-5, RFC 9110 §5.5)', () => {
    for (let code = 0; code < 0x180; code++) {
      const value = `a${String.fromCharCode(code)}b`
      const good = code === 9 || (code >= 0x20 && code <= 0x7e) || (code >= 0x80 && code <= 0xff)
      if (good) expect(checkHeader('x-a', value)).toBe('x-a')
      else expect(() => checkHeader('x-a', value)).toThrow(InvalidHeaderError)
    }
    expect(checkHeader('x-a', '')).toBe('x-a')
  })

  it('tells where a value is bad without quoting it', () => {
    expect(() => checkHeader('x-a', 'secret\nset-cookie: b')).toThrow('U+000A at index 6')
    expect(() => checkHeader('x-a', 'secret\n')).not.toThrow('secret')
  })

  it.each(['Transfer-Encoding', 'keep-alive', 'Proxy-Connection', 'upgrade', 'TE', 'trailer'])(
    'keeps %s for the server (RES-7)',
    (name) => {
      expect(() => checkHeader(name, 'x')).toThrow('the server writes this field')
      expect(isDroppedFromWeb(name.toLowerCase())).toBe(true)
    },
  )

  it('takes connection only as close, ignores keep-alive (RES-7)', () => {
    expect(checkHeader('Connection', 'close')).toBe('connection')
    expect(checkHeader('connection', 'Keep-Alive')).toBe('')
    expect(() => checkHeader('connection', 'upgrade')).toThrow(InvalidHeaderError)
    expect(isDroppedFromWeb('connection')).toBe(true)
    expect(isDroppedFromWeb('content-type')).toBe(false)
  })

  it('takes digits for content-length (RES-6)', () => {
    expect(checkHeader('Content-Length', '012')).toBe('content-length')
    for (const value of ['', '-1', '+1', '1.0', '0x1', '1 ', '1,1']) {
      expect(() => checkHeader('content-length', value)).toThrow(InvalidHeaderError)
    }
  })

  it('remembers a bounded number of names', () => {
    for (let i = 0; i < 3_000; i++) expect(checkHeader(`X-${i}`, '')).toBe(`x-${i}`)
  })
})

describe('isToken (RFC 9110 §5.6.2)', () => {
  it('agrees with the grammar on every byte', () => {
    for (let code = 0; code < 256; code++) {
      const text = String.fromCharCode(code)
      expect(isToken(text)).toBe(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(text))
    }
  })
})
