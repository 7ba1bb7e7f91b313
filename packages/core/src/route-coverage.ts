import type { Handler } from './handler.ts'
import { constraintOnText } from './route-constraint.ts'
import { type PatternSegment, parsePattern } from './route-pattern.ts'

/** A path given to `use()`: everything at or under it, on segment borders. */
interface CoveredPath {
  readonly segments: readonly PatternSegment[]
  /** It ended in a slash or wildcard: only what has a segment behind the others. */
  readonly below: boolean
}

function parseCovered(path: string): CoveredPath {
  const { segments, optional } = parsePattern(path)
  const last = segments.at(-1)
  if (optional) return { segments: segments.slice(0, -1), below: false }
  const below = last?.kind === 'wildcard' || (last?.kind === 'literal' && last.text === '')
  return below ? { segments: segments.slice(0, -1), below } : { segments, below }
}

/**
 * Whether middleware for a path runs for a route: for all of its URLs, for none, or for some, which
 * only the request can tell.
 */
export function coverage(
  path: string,
  route: readonly PatternSegment[],
): 'always' | 'never' | 'sometimes' {
  const { segments, below } = parseCovered(path)
  let certain = true
  for (const [index, segment] of segments.entries()) {
    const other = route[index]
    if (other === undefined) return 'never'
    if (other.kind === 'wildcard') return 'sometimes'
    const fit = segmentFit(segment, other)
    if (fit === 'never') return 'never'
    if (fit === 'sometimes') certain = false
  }
  if (below && route.length === segments.length) return 'never'
  return certain ? 'always' : 'sometimes'
}

function segmentFit(
  segment: PatternSegment,
  other: PatternSegment,
): 'always' | 'never' | 'sometimes' {
  if (other.kind === 'literal') return partTest(segment)(other.text) ? 'always' : 'never'
  if (segment.kind === 'param') return 'always'
  if (segment.kind === 'literal') {
    return other.kind === 'constrained' && !partTest(other)(segment.text) ? 'never' : 'sometimes'
  }
  const same =
    segment.kind === 'constrained' &&
    other.kind === 'constrained' &&
    segment.source === other.source
  return same ? 'always' : 'sometimes'
}

/** Tests one segment of a path as `c.path` shows it. */
function partTest(segment: PatternSegment): (part: string) => boolean {
  if (segment.kind === 'literal') return (part) => part === segment.text
  if (segment.kind !== 'constrained') return (part) => part !== ''
  const matches = constraintOnText(segment.source)
  // c.path shows an encoded slash as %2F; constraints see the decoded value.
  return (part) => part !== '' && matches(part.replaceAll('%2F', '/'))
}

/** Middleware that steps aside for paths not at or under `path`. */
export function onlyUnder(path: string, handler: Handler): Handler {
  const { segments, below } = parseCovered(path)
  const literal = segments.every((segment) => segment.kind === 'literal')
  const prefix = segments.map((segment) => (segment.kind === 'literal' ? `/${segment.text}` : ''))
  const covers = literal
    ? literalTest(prefix.join(''), below)
    : patternTest(segments.map(partTest), below)
  return (c, next) => (covers(c.path) ? handler(c, next) : next())
}

function literalTest(prefix: string, below: boolean): (requested: string) => boolean {
  const under = `${prefix}/`
  if (below) return (requested) => requested.startsWith(under)
  return (requested) => requested === prefix || requested.startsWith(under)
}

function patternTest(
  tests: readonly ((part: string) => boolean)[],
  below: boolean,
): (requested: string) => boolean {
  const least = tests.length + (below ? 1 : 0)
  return (requested) => {
    if (!requested.startsWith('/')) return false
    const parts = requested.slice(1).split('/')
    return parts.length >= least && tests.every((test, index) => test(parts[index] as string))
  }
}
