// Hot path. Reads a request where its bytes are: in the batch, or in the copy made before the batch ended.
import {
  FIELD_LENGTHS,
  FIELD_NAME_HASH,
  FIELD_NAME_OFFSET,
  FIELD_VALUE_OFFSET,
  FIELD_WORDS,
  FIELDS_WORD,
  METHOD_OPTIONS,
  nameHash,
  REQUEST_BODY_LENGTH,
  REQUEST_BODY_OFFSET,
  REQUEST_FIELD_COUNT,
  REQUEST_FIELD_INDEX,
  REQUEST_FLAG_PATH_PLAIN,
  REQUEST_HEAD_LENGTH,
  REQUEST_HEAD_OFFSET,
  REQUEST_METHOD_MINOR_FLAGS,
  REQUEST_PATH_OFFSET,
  REQUEST_PATH_TARGET_LENGTH,
  REQUEST_TARGET_OFFSET,
  REQUEST_WORDS,
} from '@celeris/engine/layout'
import { latin1 } from './latin1.ts'
import { bytes as sharedBytes, words as sharedWords } from './memory.ts'
import { decodePath } from './path-decode.ts'

const QUESTION_MARK = 0x3f

/** Where a request stands. Offsets of the record count from `delta`. */
export interface RequestSource {
  sourceBytes: Buffer
  sourceWords: Int32Array
  /** Word index of the request record. */
  sourceAt: number
  /** What to take from an offset of the record to index `sourceBytes`. */
  sourceDelta: number
  /** Word index of the first field record. */
  sourceFields: number
}

/** Points a source at a record of the current batch. */
export function viewRecord(source: RequestSource, at: number): void {
  source.sourceAt = at
  source.sourceFields =
    FIELDS_WORD + (sharedWords[at + REQUEST_FIELD_INDEX] as number) * FIELD_WORDS
}

/** Copies what a source reads out of the batch, which is about to be overwritten. */
export function parkRecord(source: RequestSource): void {
  const at = source.sourceAt
  const count = (sharedWords[at + REQUEST_FIELD_COUNT] as number) * FIELD_WORDS
  const own = new Int32Array(REQUEST_WORDS + count)
  own.set(sharedWords.subarray(at, at + REQUEST_WORDS))
  own.set(sharedWords.subarray(source.sourceFields, source.sourceFields + count), REQUEST_WORDS)
  const start = sharedWords[at + REQUEST_HEAD_OFFSET] as number
  const bodyLength = sharedWords[at + REQUEST_BODY_LENGTH] as number
  const end =
    bodyLength > 0
      ? (sharedWords[at + REQUEST_BODY_OFFSET] as number) + bodyLength
      : start + (sharedWords[at + REQUEST_HEAD_LENGTH] as number)
  source.sourceBytes = Buffer.from(sharedBytes.subarray(start, end))
  source.sourceWords = own
  source.sourceAt = 0
  source.sourceDelta = start
  source.sourceFields = REQUEST_WORDS
}

export function methodFlags(source: RequestSource): number {
  return source.sourceWords[source.sourceAt + REQUEST_METHOD_MINOR_FLAGS] as number
}

export function flagsOf(source: RequestSource): number {
  return methodFlags(source) >>> 16
}

/** The method as sent; for those without an id. */
export function methodText(source: RequestSource): string {
  const { sourceWords: w, sourceAt: at, sourceDelta: delta } = source
  const start = (w[at + REQUEST_HEAD_OFFSET] as number) - delta
  const end = (w[at + REQUEST_TARGET_OFFSET] as number) - delta - 1
  return latin1(source.sourceBytes, start, end)
}

export function pathStart(source: RequestSource): number {
  return (source.sourceWords[source.sourceAt + REQUEST_PATH_OFFSET] as number) - source.sourceDelta
}

export function pathLength(source: RequestSource): number {
  return (source.sourceWords[source.sourceAt + REQUEST_PATH_TARGET_LENGTH] as number) & 0xffff
}

export function isPlain(source: RequestSource): boolean {
  return (flagsOf(source) & REQUEST_FLAG_PATH_PLAIN) !== 0
}

export function rawPathText(source: RequestSource): string {
  const length = pathLength(source)
  if (length === 0) return emptyPathText(source)
  const start = pathStart(source)
  return latin1(source.sourceBytes, start, start + length)
}

/** What an absolute target without a path asks for (TGT-3): `/`, or the whole server for OPTIONS without a query. */
function emptyPathText(source: RequestSource): string {
  const isOptions = (methodFlags(source) & 0xff) === METHOD_OPTIONS
  return isOptions && source.sourceBytes[pathStart(source)] !== QUESTION_MARK ? '*' : '/'
}

/** What follows the first `?`, without it; empty when there is none. */
export function rawQueryText(source: RequestSource): string {
  const { sourceWords: w, sourceAt: at } = source
  const targetStart = (w[at + REQUEST_TARGET_OFFSET] as number) - source.sourceDelta
  const targetEnd = targetStart + ((w[at + REQUEST_PATH_TARGET_LENGTH] as number) >>> 16)
  const queryStart = pathStart(source) + pathLength(source) + 1
  return queryStart >= targetEnd ? '' : latin1(source.sourceBytes, queryStart, targetEnd)
}

