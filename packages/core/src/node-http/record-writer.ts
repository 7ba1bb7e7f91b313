// Requests and events → records of the shared block: what a native engine's parser writes, from node's parsed heads.
import type { BatchMemory, LiteralPath } from '@celeris/engine'
import {
  CONTROL_EVENT_COUNT,
  CONTROL_REQUEST_COUNT,
  EVENT_GENERATION,
  EVENT_KIND_CODE,
  EVENT_LENGTH,
  EVENT_OFFSET,
  EVENT_SEQUENCE,
  EVENT_SLOT,
  EVENT_WORDS,
  EVENTS_MAX,
  EVENTS_WORD,
  FIELD_LENGTHS,
  FIELD_NAME_HASH,
  FIELD_NAME_OFFSET,
  FIELD_VALUE_OFFSET,
  FIELD_WORDS,
  FIELDS_MAX,
  FIELDS_WORD,
  INPUT_BYTES_MAX,
  INPUT_OFFSET,
  METHOD_OTHER,
  nameHash,
  REQUEST_BODY_LENGTH,
  REQUEST_BODY_OFFSET,
  REQUEST_CONTENT_LENGTH_LOW,
  REQUEST_FIELD_COUNT,
  REQUEST_FIELD_INDEX,
  REQUEST_FLAG_BODY_COMPLETE,
  REQUEST_GENERATION,
  REQUEST_HEAD_LENGTH,
  REQUEST_HEAD_OFFSET,
  REQUEST_LITERAL_ID,
  REQUEST_LOOP_ID,
  REQUEST_METHOD_MINOR_FLAGS,
  REQUEST_PATH_OFFSET,
  REQUEST_PATH_TARGET_LENGTH,
  REQUEST_SEQUENCE,
  REQUEST_SLOT,
  REQUEST_TARGET_OFFSET,
  REQUEST_WORDS,
  REQUESTS_MAX,
  REQUESTS_WORD,
} from '@celeris/engine/layout'
import { METHOD_IDS } from '../method-table.ts'
import { type HeadVerdict, headBytes, type ParsedHead } from './request-check.ts'

/** Names a request to the engine that wrote its record. */
export interface RequestName {
  readonly slot: number
  readonly generation: number
  readonly sequence: number
}

/** A request ready for a batch. `body` is null when it follows in events. */
export interface PreparedRequest extends RequestName {
  readonly head: ParsedHead
  readonly verdict: HeadVerdict
  readonly body: Uint8Array | null
}

export interface PreparedEvent extends RequestName {
  readonly kind: number
  readonly code: number
  readonly bytes: Uint8Array | null
}

export class RecordWriter {
  readonly #memory: BatchMemory
  readonly #literals: ReadonlyMap<string, number>
  #inputUsed = 0
  #fieldsUsed = 0

  constructor(memory: BatchMemory, literals: readonly LiteralPath[]) {
    this.#memory = memory
    this.#literals = new Map(literals.map(({ path, id }) => [path, id]))
  }

  /** Forgets the batch before: its bytes are about to be reused. */
  begin(): void {
    this.#inputUsed = 0
    this.#fieldsUsed = 0
    this.#memory.words[CONTROL_REQUEST_COUNT] = 0
    this.#memory.words[CONTROL_EVENT_COUNT] = 0
  }

  get requests(): number {
    return this.#memory.words[CONTROL_REQUEST_COUNT] as number
  }

  get events(): number {
    return this.#memory.words[CONTROL_EVENT_COUNT] as number
  }

