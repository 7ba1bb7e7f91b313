import type Negotiator from 'negotiator'
import { lazily } from './lazily.ts'

type NegotiatorClass = typeof Negotiator

const Loaded = lazily<NegotiatorClass>('negotiator')

function negotiator(headers: { [name: string]: string }): Negotiator {
  return new (Loaded())({ headers })
}

/** Short names for media types that are offered often. */
const SHORT: Readonly<Record<string, string>> = {
  html: 'text/html',
  json: 'application/json',
  text: 'text/plain',
  xml: 'application/xml',
}

/**
 * The offered media type a client prefers (RFC 9110 §12.5.1): the most specific range decides an
 * offer's q, q=0 excludes, equal ones go by specificity, then the client's order. `json`, `html`,
 * `text` and `xml` are short for their types.
 * @param field value of `accept`; undefined, the field being absent, accepts the first offer
 * @returns the offer as given, undefined if none is acceptable
 */
export function acceptedTypes(
  field: string | undefined,
  offers: readonly string[],
): string | undefined {
  if (field === undefined) return offers[0]
  const types = offers.map((offer) => SHORT[offer] ?? offer)
  const best = negotiator({ accept: field }).mediaType(types)
  return best === undefined ? undefined : offers[types.indexOf(best)]
}

/**
 * The offered content coding a client prefers (RFC 9110 §12.5.3); `identity` is acceptable unless
 * excluded.
 * @returns the offer as given, undefined if none is acceptable
 */
export function acceptedEncodings(
  field: string | undefined,
  offers: readonly string[],
): string | undefined {
  if (field === undefined) return offers[0]
  return negotiator({ 'accept-encoding': field }).encoding([...offers])
}

/**
 * The offered language a client prefers (RFC 9110 §12.5.4); the range `en` matches `en-US`.
 * @returns the offer as given, undefined if none is acceptable
 */
export function acceptedLanguages(
  field: string | undefined,
  offers: readonly string[],
): string | undefined {
  if (field === undefined) return offers[0]
  return negotiator({ 'accept-language': field }).language([...offers])
}