/** Authority of an absolute-form target (RFC 9112 §3.2.2). */
export function targetAuthority(source: RequestSource): string {
  const { sourceWords: w, sourceAt: at } = source
  const start = (w[at + REQUEST_TARGET_OFFSET] as number) - source.sourceDelta
  const end = start + ((w[at + REQUEST_PATH_TARGET_LENGTH] as number) >>> 16)
  const target = latin1(source.sourceBytes, start, end)
  const from = target.indexOf('://') + 3
  const rest = target.slice(from)
  const stop = rest.search(/[/?]/)
  return stop < 0 ? rest : rest.slice(0, stop)
}

/** Where decoded paths that differ from their raw form are matched. Valid until the next one. */
export const decodedPath: Buffer = Buffer.alloc(65_536)

/** Decodes the path of a source into `decodedPath`; -1 for 400. */
export function decodeSourcePath(source: RequestSource): number {
  const start = pathStart(source)
  return decodePath(source.sourceBytes, start, start + pathLength(source), decodedPath)
}

interface HeaderName {
  readonly lower: string
  readonly hash: number
}
const names = new Map<string, HeaderName>()
const NAMES_MAX = 512

function headerName(name: string): HeaderName {
  let found = names.get(name)
  if (found === undefined) {
    const lower = name.toLowerCase()
    found = { lower, hash: nameHash(lower) }
    if (names.size < NAMES_MAX) names.set(name, found)
  }
  return found
}

/** Fields of which the first line wins; lines of others are joined (http1.md FLD-5). */
const FIRST_WINS: ReadonlySet<string> = new Set(
  'age authorization content-type etag expires from host if-modified-since if-unmodified-since last-modified location max-forwards proxy-authorization referer retry-after server user-agent content-length'.split(
    ' ',
  ),
)

function isName(source: RequestSource, field: number, lower: string): boolean {
  const bytes = source.sourceBytes
  const start = (source.sourceWords[field + FIELD_NAME_OFFSET] as number) - source.sourceDelta
  for (let i = 0; i < lower.length; i++) {
    let byte = bytes[start + i] as number
    if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20
    if (byte !== lower.charCodeAt(i)) return false
  }
  return true
}

export function fieldCount(source: RequestSource): number {
  return source.sourceWords[source.sourceAt + REQUEST_FIELD_COUNT] as number
}

export function fieldName(source: RequestSource, index: number): string {
  const field = source.sourceFields + index * FIELD_WORDS
  const start = (source.sourceWords[field + FIELD_NAME_OFFSET] as number) - source.sourceDelta
  return latin1(
    source.sourceBytes,
    start,
    start + ((source.sourceWords[field + FIELD_LENGTHS] as number) & 0xffff),
  )
}

export function fieldValue(source: RequestSource, index: number): string {
  return valueAt(source, source.sourceFields + index * FIELD_WORDS)
}

function valueAt(source: RequestSource, field: number): string {
  const start = (source.sourceWords[field + FIELD_VALUE_OFFSET] as number) - source.sourceDelta
  return latin1(
    source.sourceBytes,
    start,
    start + ((source.sourceWords[field + FIELD_LENGTHS] as number) >>> 16),
  )
}

/** Value of a field by name, whatever its case; undefined when absent. */
export function headerValue(source: RequestSource, name: string): string | undefined {
  const { lower, hash } = headerName(name)
  const w = source.sourceWords
  const end = source.sourceFields + fieldCount(source) * FIELD_WORDS
  let value: string | undefined
  for (let field = source.sourceFields; field < end; field += FIELD_WORDS) {
    if (w[field + FIELD_NAME_HASH] !== hash) continue
    if (
      ((w[field + FIELD_LENGTHS] as number) & 0xffff) !== lower.length ||
      !isName(source, field, lower)
    )
      continue
    const line = valueAt(source, field)
    if (value === undefined) {
      if (FIRST_WINS.has(lower)) return line
      value = line
    } else value += lower === 'cookie' ? `; ${line}` : `, ${line}`
  }
  return value
}

/** All values of one field, line by line. */
export function headerLines(source: RequestSource, name: string): string[] {
  const { lower, hash } = headerName(name)
  const lines: string[] = []
  const end = source.sourceFields + fieldCount(source) * FIELD_WORDS
  for (let field = source.sourceFields; field < end; field += FIELD_WORDS) {
    if (source.sourceWords[field + FIELD_NAME_HASH] !== hash) continue
    const length = (source.sourceWords[field + FIELD_LENGTHS] as number) & 0xffff
    if (length === lower.length && isName(source, field, lower)) lines.push(valueAt(source, field))
  }
  return lines
}

/** A copy of a body that came with the batch. */
export function inlineBody(source: RequestSource): Uint8Array {
  const { sourceWords: w, sourceAt: at } = source
  const length = w[at + REQUEST_BODY_LENGTH] as number
  if (length <= 0) return new Uint8Array(0)
  const start = (w[at + REQUEST_BODY_OFFSET] as number) - source.sourceDelta
  return Uint8Array.prototype.slice.call(source.sourceBytes, start, start + length)
}
