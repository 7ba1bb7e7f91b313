// Writes response records and their bytes as core would: the other half of the shared block, in its simplest form.

import type { BatchMemory } from '@celeris/engine'
import {
  BLOCK_BODY,
  BLOCK_BYTES_OFFSET,
  BLOCK_DATE,
  BLOCK_LENGTH,
  BLOCK_OFFSET,
  BLOCK_STATUS,
  BLOCK_TABLE_WORD,
  BLOCK_WORDS,
  CONTROL_BLOCK_COUNT,
  CONTROL_OUTPUT_USED,
  CONTROL_RESPONSE_COUNT,
  OUTPUT_BYTES_MAX,
  OUTPUT_OFFSET,
  RESPONSE_BODY,
  RESPONSE_EXTRA,
  RESPONSE_FLAG_CHUNKED,
  RESPONSE_FLAG_CLOSE,
  RESPONSE_FLAG_CUT,
  RESPONSE_FLAG_MORE,
  RESPONSE_FLAG_OMIT_BODY,
  RESPONSE_FLAG_OWN_DATE,
  RESPONSE_FLAG_OWN_LENGTH,
  RESPONSE_GENERATION,
  RESPONSE_HEAD,
  RESPONSE_KIND_COMMAND,
  RESPONSE_KIND_FLAGS,
  RESPONSE_KIND_HEAD,
  RESPONSE_KIND_HEAD_BLOCK,
  RESPONSE_KIND_INTERIM,
  RESPONSE_KIND_RAW,
  RESPONSE_KIND_WHOLE,
  RESPONSE_LENGTH,
  RESPONSE_SEQUENCE,
  RESPONSE_SLOT,
  RESPONSE_WORDS,
  RESPONSES_MAX,
  RESPONSES_WORD,
} from '@celeris/engine/layout'

/** Names a request: what a record must repeat to be accepted. */
export interface RequestName {
  readonly slot: number
  readonly generation: number
  readonly sequence: number
}

/** A record word by word, for cases that forge one. */
export interface RecordWords extends RequestName {
  readonly kindFlags: number
  readonly head: number
  readonly length?: number
  readonly body?: number
  readonly extra?: number
}

export interface AnswerParts {
  readonly status?: number
  readonly phrase?: string
  /** Lines of the head block, each without CRLF. */
  readonly head?: readonly string[]
  /** Further lines, each without CRLF, sent as EXTRA. */
  readonly extra?: readonly string[]
  readonly body?: string | Uint8Array
  readonly close?: boolean
  readonly omitBody?: boolean
  readonly ownDate?: boolean
  /** Parts follow. */
  readonly more?: boolean
  readonly chunked?: boolean
  /** `extra` brings the framing. */
  readonly ownLength?: boolean
  readonly cut?: boolean
}

/** How a part of a body is sent. */
export type PartFlags = Pick<AnswerParts, 'more' | 'chunked' | 'cut' | 'close'>

/** 29 bytes that no clock prints: an engine that does not fill in the date is seen. */
const DATE_PLACEHOLDER = 'Thu, 01 Jan 1970 00:00:00 GMT'

export class ResponseWriter {
  readonly #words: Int32Array
  readonly #bytes: Buffer
  readonly #flush: () => void
  readonly #interned = new Map<string, number>()
  #blockBytesUsed = 0

  constructor(memory: BatchMemory, flush: () => void) {
    this.#words = memory.words
    this.#bytes = memory.bytes
    this.#flush = flush
    this.#words[CONTROL_BLOCK_COUNT] = 1
  }

  /** Interns bytes once and returns the id of their block. */
  block(text: string, marks: { date?: number; body?: number; status?: number } = {}): number {
    const known = this.#interned.get(text)
    if (known !== undefined) return known
    const words = this.#words
    const id = words[CONTROL_BLOCK_COUNT] as number
    const at = BLOCK_TABLE_WORD + id * BLOCK_WORDS
    const offset = BLOCK_BYTES_OFFSET + this.#blockBytesUsed
    const length = this.#bytes.write(text, offset, 'latin1')
    words.fill(0, at, at + BLOCK_WORDS)
    words[at + BLOCK_OFFSET] = offset
    words[at + BLOCK_LENGTH] = length
    words[at + BLOCK_DATE] = marks.date ?? 0
    words[at + BLOCK_BODY] = marks.body ?? 0
    words[at + BLOCK_STATUS] = marks.status ?? 0
    words[CONTROL_BLOCK_COUNT] = id + 1
    this.#blockBytesUsed += (length + 7) & ~7
    this.#interned.set(text, id)
    return id
  }

