import {
  METHOD_HEAD,
  RESPONSE_FLAG_CLOSE,
  RESPONSE_FLAG_OMIT_BODY,
  RESPONSE_FLAG_OWN_DATE,
  RESPONSE_FLAG_OWN_LENGTH,
  RESPONSE_KIND_HEAD,
  RESPONSE_KIND_WHOLE,
} from '@celeris/engine/layout'
import {
  type Answered,
  commitBytes,
  commitRecord,
  commitWhole,
  openRecord,
  reserve,
} from './arena.ts'
import { headBlock, wholeBlock } from './blocks.ts'
import { bytes } from './memory.ts'
import type { ResponseHeaders } from './response-headers.ts'

/** What kind of answer stands in a context. */
export const ANSWER_NONE = 0
export const ANSWER_TEXT = 1
export const ANSWER_HTML = 2
export const ANSWER_JSON = 3
export const ANSWER_BYTES = 4
export const ANSWER_EMPTY = 5
/** In parts: what stands in `Context.output`. */
export const ANSWER_STREAM = 6
/** None: the socket has gone to the handler. */
export const ANSWER_HIJACK = 7

const TYPES: readonly (string | null)[] = [
  null,
  'text/plain; charset=utf-8',
  'text/html; charset=utf-8',
  'application/json',
  'application/octet-stream',
  null,
  'application/octet-stream',
  null,
]

/** The answer of a context, as the writer needs it. */
export interface Answer extends Answered {
  readonly methodId: number
  readonly answerKind: number
  readonly answerStatus: number
  readonly answerBody: string | Uint8Array | null
  readonly answerType: string | null
  readonly answerHeaders: ResponseHeaders | null
  readonly entry: { internMisses: number }
}

/** Encoders of Buffer that skip argument checks; the generic one where a runtime lacks them. */
type Write = (text: string, offset: number) => number
const target = bytes as Buffer & { utf8Write?: Write; latin1Write?: Write }
const hasDirectWrite =
  typeof target.utf8Write === 'function' && typeof target.latin1Write === 'function'

/** Up to here a loop over the code units beats a call into the runtime. */
const LOOP_LENGTH_MAX = 20
/** A larger body is not copied as a whole: it leaves in pieces, held by reference (BP-1). */
const COPIED_BYTES_MAX = 256 * 1024
/** Bytes of lines the writer adds by itself to the extra lines. */
const LINE_OVERHEAD = 4

/** Writes a string as UTF-8 and gives the offset behind it. Three bytes per code unit are reserved. */
function writeText(text: string, offset: number): number {
  const length = text.length
  if (length <= LOOP_LENGTH_MAX) {
    let at = 0
    for (; at < length; at++) {
      const code = text.charCodeAt(at)
      if (code > 127) break
      bytes[offset + at] = code
    }
    if (at === length) return offset + length
  }
  return (
    offset +
    (hasDirectWrite ? (target.utf8Write as Write)(text, offset) : bytes.write(text, offset, 'utf8'))
  )
}

function writeLatin1(text: string, offset: number): number {
  return (
    offset +
    (hasDirectWrite
      ? (target.latin1Write as Write)(text, offset)
      : bytes.write(text, offset, 'latin1'))
  )
}

/** The encoded line last used for a header name; bounded. */
interface Line {
  value: string
  encoded: Uint8Array
}
const lines = new Map<string, Line>()
const LINES_MAX = 128
const LINE_VALUE_MAX = 512

function writeLine(name: string, value: string, offset: number): number {
  const line = lines.get(name)
  if (line !== undefined && line.value === value) {
    bytes.set(line.encoded, offset)
    return offset + line.encoded.length
  }
  const end = writeLatin1(`${name}: ${value}\r\n`, offset)
  if (value.length <= LINE_VALUE_MAX) {
    if (line !== undefined) {
      line.value = value
      line.encoded = Uint8Array.prototype.slice.call(bytes, offset, end)
    } else if (lines.size < LINES_MAX) {
      lines.set(name, { value, encoded: Uint8Array.prototype.slice.call(bytes, offset, end) })
    }
  }
  return end
}

function lineBytes(headers: ResponseHeaders): number {
  let total = LINE_OVERHEAD
  for (let index = 0; index < headers.count; index++) {
    total += headers.name(index).length + headers.value(index).length + LINE_OVERHEAD
  }
  return total
}

