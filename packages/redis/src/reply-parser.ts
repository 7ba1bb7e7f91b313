// Hot path: RESP2 and RESP3 replies, parsed in place in the chunks of a connection.
import { constants, isAscii } from 'node:buffer'
import {
  type AggregateKind,
  BAD_KEY,
  DROPPED,
  LIST,
  NESTING_MAX,
  OBJECT,
  OpenAggregates,
  UNFINISHED,
} from './reply-aggregates.ts'
import { HeldBytes } from './reply-bytes.ts'
import {
  bytesOf,
  parseDigits,
  parseDouble,
  parseInteger,
  type SliceableBuffer,
  textOf,
} from './reply-strings.ts'
import {
  ARRAY,
  ATTRIBUTE,
  BIG_NUMBER,
  BLOB_ERROR,
  BOOLEAN,
  BULK_STRING,
  COLON,
  CR,
  DOUBLE,
  FALSE,
  INTEGER,
  isError,
  isNullHeader,
  isOK,
  isText,
  LF,
  LINE_BYTES_MAX,
  lineEnd,
  MAP,
  NULL,
  PUSH,
  quoted,
  SIMPLE_ERROR,
  SIMPLE_STRING,
  TRUE,
  VERBATIM,
  ZERO,
} from './reply-types.ts'

/** Strings become JavaScript strings, decoded as UTF-8. */
export const TEXT = 0
/** Strings become Buffers that own their memory. */
export const BYTES = 1
/** How the strings of the next reply are decoded. */
export type Decoding = typeof TEXT | typeof BYTES

/** Who gets the replies. No method may throw; each may call `ReplyParser.stop`. */
export interface ReplyReceiver {
  /** Asked once for each top-level reply that is neither a push nor an error, before it is decoded. */
  decoding(): Decoding
  reply(value: unknown): void
  /** A top-level error; errors inside an array are elements of it. */
  error(error: Error): void
  /** A push of RESP3; its strings are Buffers always. */
  push(value: unknown[]): void
}

type ErrorClass = new (message: string) => Error

export interface ReplyParserOptions {
  /** Shapes of RESP3's own types, as ioredis's option `replyMapping`. */
  mapping: 'legacy' | 'resp3'
  /** Integers and doubles as strings. */
  stringNumbers: boolean
  /** Longest bulk string and longest line. */
  maxReplyBytes: number
  /** Most elements of one array, set, push or map (keys and values counted). */
  maxReplyElements: number
  SimpleError: ErrorClass
  BlobError: ErrorClass
}

/** The peer does not speak RESP, or exceeds a limit: nothing after it can be trusted. */
export class ParserError extends Error {
  override readonly name: string = 'ParserError'
}

/** What the next byte belongs to. */
const AT_TYPE = 0
const IN_LINE = 1
const AT_LINE_FEED = 2
const IN_BULK = 3
const AT_BULK_LINE_FEED = 4

/** Sizes and integers of more digits leave the straight loop: in there all are small integers. */
const FAST_DIGITS_MAX = 9

/** What a chunk holds. To ask that of all of it costs less than to decode one value as UTF-8. */
const UNKNOWN = 0
const ASCII = 1
const MIXED = 2

/** In a smaller chunk are too few values to ask. */
const ASCII_CHECK_BYTES = 256

/** `txt:` before a verbatim string. */
const VERBATIM_PREFIX_BYTES = 4

/**
 * Parses the bytes of one connection. A value that is complete in its chunk is read in place by
 * `parse` itself; whatever ends in a later chunk, and every rare type, goes through the methods
 * below it, which can stop behind each byte and go on in the next chunk.
 */
export class ReplyParser {
  readonly #receiver: ReplyReceiver
  readonly #objects: boolean
  readonly #stringNumbers: boolean
  readonly #doublesAsNumbers: boolean
  readonly #bytesMax: number
  /** Of these `parse` knows that they make a string. */
  readonly #inPlaceBytesMax: number
  readonly #elementsMax: number
  readonly #SimpleError: ErrorClass
  readonly #BlobError: ErrorClass

