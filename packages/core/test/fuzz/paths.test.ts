import { propertyParameters } from '@celeris/test-support'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePath, isPlainPath } from '../../src/path-decode.ts'
import { PATHS } from './corpus.ts'
import { FUZZ, piecesOf } from './support.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** PATH-2 to PATH-4 by the book: split, decode each segment once; null is a 400. */
function naive(raw: Buffer): Buffer | null {
  const text = raw.toString('latin1')
  if (!text.startsWith('/')) return null
  const segments: string[] = []
  for (const segment of text.split('/')) {
    if (/%(?![0-9A-Fa-f]{2})/.test(segment)) return null
    const bytes = Buffer.from(
      segment.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      'latin1',
    )
    try {
      decoder.decode(bytes)
    } catch {
      return null
    }
    const decoded = bytes.toString('latin1')
    if (decoded === '.' || decoded === '..' || decoded.includes('\0')) return null
    segments.push(decoded.replaceAll('/', '\0'))
  }
  return Buffer.from(segments.join('/'), 'latin1')
}

const paths = fc
  .tuple(
    fc.constantFrom('/', '/', '/', ''),
    piecesOf(PATHS, ['/', '.', '%2e', '%', 'a', '\xc3\xa9']),
  )
  .map((parts) => parts.join(''))

describe('paths', FUZZ, () => {
  it('decode as the rules say, wherever they lie (PATH-2, PATH-3, PATH-4)', () => {
    fc.assert(
      fc.property(paths, fc.nat(9), (text, offset) => {
        const raw = Buffer.from(text, 'latin1')
        const source = Buffer.concat([Buffer.alloc(offset, '%'), raw, Buffer.from('%2e/..')])
        const target = Buffer.alloc(raw.length + 1, 0xee)
        const length = decodePath(source, offset, offset + raw.length, target)
        const expected = naive(raw)
        expect(length).toBe(expected === null ? -1 : expected.length)
        if (expected !== null) expect(target.subarray(0, length)).toEqual(expected)
        expect(target.at(-1), 'nothing behind the room it was given').toBe(0xee)
      }),
      { ...propertyParameters(20_000), examples: PATHS.map((path): [string, number] => [path, 3]) },
    )
  })

  it('that are plain mean what they say byte by byte (PATH-2)', () => {
    fc.assert(
      fc.property(paths, (text) => {
        const raw = Buffer.from(text, 'latin1')
        if (isPlainPath(raw, 0, raw.length)) expect(naive(raw)).toEqual(raw)
      }),
      { ...propertyParameters(20_000), examples: PATHS.map((path): [string] => [path]) },
    )
  })
})