  /** Bytes of the output arena, sending what stands there when they do not fit. */
  reserve(count: number): number {
    if (count > OUTPUT_BYTES_MAX) throw new RangeError(`${count} bytes never fit the output arena`)
    let used = ((this.#words[CONTROL_OUTPUT_USED] as number) + 3) & ~3
    if (used + count > OUTPUT_BYTES_MAX) {
      this.#flush()
      used = 0
    }
    this.#words[CONTROL_OUTPUT_USED] = used + count
    return OUTPUT_OFFSET + used
  }

  /** Appends a record as given, right or wrong. */
  record(words: RecordWords): void {
    if ((this.#words[CONTROL_RESPONSE_COUNT] as number) >= RESPONSES_MAX) this.#flush()
    const count = this.#words[CONTROL_RESPONSE_COUNT] as number
    const at = RESPONSES_WORD + count * RESPONSE_WORDS
    this.#words[at + RESPONSE_SLOT] = words.slot
    this.#words[at + RESPONSE_GENERATION] = words.generation
    this.#words[at + RESPONSE_SEQUENCE] = words.sequence
    this.#words[at + RESPONSE_KIND_FLAGS] = words.kindFlags
    this.#words[at + RESPONSE_HEAD] = words.head
    this.#words[at + RESPONSE_LENGTH] = words.length ?? 0
    this.#words[at + RESPONSE_BODY] = words.body ?? 0
    this.#words[at + RESPONSE_EXTRA] = words.extra ?? 0
    this.#words[CONTROL_RESPONSE_COUNT] = count + 1
  }

  headBlock(parts: AnswerParts): number {
    const status = parts.status ?? 200
    const lines = [
      `HTTP/1.1 ${status} ${parts.phrase ?? 'OK'}`,
      ...(parts.head ?? ['content-type: text/plain']),
    ]
    return this.block(lines.map((line) => `${line}\r\n`).join(''), { status })
  }

  /** Answers with a head block, extra lines and a body in the arena. */
  answer(request: RequestName, parts: AnswerParts = {}): void {
    const body =
      typeof parts.body === 'string'
        ? Buffer.from(parts.body, 'latin1')
        : (parts.body ?? Buffer.alloc(0))
    const lines = (parts.extra ?? []).map((line) => `${line}\r\n`).join('')
    const head = this.headBlock(parts)
    // Room for record and bytes first, and one reservation for all bytes: a flush in between would lose them.
    if ((this.#words[CONTROL_RESPONSE_COUNT] as number) >= RESPONSES_MAX) this.#flush()
    const extraBytes = lines === '' ? 0 : (4 + lines.length + 3) & ~3
    const start = this.reserve(extraBytes + body.length)
    if (lines !== '') {
      this.#bytes.writeUInt32LE(lines.length, start)
      this.#bytes.write(lines, start + 4, 'latin1')
    }
    this.#bytes.set(body, start + extraBytes)
    this.record({
      ...nameOf(request),
      kindFlags: RESPONSE_KIND_HEAD | flagsOf(parts),
      head,
      length: body.length,
      body: start + extraBytes,
      extra: lines === '' ? 0 : start,
    })
  }

  /** Answers with a head block and a body block. */
  answerBlocks(request: RequestName, parts: AnswerParts & { body: string }): void {
    const head = this.headBlock(parts)
    const body = this.block(`${parts.body}`)
    this.record({
      ...nameOf(request),
      kindFlags: RESPONSE_KIND_HEAD_BLOCK | flagsOf(parts),
      head,
      body,
    })
  }

  /** Answers with one block that is the complete answer, its date a placeholder. */
  answerWhole(request: RequestName, body: string, parts: AnswerParts = {}): void {
    const before = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\ndate: `
    const head = `${before}${DATE_PLACEHOLDER}\r\n\r\n`
    const id = this.block(head + body, { date: before.length, body: head.length, status: 200 })
    this.record({ ...nameOf(request), kindFlags: RESPONSE_KIND_WHOLE | flagsOf(parts), head: id })
  }

  /** One more part of an answer whose head said so. */
  part(request: RequestName, bytes: string | Uint8Array, flags: PartFlags = {}): void {
    this.#raw(request, bytes, RESPONSE_KIND_RAW | flagsOf(flags))
  }

  /** An interim answer, as it is sent. */
  interim(request: RequestName, text: string): void {
    this.#raw(request, text, RESPONSE_KIND_INTERIM | RESPONSE_FLAG_MORE)
  }

  #raw(request: RequestName, bytes: string | Uint8Array, kindFlags: number): void {
    const all = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    if ((this.#words[CONTROL_RESPONSE_COUNT] as number) >= RESPONSES_MAX) this.#flush()
    const head = this.reserve(all.length)
    this.#bytes.set(all, head)
    this.record({ ...nameOf(request), kindFlags, head, length: all.length })
  }

  command(request: RequestName, command: number): void {
    this.record({ ...nameOf(request), kindFlags: RESPONSE_KIND_COMMAND, head: command })
  }
}

/** Only the name of a request, without what a case may know besides. */
export const nameOf = ({ slot, generation, sequence }: RequestName): RequestName => ({
  slot,
  generation,
  sequence,
})

function flagsOf(parts: AnswerParts): number {
  return (
    (parts.close === true ? RESPONSE_FLAG_CLOSE : 0) |
    (parts.omitBody === true ? RESPONSE_FLAG_OMIT_BODY : 0) |
    (parts.ownDate === true ? RESPONSE_FLAG_OWN_DATE : 0) |
    (parts.more === true ? RESPONSE_FLAG_MORE : 0) |
    (parts.chunked === true ? RESPONSE_FLAG_CHUNKED : 0) |
    (parts.ownLength === true ? RESPONSE_FLAG_OWN_LENGTH : 0) |
    (parts.cut === true ? RESPONSE_FLAG_CUT : 0)
  )
}