  #stopped: boolean
  #failure: ParserError | null

  #phase: number
  /** Of the value whose line or bulk is being read. */
  #type: number
  #bulkBytes: number
  readonly #held: HeldBytes

  #decoding: Decoding
  #inPush: boolean
  /** Why the present reply cannot be delivered: one of its strings is too long for V8. */
  #undecodable: Error | null
  readonly #aggregates: OpenAggregates

  constructor(receiver: ReplyReceiver, options: ReplyParserOptions) {
    this.#receiver = receiver
    this.#objects = options.mapping === 'resp3'
    this.#stringNumbers = options.stringNumbers
    this.#doublesAsNumbers = this.#objects && !options.stringNumbers
    this.#bytesMax = options.maxReplyBytes
    this.#inPlaceBytesMax = Math.min(options.maxReplyBytes, constants.MAX_STRING_LENGTH)
    this.#elementsMax = options.maxReplyElements
    this.#SimpleError = options.SimpleError
    this.#BlobError = options.BlobError
    this.#stopped = false
    this.#failure = null
    this.#phase = AT_TYPE
    this.#type = 0
    this.#bulkBytes = 0
    this.#held = new HeldBytes()
    this.#decoding = BYTES
    this.#inPush = false
    this.#undecodable = null
    this.#aggregates = new OpenAggregates()
  }

  /** Bytes kept of a value whose end has not arrived. */
  get pendingBytes(): number {
    return this.#held.length
  }

  /** Nothing is parsed any more, not even the rest of the present chunk. */
  stop(): void {
    this.#stopped = true
    this.#held.clear()
    this.#aggregates.clear()
  }

