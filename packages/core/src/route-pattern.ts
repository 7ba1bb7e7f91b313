import { RouteError } from './errors.ts'

/** One segment of a parsed pattern. */
export type PatternSegment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'constrained'; readonly name: string; readonly source: string }
  | { readonly kind: 'wildcard'; readonly name: string }

/** A parsed pattern. */
export interface Pattern {
  /** As written. */
  readonly text: string
  readonly segments: readonly PatternSegment[]
  /** The last segment was written `:name?`: the pattern also matches without it. */
  readonly optional: boolean
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u
const IDENTIFIER_PREFIX = /^[\p{ID_Start}$_][\p{ID_Continue}$]*/u
/** Characters that mean something in a pattern, or look as if they did; `\` makes them literal. */
const ESCAPABLE = ':*{}?%\\'

/**
 * Parses a route pattern.
 * @throws RouteError `CELERIS_ROUTE_PATTERN` with the position and a correct spelling.
 */
export function parsePattern(text: string): Pattern {
  if (text === '*') return { text, segments: [{ kind: 'wildcard', name: '*' }], optional: false }
  if (!text.startsWith('/')) {
    fail(text, 0, 'a pattern starts with a slash', `/${text}`)
  }
  const segments: PatternSegment[] = []
  const names = new Set<string>()
  let optional = false
  let start = 1
  for (;;) {
    const end = segmentEnd(text, start)
    const last = end === text.length
    const segment = parseSegment(text, start, end, last)
    if ('name' in segment) {
      if (names.has(segment.name)) {
        fail(text, start, `the parameter name '${segment.name}' occurs twice`, `:${segment.name}2`)
      }
      names.add(segment.name)
      optional = segment.kind !== 'wildcard' && text[end - 1] === '?'
    }
    segments.push(segment)
    if (last) return { text, segments, optional }
    start = end + 1
  }
}

/** End of the segment that starts at `start`: the next slash that is not inside a constraint. */
function segmentEnd(text: string, start: number): number {
  if (text[start] !== ':') {
    const slash = text.indexOf('/', start)
    return slash === -1 ? text.length : slash
  }
  let depth = 0
  let inClass = false
  for (let i = start; i < text.length; i++) {
    const c = text[i]
    if (c === '\\' && depth > 0) i++
    else if (inClass) inClass = c !== ']'
    else if (c === '[') inClass = depth > 0
    else if (c === '{') depth++
    else if (c === '}') depth--
    else if (c === '/' && depth <= 0) return i
  }
  return text.length
}

function parseSegment(text: string, start: number, end: number, last: boolean): PatternSegment {
  if (text[start] === ':') return parseParameter(text, start, end, last)
  if (text[start] === '*') return parseWildcard(text, start, end, last)
  return { kind: 'literal', text: parseLiteral(text, start, end, last) }
}

function parseWildcard(text: string, start: number, end: number, last: boolean): PatternSegment {
  const name = text.slice(start + 1, end)
  if (name !== '' && !IDENTIFIER.test(name)) {
    fail(
      text,
      start + 1,
      `'${name}' is not a name`,
      `*${IDENTIFIER_PREFIX.exec(name)?.[0] ?? 'rest'}`,
    )
  }
  if (!last) {
    fail(text, start, 'a wildcard stands at the end', `${text.slice(0, start)}*${name || 'rest'}`)
  }
  return { kind: 'wildcard', name: name || '*' }
}

function parseParameter(text: string, start: number, end: number, last: boolean): PatternSegment {
  const before = text.slice(0, start)
  const brace = text.indexOf('{', start)
  const constrained = brace !== -1 && brace < end
  const optional = text[end - 1] === '?'
  if (optional && !last) {
    fail(text, end - 1, 'only the last segment can be optional', `${text.slice(0, end - 1)}`)
  }
  const bodyEnd = optional ? end - 1 : end
  const name = text.slice(start + 1, constrained ? brace : bodyEnd)
  if (!IDENTIFIER.test(name)) {
    const good = IDENTIFIER_PREFIX.exec(name)?.[0]
    const position = start + 1 + (good?.length ?? 0)
    if (good === undefined) fail(text, position, 'a parameter has a name', `${before}:id`)
    fail(text, position, 'a parameter fills its segment', `${before}:${good}`)
  }
  if (!constrained) return { kind: 'param', name }
  if (text[bodyEnd - 1] !== '}') {
    fail(text, bodyEnd, 'a constraint ends its segment with }', `${before}:${name}{[0-9]+}`)
  }
  const source = text.slice(brace + 1, bodyEnd - 1)
  const example = `${before}:${name}{[0-9]+}`
  if (source === '') fail(text, brace, 'a constraint is not empty', example)
  try {
    new RegExp(`^(?:${source})$`, 'u')
  } catch (cause) {
    fail(text, brace + 1, `the constraint is no regular expression (${String(cause)})`, example)
  }
  const capture = captureIndex(source)
  if (capture !== -1) {
    const shown = `${source.slice(0, capture)}(?:${source.slice(capture).replace(/^\((\?<[^>]*>)?/, '')}`
    fail(text, brace + 1 + capture, 'a constraint has no captures', `${before}:${name}{${shown}}`)
  }
  return { kind: 'constrained', name, source }
}

/** Index of the first capturing parenthesis; -1 if there is none. */
function captureIndex(source: string): number {
  let inClass = false
  for (let i = 0; i < source.length; i++) {
    const c = source[i]
    if (c === '\\') i++
    else if (inClass) inClass = c !== ']'
    else if (c === '[') inClass = true
    else if (c === '(' && !/^\?(?:[:=!]|<[=!])/.test(source.slice(i + 1))) return i
  }
  return -1
}

function parseLiteral(text: string, start: number, end: number, last: boolean): string {
  const before = text.slice(0, start)
  if (start === end && !last) {
    fail(text, start, 'an empty segment matches nothing', `${before}${text.slice(end + 1)}`)
  }
  let literal = ''
  for (let i = start; i < end; i++) {
    const c = text[i] as string
    if (c === '\\') {
      const escaped = text[i + 1]
      if (escaped === undefined || i + 1 === end || !ESCAPABLE.includes(escaped)) {
        fail(text, i, `\\ stands before one of ${ESCAPABLE}`, `${text.slice(0, i)}\\\\`)
      }
      literal += escaped
      i++
    } else {
      refuseSpecial(text, start, i, end)
      literal += c
    }
  }
  if (literal === '.' || literal === '..') {
    fail(text, start, 'dot segments are refused in paths, so this never matches', `${before}name`)
  }
  if (/\0|\p{Surrogate}/u.test(literal)) {
    fail(text, start, 'NUL and lone surrogates cannot occur in a path', `${before}name`)
  }
  return literal
}

/** Characters that are nearly always meant as something else than themselves. */
function refuseSpecial(text: string, start: number, i: number, end: number): void {
  const c = text[i] as string
  const head = text.slice(0, i)
  const tail = text.slice(i + 1)
  if (c === ':') {
    const name = IDENTIFIER_PREFIX.exec(tail)?.[0] ?? 'name'
    fail(
      text,
      i,
      `a parameter fills its segment (a literal colon is \\:)`,
      `${text.slice(0, start)}:${name}`,
    )
  }
  if (c === '*')
    fail(
      text,
      i,
      'a wildcard fills its segment (a literal star is \\*)',
      `${text.slice(0, start)}*rest`,
    )
  if (c === '{' || c === '}') {
    const name = /^\{([\p{ID_Start}$_][\p{ID_Continue}$]*)\}$/u.exec(text.slice(start, end))?.[1]
    fail(
      text,
      i,
      `a parameter is written :name (a literal brace is \\${c})`,
      `${text.slice(0, start)}:${name ?? 'name'}`,
    )
  }
  if (c === '?') {
    fail(
      text,
      i,
      'a pattern has no query, and only parameters are optional (a literal ? is \\?)',
      head,
    )
  }
  if (c === '%' && /^[0-9A-Fa-f]{2}/.test(tail)) {
    fail(text, i, 'patterns are written decoded (a literal % is \\%)', decoded(text))
  }
}

function decoded(text: string): string {
  try {
    return decodeURI(text)
  } catch {
    return text.replace(/%/g, '\\%')
  }
}

function fail(pattern: string, position: number, message: string, correct: string): never {
  throw new RouteError(
    'CELERIS_ROUTE_PATTERN',
    `route pattern: ${message}\n  ${pattern}\n  ${' '.repeat(position)}^ position ${position}; write for example  ${correct}`,
    { pattern, position },
  )
}

/** The forms a pattern matches in: two if it ends in an optional parameter. */
export function expandOptional(pattern: Pattern): readonly (readonly PatternSegment[])[] {
  if (!pattern.optional) return [pattern.segments]
  const shorter = pattern.segments.slice(0, -1)
  return [shorter.length === 0 ? [{ kind: 'literal', text: '' }] : shorter, pattern.segments]
}

/** What two patterns must share to be in conflict: parameter names do not count. */
export function shapeOf(segments: readonly PatternSegment[]): string {
  let shape = ''
  for (const segment of segments) {
    if (segment.kind === 'literal') shape += `/=${segment.text}`
    else if (segment.kind === 'constrained') shape += `/:{${segment.source}}`
    else shape += segment.kind === 'param' ? '/:' : '/*'
  }
  return shape
}

/** Names of the parameters in order. */
export function namesOf(segments: readonly PatternSegment[]): readonly string[] {
  return segments.flatMap((segment) => ('name' in segment ? [segment.name] : []))
}
