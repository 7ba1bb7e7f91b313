// Response records → answers, or their parts. Every word is checked before it is used: a record may be stale, double or wrong.
import type { BatchMemory } from '@celeris/engine'
import {
  BLOCK_BODY,
  BLOCK_BYTES_MAX,
  BLOCK_BYTES_OFFSET,
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

/** How a record leaves its answer. `cut` and `reset`: it ends there, incomplete, and so does the connection (RES-6). */
export type AnswerState = 'more' | 'whole' | 'cut' | 'reset'

/** An answer with everything but the connection's own fields; or its head, and the first part of its body. */
export interface Answer {
  readonly kind: 'answer'
  readonly status: number
  readonly phrase: string
  /** Names and values in turn: head lines, extra lines, framing, date. */
  readonly fields: string[]
  readonly body: Buffer
  readonly close: boolean
  readonly state: AnswerState
}

/** Bytes that follow a head. */
export interface Part {
  readonly kind: 'part'
  readonly bytes: Buffer
  readonly state: AnswerState
}

/** An interim answer (1xx) as it is sent; the final one follows. */
export interface Interim {
  readonly kind: 'interim'
  readonly bytes: Buffer
}

/** What a valid record says. */
export type ReadResponse =
  | Answer
  | Part
  | Interim
  | { readonly kind: 'command'; readonly command: number }

/** Receives each record; `null` for one that fails its checks. */
export type ResponseSink = (
  slot: number,
  generation: number,
  sequence: number,
  read: ReadResponse | null,
) => void

const NO_BODY: Buffer = Buffer.alloc(0)

let dateSecond = 0
let dateText = ''

/** IMF-fixdate of now, made once a second. */
export function httpDate(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(second * 1000).toUTCString()
  }
  return dateText
}

interface Block {
  readonly offset: number
  readonly length: number
  readonly body: number
  readonly status: number
}

export class ResponseReader {
  readonly #memory: BatchMemory

  constructor(memory: BatchMemory) {
    this.#memory = memory
  }

  /** Hands every response record to the sink, then empties records and output arena. */
  drain(sink: ResponseSink): void {
    const { words } = this.#memory
    // The sink may write socket data, never records: the count is final.
    const count = Math.min(words[CONTROL_RESPONSE_COUNT] as number, RESPONSES_MAX)
    if (count <= 0) return
    for (let i = 0; i < count; i++) {
      const at = RESPONSES_WORD + i * RESPONSE_WORDS
      sink(
        words[at + RESPONSE_SLOT] as number,
        words[at + RESPONSE_GENERATION] as number,
        words[at + RESPONSE_SEQUENCE] as number,
        this.#read(at),
      )
    }
    words[CONTROL_RESPONSE_COUNT] = 0
    words[CONTROL_OUTPUT_USED] = 0
  }

  #read(at: number): ReadResponse | null {
    const { words } = this.#memory
    const packed = words[at + RESPONSE_KIND_FLAGS] as number
    const kind = packed & 0xff
    const head = words[at + RESPONSE_HEAD] as number
    if (kind === RESPONSE_KIND_COMMAND) return { kind: 'command', command: head }
    if (kind === RESPONSE_KIND_RAW || kind === RESPONSE_KIND_INTERIM) {
      const bytes = this.#arena(head, words[at + RESPONSE_LENGTH] as number)
      if (bytes === null) return null
      if (kind === RESPONSE_KIND_RAW) return { kind: 'part', bytes, state: stateOf(packed) }
      return stateOf(packed) === 'more' ? { kind: 'interim', bytes } : null
    }
    const block = this.#block(head)
    if (block === null) return null
    if (kind === RESPONSE_KIND_WHOLE) return this.#whole(block, packed)
    const extra = this.#extra(words[at + RESPONSE_EXTRA] as number)
    if (extra === null) return null
    let body: Buffer | null = null
    if (kind === RESPONSE_KIND_HEAD) {
      body = this.#arena(words[at + RESPONSE_BODY] as number, words[at + RESPONSE_LENGTH] as number)
    } else if (kind === RESPONSE_KIND_HEAD_BLOCK) {
      const bodyBlock = this.#block(words[at + RESPONSE_BODY] as number)
      body = bodyBlock && this.#bytes(bodyBlock.offset, bodyBlock.length)
    }
    if (body === null) return null
    return answerOf(this.#text(block.offset, block.length), extra, body, packed)
  }