  #hasRoom(bytes: number): boolean {
    return this.#inputUsed + bytes <= INPUT_BYTES_MAX
  }

  /** Appends a request record; false when the batch has no room for it. */
  writeRequest(request: PreparedRequest): boolean {
    const { head, verdict, body } = request
    const count = this.requests
    const fields = head.fields.length / 2
    const bytes = headBytes(head) + (body?.byteLength ?? 0)
    if (count >= REQUESTS_MAX || this.#fieldsUsed + fields > FIELDS_MAX || !this.#hasRoom(bytes))
      return false
    const { words } = this.#memory
    const headOffset = INPUT_OFFSET + this.#inputUsed
    const targetOffset = headOffset + head.method.length + 1
    let at = this.#put(`${head.method} ${head.target} HTTP/1.${verdict.minor}\r\n`, headOffset)
    const fieldIndex = this.#fieldsUsed
    for (let i = 0; i < head.fields.length; i += 2)
      at = this.#writeField(head.fields[i] as string, head.fields[i + 1] as string, at)
    at = this.#put('\r\n', at)
    const headLength = at - headOffset
    const path = head.target.slice(verdict.pathStart, verdict.pathEnd)
    const bodyOffset = at
    if (body !== null && body.byteLength > 0) {
      this.#memory.bytes.set(body, at)
      at += body.byteLength
    }
    this.#inputUsed = at - INPUT_OFFSET
    const flags = verdict.flags | (body === null ? 0 : REQUEST_FLAG_BODY_COMPLETE)
    const record = REQUESTS_WORD + count * REQUEST_WORDS
    words[record + REQUEST_SLOT] = request.slot
    words[record + REQUEST_GENERATION] = request.generation
    words[record + REQUEST_SEQUENCE] = request.sequence
    words[record + REQUEST_METHOD_MINOR_FLAGS] =
      (METHOD_IDS.get(head.method) ?? METHOD_OTHER) | (verdict.minor << 8) | (flags << 16)
    words[record + REQUEST_HEAD_OFFSET] = headOffset
    words[record + REQUEST_TARGET_OFFSET] = targetOffset
    words[record + REQUEST_PATH_TARGET_LENGTH] = path.length | (head.target.length << 16)
    words[record + REQUEST_FIELD_INDEX] = fieldIndex
    words[record + REQUEST_FIELD_COUNT] = fields
    words[record + REQUEST_BODY_OFFSET] = bodyOffset
    words[record + REQUEST_BODY_LENGTH] = body === null ? -1 : body.byteLength
    words[record + REQUEST_LITERAL_ID] = this.#literals.get(path) ?? 0
    words[record + REQUEST_CONTENT_LENGTH_LOW] = verdict.contentLength | 0
    words[record + REQUEST_HEAD_LENGTH] = headLength
    words[record + REQUEST_LOOP_ID] = 0
    words[record + REQUEST_PATH_OFFSET] = targetOffset + verdict.pathStart
    words[CONTROL_REQUEST_COUNT] = count + 1
    return true
  }

  #put(text: string, at: number): number {
    return at + this.#memory.bytes.write(text, at, 'latin1')
  }

  #writeField(name: string, value: string, at: number): number {
    const { words } = this.#memory
    const record = FIELDS_WORD + this.#fieldsUsed * FIELD_WORDS
    words[record + FIELD_NAME_HASH] = nameHash(name)
    words[record + FIELD_NAME_OFFSET] = at
    words[record + FIELD_VALUE_OFFSET] = at + name.length + 2
    words[record + FIELD_LENGTHS] = name.length | (value.length << 16)
    this.#fieldsUsed++
    return this.#put(`${name}: ${value}\r\n`, at)
  }

  /** Appends an event record; false when the batch has no room for it. */
  writeEvent(event: PreparedEvent): boolean {
    const count = this.events
    const length = event.bytes?.byteLength ?? 0
    if (count >= EVENTS_MAX || !this.#hasRoom(length)) return false
    const { words, bytes } = this.#memory
    const offset = INPUT_OFFSET + this.#inputUsed
    if (event.bytes !== null) bytes.set(event.bytes, offset)
    this.#inputUsed += length
    const record = EVENTS_WORD + count * EVENT_WORDS
    words.fill(0, record, record + EVENT_WORDS)
    words[record + EVENT_SLOT] = event.slot
    words[record + EVENT_GENERATION] = event.generation
    words[record + EVENT_SEQUENCE] = event.sequence
    words[record + EVENT_KIND_CODE] = event.kind | (event.code << 8)
    words[record + EVENT_OFFSET] = length > 0 ? offset : 0
    words[record + EVENT_LENGTH] = length
    words[CONTROL_EVENT_COUNT] = count + 1
    return true
  }
}
