import { RouteError } from './errors.ts'
import { type PatternSegment, parsePattern } from './route-pattern.ts'

/** Values of parameters for `url()`; undefined is the same as absent. */
export type UrlParams = Readonly<Record<string, string | number | bigint | undefined>>

type QueryValue = string | number | bigint | boolean

/** Query for `url()`: arrays repeat the name, undefined is skipped. */
export type UrlQuery =
  | URLSearchParams
  | Readonly<Record<string, QueryValue | undefined | readonly (QueryValue | undefined)[]>>

/** Fills a pattern; see `Router.url`. */
export function buildUrl(
  name: string,
  text: string,
  params: UrlParams = {},
  query?: UrlQuery,
): string {
  const { segments, optional } = parsePattern(text)
  const unused = new Set(Object.keys(params).filter((key) => params[key] !== undefined))
  let path = ''
  segments.forEach((segment, index) => {
    if (segment.kind === 'literal') {
      path += `/${encodeLiteral(segment.text)}`
      return
    }
    const value = params[segment.name]
    unused.delete(segment.name)
    if (value !== undefined) path += `/${encodeValue(name, segment, String(value))}`
    else if (segment.kind === 'wildcard' || !optional || index < segments.length - 1) {
      fail(name, segment.name, `is missing for '${text}'; pass { ${segment.name}: … }`)
    }
  })
  for (const extra of unused) fail(name, extra, `is not in '${text}'; leave it out`)
  return (path || '/') + queryString(query)
}

function encodeValue(
  route: string,
  segment: Exclude<PatternSegment, { kind: 'literal' }>,
  value: string,
): string {
  if (segment.kind === 'wildcard') {
    return value
      .split('/')
      .map((part) => encodePart(route, segment.name, part))
      .join('/')
  }
  if (value === '') fail(route, segment.name, 'is empty; a parameter fills a segment')
  if (segment.kind === 'constrained' && !new RegExp(`^(?:${segment.source})$`, 'u').test(value)) {
    fail(route, segment.name, `${JSON.stringify(value)} does not match {${segment.source}}`)
  }
  return encodePart(route, segment.name, value)
}

function encodePart(route: string, name: string, part: string): string {
  if (part === '.' || part === '..') {
    fail(route, name, `has the dot segment '${part}', which no server accepts in a path`)
  }
  if (part.includes('\0')) fail(route, name, 'has a NUL, which no server accepts in a path')
  try {
    return encodeURIComponent(part)
  } catch (cause) {
    return fail(route, name, 'has a lone surrogate, which has no UTF-8', cause)
  }
}

/** Like encodeURIComponent, but leaves the characters that stand in a segment as they are. */
function encodeLiteral(text: string): string {
  return encodeURIComponent(text).replace(/%(?:3A|40|24|26|2B|2C|3B|3D)/g, decodeURIComponent)
}

function queryString(query: UrlQuery | undefined): string {
  if (query === undefined) return ''
  let search = query
  if (!(search instanceof URLSearchParams)) {
    const pairs = new URLSearchParams()
    for (const [name, value] of Object.entries(search)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined) pairs.append(name, String(one))
      }
    }
    search = pairs
  }
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

function fail(route: string, param: string, message: string, cause?: unknown): never {
  throw new RouteError(
    'CELERIS_URL_PARAM',
    `url('${route}'): parameter '${param}' ${message}`,
    cause === undefined ? {} : { cause },
  )
}