/** Writes [length][lines] and gives the offset behind; content-type and the writer's own lines are left out. */
function writeLines(
  headers: ResponseHeaders | null,
  further: string,
  offset: number,
  flags: number,
): number {
  let end = offset + 4
  if (headers !== null) {
    for (let index = 0; index < headers.count; index++) {
      const name = headers.name(index)
      if (name === 'content-type' || name === 'connection') continue
      if (name === 'content-length' && (flags & RESPONSE_FLAG_OWN_LENGTH) === 0) continue
      end = writeLine(name, headers.value(index), end)
    }
  }
  if (further !== '') end = writeLatin1(further, end)
  bytes.writeUInt32LE(end - offset - 4, offset)
  return end
}

function flagsOf(answer: Answer): number {
  let flags = answer.methodId === METHOD_HEAD ? RESPONSE_FLAG_OMIT_BODY : 0
  const headers = answer.answerHeaders
  if (headers !== null && headers.count > 0) {
    if (headers.find('date') >= 0) flags |= RESPONSE_FLAG_OWN_DATE
    if (headers.find('connection') >= 0) flags |= RESPONSE_FLAG_CLOSE
    // The length that GET would have, of a handler that made no body for it (RES-4).
    if (
      answer.methodId === METHOD_HEAD &&
      answer.answerBody === null &&
      headers.find('content-length') >= 0
    )
      flags |= RESPONSE_FLAG_OWN_LENGTH
  }
  return flags
}

function contentType(answer: Answer): string | null {
  const headers = answer.answerHeaders
  if (headers !== null && headers.count > 0) {
    const index = headers.find('content-type')
    if (index >= 0) return headers.value(index)
  }
  return answer.answerType ?? (TYPES[answer.answerKind] as string | null)
}

/** Hands a complete answer to the engine. False, and nothing was done: its body is too large for one record. */
export function writeAnswer(answer: Answer): boolean {
  const headers = answer.answerHeaders
  const kind = answer.answerKind
  const body = answer.answerBody
  if (body !== null && body.length > COPIED_BYTES_MAX) return false
  if (
    kind <= ANSWER_JSON &&
    answer.answerStatus === 200 &&
    answer.answerType === null &&
    (headers === null || headers.count === 0)
  ) {
    const id = wholeBlock(kind, TYPES[kind] as string, body as string, answer)
    if (id !== 0) {
      const flags = answer.methodId === METHOD_HEAD ? RESPONSE_FLAG_OMIT_BODY : 0
      commitWhole(answer, RESPONSE_KIND_WHOLE | flags, id)
      return true
    }
  }
  openRecord(answer.engine)
  writeRecord(answer, flagsOf(answer), '', body)
  return true
}

/** Writes the head of an answer whose body, if it has one, follows in records of its own. */
export function writeHead(answer: Answer, flags: number, framing: string): void {
  openRecord(answer.engine)
  writeRecord(answer, flagsOf(answer) | flags, framing, null)
}

function writeRecord(
  answer: Answer,
  flags: number,
  framing: string,
  body: string | Uint8Array | null,
): void {
  const engine = answer.engine
  const headers = answer.answerHeaders
  const type = contentType(answer)
  let head = headBlock(answer.answerStatus, type)
  let further = framing
  if (head === 0) {
    head = headBlock(answer.answerStatus, null)
    further += `content-type: ${type}\r\n`
  }
  const bodyMost = body === null ? 0 : typeof body === 'string' ? body.length * 3 : body.length
  const hasLines = further !== '' || (headers !== null && headers.count > 0)
  const linesMost = hasLines
    ? (headers === null ? LINE_OVERHEAD : lineBytes(headers)) + further.length
    : 0
  const start = reserve(engine, bodyMost + linesMost + 8)
  if (start === 0) throw new RangeError('the header lines of an answer exceed 256 KiB: send less')
  let end = start
  let extra = 0
  if (hasLines) {
    extra = start
    end = (writeLines(headers, further, start, flags) + 3) & ~3
  }
  const bodyAt = end
  if (body !== null) {
    if (typeof body === 'string') end = writeText(body, end)
    else {
      bytes.set(body, end)
      end += body.length
    }
  }
  commitBytes(end)
  commitRecord(answer, RESPONSE_KIND_HEAD | flags, head, end - bodyAt, bodyAt, extra)
}