  /**
   * Parses what arrived and hands each finished reply to the receiver.
   *
   * @throws ParserError when this is no RESP or exceeds a limit, and on every later call.
   */
  parse(chunk: Buffer): void {
    if (this.#failure !== null) throw this.#failure
    const length = chunk.length
    if (length === 0 || this.#stopped) return
    const bytes = chunk as SliceableBuffer
    const receiver = this.#receiver
    const aggregates = this.#aggregates
    let contents = length < ASCII_CHECK_BYTES ? MIXED : UNKNOWN
    let offset = this.#phase === AT_TYPE ? 0 : this.#resume(bytes)
    while (offset < length && !this.#stopped) {
      const type = bytes[offset]!
      let position = offset + 1
      let value: unknown
      if (type === SIMPLE_STRING) {
        if (!isOK(bytes, offset, length)) {
          offset = this.#begin(bytes, offset)
          continue
        }
        const decoding = aggregates.depth === 0 ? receiver.decoding() : this.#decoding
        value = decoding === TEXT ? 'OK' : bytesOf(bytes, position, position + 2)
        offset += 5
      } else if (type === NULL) {
        if (offset + 3 > length || bytes[position] !== CR || bytes[position + 1] !== LF) {
          offset = this.#begin(bytes, offset)
          continue
        }
        if (aggregates.depth === 0) receiver.decoding()
        value = null
        offset += 3
      } else if (type === BULK_STRING || type === INTEGER || type === ARRAY || type === MAP) {
        let number = 0
        const digits = position
        while (position < length) {
          const digit = bytes[position]! - ZERO
          if (digit < 0 || digit > 9 || position - digits === FAST_DIGITS_MAX) break
          number = number * 10 + digit
          position++
        }
        // In one place all that is rare: a sign, many digits, none, no CRLF here.
        if (
          position === digits ||
          position + 2 > length ||
          bytes[position] !== CR ||
          bytes[position + 1] !== LF
        ) {
          offset = this.#begin(bytes, offset)
          continue
        }
        const next = position + 2
        if (type === BULK_STRING) {
          const end = next + number
          if (
            end + 2 > length ||
            number > this.#inPlaceBytesMax ||
            bytes[end] !== CR ||
            bytes[end + 1] !== LF
          ) {
            offset = this.#begin(bytes, offset)
            continue
          }
          const decoding = aggregates.depth === 0 ? receiver.decoding() : this.#decoding
          if (decoding === BYTES) {
            value = bytesOf(bytes, next, end)
          } else {
            if (contents === UNKNOWN) contents = isAscii(bytes) ? ASCII : MIXED
            value = contents === ASCII ? bytes.latin1Slice(next, end) : textOf(bytes, next, end)
          }
          offset = end + 2
        } else if (type === INTEGER) {
          if (aggregates.depth === 0) receiver.decoding()
          value = this.#stringNumbers ? bytes.latin1Slice(digits, position) : number
          offset = next
        } else {
          if (aggregates.depth === 0) {
            this.#decoding = receiver.decoding()
            if (this.#stopped) return
          }
          this.#open(type, number)
          offset = next
          continue
        }
      } else {
        offset = this.#begin(bytes, offset)
        continue
      }
      if (aggregates.depth > 0) this.#add(value)
      else if (!this.#stopped) receiver.reply(value)
    }
  }

  #fail(message: string): never {
    this.stop()
    this.#failure = new ParserError(message)
    throw this.#failure
  }

  #failLine(): never {
    this.#fail(`Invalid RESP line of type ${quoted(this.#type)}`)
  }

  #resume(chunk: SliceableBuffer): number {
    switch (this.#phase) {
      case IN_LINE:
        return this.#line(chunk, 0)
      case AT_LINE_FEED:
        if (chunk[0] !== LF) this.#fail('Missing CRLF')
        return this.#lineComplete(chunk, 0, 0, 1)
      case IN_BULK:
        return this.#bulk(chunk, 0)
      default:
        if (chunk[0] !== LF) this.#fail('Missing CRLF')
        return this.#bulkComplete(chunk, 0, 0, 1)
    }
  }

  /** At the first byte of a value of any type. Returns where to go on, as all that follow do. */
  #begin(chunk: SliceableBuffer, offset: number): number {
    const type = chunk[offset]!
    if (LINE_BYTES_MAX[type]! < 0 || (type === PUSH && this.#aggregates.depth > 0)) {
      this.#fail(`Unknown RESP type ${quoted(type)}`)
    }
    if (this.#aggregates.depth === 0) {
      this.#inPush = type === PUSH
      const asks = type !== PUSH && type !== ATTRIBUTE && !isError(type)
      this.#decoding = asks ? this.#receiver.decoding() : BYTES
      if (this.#stopped) return chunk.length
    }
    this.#type = type
    return this.#line(chunk, offset + 1)
  }

  #line(chunk: SliceableBuffer, offset: number): number {
    const { length } = chunk
    const end = lineEnd(chunk, offset)
    const size = this.#held.length + end - offset
    if (isText(this.#type)) {
      if (size > this.#bytesMax) this.#fail(`Line exceeds maxReplyBytes ${this.#bytesMax}`)
    } else if (size > LINE_BYTES_MAX[this.#type]!) {
      this.#failLine()
    }
    if (end + 1 < length) {
      if (chunk[end + 1] !== LF) this.#fail('Missing CRLF')
      return this.#lineComplete(chunk, offset, end, end + 2)
    }
    this.#held.add(chunk, offset, end)
    this.#phase = end === length ? IN_LINE : AT_LINE_FEED
    return length
  }

  #lineComplete(chunk: SliceableBuffer, from: number, to: number, next: number): number {
    this.#phase = AT_TYPE
    let line = chunk
    let start = from
    let end = to
    if (this.#held.length > 0) {
      start = 0
      end = this.#held.length + to - from
      line = this.#takeHeld(this.#decoding === BYTES, chunk, from, to)
    }
    const type = this.#type
    switch (type) {
      case SIMPLE_STRING:
        this.#deliver(this.#string(line, start, end))
        return next
      case SIMPLE_ERROR:
        this.#deliverError(this.#SimpleError, line, start, end)
        return next
      case BIG_NUMBER:
        this.#deliver(this.#text(line, start, end))
        return next
      case DOUBLE:
        this.#deliver(this.#double(line, start, end))
        return next
      case INTEGER:
        this.#deliver(this.#integer(line, start, end))
        return next
      case BOOLEAN:
        this.#deliver(this.#boolean(line[start]!, end - start))
        return next
      case NULL:
        this.#deliver(null)
        return next
      default:
        return this.#headerComplete(line, start, end, chunk, next)
    }
  }

  #headerComplete(
    line: SliceableBuffer,
    start: number,
    end: number,
    chunk: SliceableBuffer,
    next: number,
  ): number {
    const type = this.#type
    if (isNullHeader(type, line, start, end)) {
      this.#deliver(null)
      return next
    }
    const number = parseDigits(line, start, end)
    if (Number.isNaN(number)) this.#failLine()
    if (type !== BULK_STRING && type !== VERBATIM && type !== BLOB_ERROR) {
      this.#open(type, number)
      return next
    }
    if (number > this.#bytesMax) {
      this.#fail(`Bulk reply of ${number} bytes exceeds maxReplyBytes ${this.#bytesMax}`)
    }
    if (type === VERBATIM && number < VERBATIM_PREFIX_BYTES) this.#fail('Invalid verbatim string')
    this.#bulkBytes = number
    return this.#bulk(chunk, next)
  }

  #bulk(chunk: SliceableBuffer, offset: number): number {
    const { length } = chunk
    const end = offset + this.#bulkBytes - this.#held.length
    if (end + 1 < length) {
      if (chunk[end] !== CR || chunk[end + 1] !== LF) this.#fail('Missing CRLF')
      return this.#bulkComplete(chunk, offset, end, end + 2)
    }
    this.#held.add(chunk, offset, Math.min(end, length))
    this.#phase = IN_BULK
    if (end + 1 === length) {
      if (chunk[end] !== CR) this.#fail('Missing CRLF')
      this.#phase = AT_BULK_LINE_FEED
    }
    return length
  }

  #bulkComplete(chunk: SliceableBuffer, start: number, end: number, next: number): number {
    this.#phase = AT_TYPE
    if (this.#held.length === 0) {
      this.#deliverBulk(chunk, start, end, false)
      return next
    }
    if (this.#isHopeless(chunk, start, end)) {
      this.#held.clear()
      this.#undecodable = stringTooLong()
      this.#deliver(null)
      return next
    }
    const owned = this.#decoding === BYTES && this.#type !== BLOB_ERROR
    this.#deliverBulk(this.#takeHeld(owned, chunk, start, end), 0, this.#bulkBytes, owned)
    return next
  }

