import { propertyParameters } from '@celeris/test-support'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeQuery, queryAll, queryFirst } from '../../src/query.ts'
import { FUZZ, piecesOf } from './support.ts'

const queries = piecesOf(
  ['a=%ff&b=%', '__proto__=1', '%EF%BB%BFa=1'],
  ['a', 'b', '=', '&', '+', '%', '%41', '%e2%82%ac', '%ff', '%e2', '%00', '?', ';'],
  // Targets are ASCII (TGT-1); of other characters before a broken escape node makes bytes.
).map((text) => text.replace(/[\x80-\xff]/g, ''))

describe('query', FUZZ, () => {
  it('is read as the URL standard does, whatever its bytes (Q-3)', () => {
    fc.assert(
      fc.property(queries, piecesOf(['a'], ['a', 'b', '=', '']), (raw, asked) => {
        // The constructor of URLSearchParams drops one `?` at the start.
        const standard = new URLSearchParams(`?${raw}`)
        expect([...decodeQuery(raw)]).toEqual([...standard])
        for (const name of [asked, ...standard.keys()]) {
          expect(queryFirst(raw, name)).toBe(standard.get(name) ?? undefined)
          expect(queryAll(raw, name)).toEqual(standard.getAll(name))
        }
      }),
      propertyParameters(5_000),
    )
  })
})
