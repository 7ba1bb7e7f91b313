import { propertyParameters } from '@celeris/test-support'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acceptedEncodings, acceptedLanguages, acceptedTypes } from '../../src/negotiation.ts'
import { ACCEPTS } from './corpus.ts'
import { FUZZ, piecesOf } from './support.ts'

const fields = piecesOf(ACCEPTS, [
  'text/html',
  'text/*',
  '*/*',
  'gzip',
  '*',
  'en-US',
  ',',
  ';q=',
  ';',
  '0',
  '1.5',
  '"',
  ' ',
])
const OFFERS = ['text/html', 'application/json', 'text/plain']

const ranges = fc.constantFrom('text/html', 'text/*', 'application/json', 'application/*', '*/*')
const weighted = fc.uniqueArray(fc.tuple(ranges, fc.integer({ min: 0, max: 10 })), {
  selector: ([range]) => range,
  maxLength: 5,
})

/** Weight of an offer: that of the most specific range (RFC 9110 §12.5.1). */
function weightOf(offer: string, accepted: readonly (readonly [string, number])[]): number {
  const by = new Map(accepted)
  return by.get(offer) ?? by.get(`${offer.split('/')[0]}/*`) ?? by.get('*/*') ?? 0
}

describe('negotiation', FUZZ, () => {
  it('survives any field and answers with an offer or nothing (A-8)', () => {
    fc.assert(
      fc.property(fields, (field) => {
        for (const [accept, offers] of [
          [acceptedTypes, OFFERS],
          [acceptedEncodings, ['br', 'gzip', 'identity']],
          [acceptedLanguages, ['en', 'de-CH', 'fr']],
        ] as const) {
          const best = accept(field, offers)
          expect(best === undefined || offers.includes(best as never)).toBe(true)
        }
      }),
      { ...propertyParameters(5_000), examples: ACCEPTS.map((field): [string] => [field]) },
    )
  })

  it('takes an offer of the highest weight, none of weight 0 (A-8, RFC 9110 §12.5.1)', () => {
    fc.assert(
      fc.property(weighted, fc.shuffledSubarray(OFFERS, { minLength: 1 }), (accepted, offers) => {
        const field = accepted.map(([range, q]) => `${range};q=${q / 10}`).join(', ')
        const best = acceptedTypes(field, offers)
        const most = Math.max(...offers.map((offer) => weightOf(offer, accepted)))
        expect(best === undefined ? 0 : weightOf(best, accepted)).toBe(most)
      }),
      propertyParameters(5_000),
    )
  })
})
