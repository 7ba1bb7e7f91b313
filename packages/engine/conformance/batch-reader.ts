// Reads request and event records of a batch into plain objects, checking every bound the contract promises.

import assert from 'node:assert/strict'
import type { BatchMemory } from '@celeris/engine'
import {
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
  METHOD_DELETE,
  METHOD_GET,
  METHOD_HEAD,
  METHOD_OPTIONS,
  METHOD_PATCH,
  METHOD_POST,
  METHOD_PUT,
  METHOD_TRACE,
  nameHash,
  REQUEST_BODY_LENGTH,
  REQUEST_BODY_OFFSET,
  REQUEST_CONTENT_LENGTH_LOW,
  REQUEST_FIELD_COUNT,
  REQUEST_FIELD_INDEX,
  REQUEST_GENERATION,
  REQUEST_HEAD_LENGTH,
  REQUEST_HEAD_OFFSET,
  REQUEST_LITERAL_ID,
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

/** A request as the engine described it, copied out of the shared block. */
export interface SeenRequest {
  readonly slot: number
  readonly generation: number
  readonly sequence: number
  readonly method: string
  readonly methodId: number
  readonly minor: number
  readonly flags: number
  readonly target: string
  readonly path: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** The complete body, or null when it follows in events. */
  readonly body: Buffer | null
  readonly contentLength: number
  readonly literalId: number
  /** Which call of dispatch brought it, from 0. */
  readonly batch: number
}

export interface SeenEvent {
  readonly slot: number
  readonly generation: number
  readonly sequence: number
  readonly kind: number
  readonly code: number
  readonly bytes: Buffer
}

const METHOD_IDS: Readonly<Record<string, number>> = {
  GET: METHOD_GET,
  HEAD: METHOD_HEAD,
  POST: METHOD_POST,
  PUT: METHOD_PUT,
  PATCH: METHOD_PATCH,
  DELETE: METHOD_DELETE,
  OPTIONS: METHOD_OPTIONS,
  TRACE: METHOD_TRACE,
}

function inInput(offset: number, length: number, what: string): void {
  const inside =
    offset >= INPUT_OFFSET && length >= 0 && offset + length <= INPUT_OFFSET + INPUT_BYTES_MAX
  assert.ok(inside, `${what}: ${length} bytes at ${offset} lie outside the input arena`)
}

function readFields(
  memory: BatchMemory,
  base: number,
  index: number,
  count: number,
): [string, string][] {
  const words = memory.words
  assert.ok(
    index >= 0 && count >= 0 && index + count <= FIELDS_MAX,
    `fields ${index} + ${count} outside the table`,
  )
  const fields: [string, string][] = []
  for (let i = 0; i < count; i++) {
    const at = base / 4 + FIELDS_WORD + (index + i) * FIELD_WORDS
    const lengths = words[at + FIELD_LENGTHS] as number
    const nameLength = lengths & 0xffff
    const valueLength = lengths >>> 16
    const nameOffset = words[at + FIELD_NAME_OFFSET] as number
    const valueOffset = words[at + FIELD_VALUE_OFFSET] as number
    inInput(nameOffset, nameLength, 'field name')
    if (valueLength > 0) inInput(valueOffset, valueLength, 'field value')
    const name = memory.bytes.toString('latin1', base + nameOffset, base + nameOffset + nameLength)
    assert.equal(words[at + FIELD_NAME_HASH], nameHash(name), `hash of field name ${name}`)
    fields.push([
      name,
      memory.bytes.toString('latin1', base + valueOffset, base + valueOffset + valueLength),
    ])
  }
  return fields
}

function readRequest(memory: BatchMemory, base: number, index: number, batch: number): SeenRequest {
  const words = memory.words
  const at = base / 4 + REQUESTS_WORD + index * REQUEST_WORDS
  const word = (field: number): number => words[at + field] as number
  const packed = word(REQUEST_METHOD_MINOR_FLAGS)
  const headOffset = word(REQUEST_HEAD_OFFSET)
  const headLength = word(REQUEST_HEAD_LENGTH)
  const targetOffset = word(REQUEST_TARGET_OFFSET)
  const pathLength = word(REQUEST_PATH_TARGET_LENGTH) & 0xffff
  const targetLength = word(REQUEST_PATH_TARGET_LENGTH) >>> 16
  const pathOffset = word(REQUEST_PATH_OFFSET)
  inInput(headOffset, headLength, 'head')
  inInput(targetOffset, targetLength, 'target')
  inInput(pathOffset, pathLength, 'path')
  const head = memory.bytes.toString('latin1', base + headOffset, base + headOffset + headLength)
  const target = memory.bytes.toString(
    'latin1',
    base + targetOffset,
    base + targetOffset + targetLength,
  )
  const method = head.slice(0, head.indexOf(' '))
  const methodId = packed & 0xff
  assert.equal(methodId, METHOD_IDS[method] ?? 0, `method id of ${method}`)
  assert.ok(
    head.startsWith(`${method} ${target} HTTP/1.`),
    `head starts with its request line: ${head.slice(0, 80)}`,
  )
  assert.ok(head.endsWith('\r\n\r\n'), 'head ends with its blank line')
  const bodyLength = word(REQUEST_BODY_LENGTH)
  const bodyOffset = word(REQUEST_BODY_OFFSET)
  if (bodyLength > 0) inInput(bodyOffset, bodyLength, 'body')
  return {
    slot: word(REQUEST_SLOT),
    generation: word(REQUEST_GENERATION),
    sequence: word(REQUEST_SEQUENCE),
    method,
    methodId,
    minor: (packed >>> 8) & 0xff,
    flags: packed >>> 16,
    target,
    path: memory.bytes.toString('latin1', base + pathOffset, base + pathOffset + pathLength),
    fields: readFields(memory, base, word(REQUEST_FIELD_INDEX), word(REQUEST_FIELD_COUNT)),
    body:
      bodyLength < 0
        ? null
        : Buffer.from(memory.bytes.subarray(base + bodyOffset, base + bodyOffset + bodyLength)),
    contentLength: word(REQUEST_CONTENT_LENGTH_LOW) >>> 0,
    literalId: word(REQUEST_LITERAL_ID),
    batch,
  }
}

/** All requests of a batch, in order. */
export function readRequests(
  memory: BatchMemory,
  base: number,
  count: number,
  batch: number,
): SeenRequest[] {
  assert.ok(count >= 0 && count <= REQUESTS_MAX, `${count} requests in one batch`)
  return Array.from({ length: count }, (_, index) => readRequest(memory, base, index, batch))
}

/** All events of a batch, in order. */
export function readEvents(memory: BatchMemory, base: number, count: number): SeenEvent[] {
  assert.ok(count >= 0 && count <= EVENTS_MAX, `${count} events in one batch`)
  return Array.from({ length: count }, (_, index) => {
    const at = base / 4 + EVENTS_WORD + index * EVENT_WORDS
    const word = (field: number): number => memory.words[at + field] as number
    const length = word(EVENT_LENGTH)
    const offset = word(EVENT_OFFSET)
    if (length > 0) inInput(offset, length, 'event bytes')
    return {
      slot: word(EVENT_SLOT),
      generation: word(EVENT_GENERATION),
      sequence: word(EVENT_SEQUENCE),
      kind: word(EVENT_KIND_CODE) & 0xff,
      code: word(EVENT_KIND_CODE) >>> 8,
      bytes:
        length > 0
          ? Buffer.from(memory.bytes.subarray(base + offset, base + offset + length))
          : Buffer.alloc(0),
    }
  })
}