  /** A whole block repeats what a head block says, with length and a date to be replaced. */
  #whole(block: Block, packed: number): Answer | null {
    if (block.body < 4 || block.body > block.length) return null
    const head = this.#text(block.offset, block.body - 2)
    const lines = head.split('\r\n').filter((line) => !/^(content-length|date):/.test(line))
    return answerOf(
      lines.join('\r\n'),
      '',
      this.#bytes(block.offset + block.body, block.length - block.body),
      packed,
    )
  }

  #block(id: number): Block | null {
    const { words } = this.#memory
    if (id < 1 || id >= (words[CONTROL_BLOCK_COUNT] as number)) return null
    const at = BLOCK_TABLE_WORD + id * BLOCK_WORDS
    const offset = words[at + BLOCK_OFFSET] as number
    const length = words[at + BLOCK_LENGTH] as number
    if (
      offset < BLOCK_BYTES_OFFSET ||
      length < 0 ||
      offset + length > BLOCK_BYTES_OFFSET + BLOCK_BYTES_MAX
    )
      return null
    return {
      offset,
      length,
      body: words[at + BLOCK_BODY] as number,
      status: words[at + BLOCK_STATUS] as number,
    }
  }

  /** A copy of arena bytes, or null when they do not lie in it. */
  #arena(offset: number, length: number): Buffer | null {
    if (length === 0) return NO_BODY
    if (offset < OUTPUT_OFFSET || length < 0 || offset + length > OUTPUT_OFFSET + OUTPUT_BYTES_MAX)
      return null
    return this.#bytes(offset, length)
  }

  #extra(offset: number): string | null {
    if (offset === 0) return ''
    const length = this.#arena(offset, 4)?.readUInt32LE(0)
    if (length === undefined || this.#arena(offset + 4, length) === null) return null
    return this.#text(offset + 4, length)
  }

  /** The arena is reused after the drain, the socket may take its time: always a copy. */
  #bytes(offset: number, length: number): Buffer {
    return Buffer.from(this.#memory.bytes.subarray(offset, offset + length))
  }

  #text(offset: number, length: number): string {
    return this.#memory.bytes.toString('latin1', offset, offset + length)
  }
}

function stateOf(packed: number): AnswerState {
  if ((packed & RESPONSE_FLAG_MORE) !== 0) return 'more'
  if ((packed & RESPONSE_FLAG_CUT) === 0) return 'whole'
  return (packed & RESPONSE_FLAG_CLOSE) !== 0 ? 'reset' : 'cut'
}

/** Puts an answer together from head lines, extra lines and body; null when the lines are none. */
function answerOf(head: string, extra: string, body: Buffer, packed: number): Answer | null {
  const lines = (head + extra).split('\r\n')
  const match = /^HTTP\/1\.1 ([2-5]\d\d) ?(.*)$/.exec(lines[0] as string)
  if (match === null) return null
  const fields: string[] = []
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string
    if (line === '') continue
    const colon = line.indexOf(':')
    if (colon < 1) return null
    fields.push(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  const status = Number(match[1])
  const bodyless = status === 204 || status === 304
  const empty = bodyless || status === 205
  if ((packed & RESPONSE_FLAG_CHUNKED) !== 0) fields.push('transfer-encoding', 'chunked')
  else if (!bodyless && (packed & RESPONSE_FLAG_OWN_LENGTH) === 0)
    fields.push('content-length', empty ? '0' : String(body.length))
  if ((packed & RESPONSE_FLAG_OWN_DATE) === 0) fields.push('date', httpDate())
  return {
    kind: 'answer',
    status,
    phrase: match[2] as string,
    fields,
    body: empty || (packed & RESPONSE_FLAG_OMIT_BODY) !== 0 ? NO_BODY : body,
    close: (packed & RESPONSE_FLAG_CLOSE) !== 0,
    state: stateOf(packed),
  }
}
