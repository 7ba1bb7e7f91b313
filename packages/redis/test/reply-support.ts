import { inspect, isDeepStrictEqual } from 'node:util'
import DataHandler from 'ioredis/built/DataHandler.js'
import * as errors from 'ioredis/built/resp/errors.js'
import { convertBufferToString } from 'ioredis/built/utils/index.js'
import { expect } from 'vitest'
import {
  BYTES,
  type Decoding,
  ReplyParser,
  type ReplyParserOptions,
  type ReplyReceiver,
  TEXT,
} from '../src/reply-parser.ts'

const { SimpleError, BlobError } = errors as unknown as Record<
  'SimpleError' | 'BlobError',
  new (
    message: string,
  ) => Error
>

/** What an options object says about the shapes of replies. */
export interface Shapes {
  readonly mapping: 'legacy' | 'resp3'
  readonly stringNumbers: boolean
}

export const ALL_SHAPES: readonly Shapes[] = [
  { mapping: 'legacy', stringNumbers: false },
  { mapping: 'legacy', stringNumbers: true },
  { mapping: 'resp3', stringNumbers: false },
  { mapping: 'resp3', stringNumbers: true },
]

/** What a receiver was told. */
export type ReplyEvent = { reply: unknown } | { error: unknown } | { push: unknown }

/** Decodings asked for one reply after the other, again from the start at the end. */
export type Decodings = readonly Decoding[]

export const optionsOf = (shapes: Shapes): ReplyParserOptions => ({
  ...shapes,
  maxReplyBytes: 2 ** 29,
  maxReplyElements: 2 ** 27,
  SimpleError,
  BlobError,
})

/** A parser whose events are collected. */
export class Collector implements ReplyReceiver {
  readonly events: ReplyEvent[] = []
  readonly parser: ReplyParser
  /** How often the parser asked. */
  asked = 0
  readonly #decodings: Decodings

  constructor(options: ReplyParserOptions, decodings: Decodings) {
    this.#decodings = decodings
    this.parser = new ReplyParser(this, options)
  }

  decoding(): Decoding {
    return this.#decodings[this.asked++ % this.#decodings.length]!
  }

  reply(value: unknown): void {
    this.events.push({ reply: value })
  }

  error(error: Error): void {
    this.events.push({ error })
  }

  push(value: unknown[]): void {
    this.events.push({ push: value })
  }
}

/** What our parser makes of these chunks. */
export function parsed(
  chunks: readonly Buffer[],
  shapes: Shapes,
  decodings: Decodings,
): ReplyEvent[] {
  const collector = new Collector(optionsOf(shapes), decodings)
  for (const chunk of chunks) collector.parser.parse(chunk)
  return collector.events
}

/** What ioredis makes of these chunks, converted as its commands convert. */
export function parsedByStock(
  chunks: readonly Buffer[],
  shapes: Shapes,
  decodings: Decodings,
): ReplyEvent[] {
  const events: ReplyEvent[] = []
  let asked = 0
  class Handler extends (DataHandler as unknown as new (redis: object, options: object) => object) {
    returnReply(reply: unknown): void {
      const decoding = decodings[asked++ % decodings.length]
      events.push({ reply: decoding === TEXT ? convertBufferToString(reply, 'utf8') : reply })
    }
    returnError(error: unknown): void {
      events.push({ error })
    }
    returnPush(push: unknown): void {
      events.push({ push })
    }
    returnFatalError(error: unknown): void {
      throw error
    }
  }
  let write: (chunk: Buffer) => void = () => {}
  const stream = {
    prependListener: (_name: string, listener: typeof write) => {
      write = listener
    },
    resume: () => {},
  }
  const { mapping, stringNumbers } = shapes
  new Handler({ stream }, { replyMapping: mapping, stringNumbers })
  for (const chunk of chunks) write(Buffer.from(chunk))
  return events
}

/** The plainest reading of whole, valid replies: recursive, and nothing is kept. */
export function parsedNaively(bytes: Buffer, shapes: Shapes, decodings: Decodings): ReplyEvent[] {
  const { mapping, stringNumbers } = shapes
  const events: ReplyEvent[] = []
  let position = 0
  let asked = 0

  const line = (): Buffer => {
    const end = bytes.indexOf('\r\n', position)
    const found = bytes.subarray(position, end)
    position = end + 2
    return found
  }
  const bulk = (size: number): Buffer => {
    const found = bytes.subarray(position, position + size)
    position += size + 2
    return found
  }
  const typed = (): string => String.fromCharCode(bytes[position++]!)
  const list = (count: number, decoding: Decoding): unknown[] =>
    Array.from({ length: count }, () => value(typed(), decoding))

  const map = (count: number, decoding: Decoding): unknown => {
    if (mapping === 'legacy') return list(2 * count, decoding)
    const pairs = Array.from({ length: count }, () => {
      const key = String(value(typed(), TEXT))
      return [key, value(typed(), decoding)] as const
    })
    return Object.fromEntries(pairs)
  }

  const double = (text: Buffer, decoding: Decoding): unknown => {
    if (stringNumbers) return text.toString()
    if (mapping === 'legacy') return decoding === TEXT ? text.toString() : text
    return Number(text.toString().replace('inf', 'Infinity'))
  }

  const value = (type: string, decoding: Decoding): unknown => {
    if (type === '|') {
      list(2 * Number(line()), BYTES)
      return value(typed(), decoding)
    }
    const head = line()
    const string = (found: Buffer): unknown => (decoding === TEXT ? found.toString() : found)
    if ('$*'.includes(type) && head.toString() === '-1') return null
    switch (type) {
      case '_':
        return null
      case '#':
        return mapping === 'legacy' ? Number(head.toString() === 't') : head.toString() === 't'
      case ':':
        return stringNumbers ? head.toString() : Number(head)
      case '(':
        return head.toString()
      case ',':
        return double(head, decoding)
      case '+':
        return string(head)
      case '-':
        return new SimpleError(head.toString())
      case '$':
        return string(bulk(Number(head)))
      case '=':
        return string(bulk(Number(head)).subarray(4))
      case '!':
        return new BlobError(bulk(Number(head)).toString())
      case '%':
        return map(Number(head), decoding)
      default:
        return list(Number(head), decoding)
    }
  }

  while (position < bytes.length) {
    let type = typed()
    while (type === '|') {
      list(2 * Number(line()), BYTES)
      type = typed()
    }
    if (type === '>') events.push({ push: value(type, BYTES) })
    else if ('-!'.includes(type)) events.push({ error: value(type, TEXT) })
    else events.push({ reply: value(type, decodings[asked++ % decodings.length]!) })
  }
  return events
}

/** The bytes in chunks that end at these offsets, and at the end. */
export function cutAt(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const ends = [...new Set(offsets), bytes.length].sort((a, b) => a - b)
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
}

/** Equality by Node: vitest's own trips over own keys named `constructor` and `__proto__`. */
export function expectSame(actual: unknown, expected: unknown, about: string): void {
  if (isDeepStrictEqual(actual, expected)) return
  expect(printed(actual), about).toBe(printed(expected))
  expect.fail(`${about}: differs only in what is not printed`)
}

const printed = (value: unknown): string =>
  inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null })