  /** Known without the memory of one more copy, which Node takes before it finds that out. */
  #isHopeless(chunk: Buffer, start: number, end: number): boolean {
    return (
      this.#bulkBytes > constants.MAX_STRING_LENGTH &&
      this.#decoding === TEXT &&
      this.#type === BULK_STRING &&
      this.#held.isAscii() &&
      isAscii(chunk.subarray(start, end))
    )
  }

  #takeHeld(owned: boolean, chunk: Buffer, start: number, end: number): SliceableBuffer {
    const held = this.#held
    const all = owned ? held.takeOwned(chunk, start, end) : held.takeBorrowed(chunk, start, end)
    return all as SliceableBuffer
  }

  #deliverBulk(source: SliceableBuffer, from: number, end: number, owned: boolean): void {
    if (this.#type === BLOB_ERROR) {
      this.#deliverError(this.#BlobError, source, from, end)
      return
    }
    let start = from
    if (this.#type === VERBATIM) {
      start += VERBATIM_PREFIX_BYTES
      if (source[start - 1] !== COLON) this.#fail('Invalid verbatim string')
    }
    this.#deliver(owned ? source.subarray(start, end) : this.#string(source, start, end))
  }

  #string(source: SliceableBuffer, start: number, end: number): unknown {
    return this.#decoding === TEXT ? this.#text(source, start, end) : bytesOf(source, start, end)
  }

  #text(source: SliceableBuffer, start: number, end: number): unknown {
    if (end - start > constants.MAX_STRING_LENGTH) return this.#longText(source, start, end)
    return textOf(source, start, end)
  }

  /** Of more bytes than a string can have characters; null when these are too many too. */
  #longText(source: SliceableBuffer, start: number, end: number): unknown {
    try {
      return textOf(source, start, end)
    } catch (error) {
      this.#undecodable = error as Error
      return null
    }
  }

  #double(line: SliceableBuffer, start: number, end: number): unknown {
    if (!this.#doublesAsNumbers) {
      return this.#stringNumbers ? this.#text(line, start, end) : this.#string(line, start, end)
    }
    const number = parseDouble(line.latin1Slice(start, end))
    return number ?? this.#failLine()
  }

  #integer(line: SliceableBuffer, start: number, end: number): unknown {
    const number = parseInteger(line, start, end)
    if (Number.isNaN(number)) this.#failLine()
    return this.#stringNumbers ? line.latin1Slice(start, end) : number
  }

  #boolean(byte: number, size: number): unknown {
    if (size !== 1 || (byte !== TRUE && byte !== FALSE)) this.#failLine()
    if (this.#objects) return byte === TRUE
    return byte === TRUE ? 1 : 0
  }

  #open(type: number, count: number): void {
    const elements = type === MAP || type === ATTRIBUTE ? count * 2 : count
    if (elements > this.#elementsMax) {
      this.#fail(`Reply of ${elements} elements exceeds maxReplyElements ${this.#elementsMax}`)
    }
    let kind: AggregateKind = LIST
    if (type === ATTRIBUTE) kind = DROPPED
    else if (type === MAP && this.#objects) kind = OBJECT
    if (elements === 0) {
      if (kind !== DROPPED) this.#deliver(kind === LIST ? [] : {})
      return
    }
    if (this.#aggregates.depth === NESTING_MAX)
      this.#fail(`Reply nested deeper than ${NESTING_MAX}`)
    this.#aggregates.open(kind, elements)
  }

  #add(element: unknown): void {
    const root = this.#aggregates.add(element)
    if (root === UNFINISHED) return
    if (root === BAD_KEY) this.#fail('Invalid key in map reply')
    this.#deliver(root)
  }

  #deliver(value: unknown): void {
    if (this.#aggregates.depth > 0) {
      this.#add(value)
    } else if (this.#inPush) {
      this.#inPush = false
      this.#undecodable = null
      this.#receiver.push(value as unknown[])
    } else if (this.#undecodable !== null) {
      const error = this.#undecodable
      this.#undecodable = null
      this.#receiver.error(error)
    } else {
      this.#receiver.reply(value)
    }
  }

  #deliverError(
    ErrorOfType: ErrorClass,
    source: SliceableBuffer,
    start: number,
    end: number,
  ): void {
    const message = this.#text(source, start, end)
    const error = this.#undecodable ?? new ErrorOfType(message as string)
    if (this.#aggregates.depth > 0) {
      this.#add(error)
      return
    }
    this.#undecodable = null
    this.#receiver.error(error)
  }
}

/** As Node's own, which is thrown for such a string. */
function stringTooLong(): Error {
  const limit = `0x${constants.MAX_STRING_LENGTH.toString(16)}`
  const error = new Error(`Cannot create a string longer than ${limit} characters`)
  return Object.assign(error, { code: 'ERR_STRING_TOO_LONG' })
}
