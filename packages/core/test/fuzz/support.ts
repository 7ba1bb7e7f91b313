import { fuzzTimeoutMs } from '@celeris/test-support'
import fc from 'fast-check'

/** Options of a suite that fuzzes. */
export const FUZZ: { readonly timeout: number } = { timeout: fuzzTimeoutMs() }

/** Any code unit that a request can bring: one per byte. */
export const byteText: fc.Arbitrary<string> = fc
  .uint8Array({ max: 255, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))

/** Texts put together from corpus, given pieces and bytes of any kind. */
export const piecesOf = (
  corpus: readonly string[],
  pieces: readonly string[],
): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...pieces) },
        { weight: 1, arbitrary: fc.constantFrom(...corpus) },
        { weight: 1, arbitrary: byteText },
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join(''))
