// Hot path. Answer bytes that repeat, written once into the shared block and named by id from then on.
import {
  BLOCK_BODY,
  BLOCK_BYTES_MAX,
  BLOCK_BYTES_OFFSET,
  BLOCK_DATE,
  BLOCK_LENGTH,
  BLOCK_OFFSET,
  BLOCK_STATUS,
  BLOCK_TABLE_WORD,
  BLOCK_WORDS,
  BLOCKS_MAX,
  CONTROL_BLOCK_COUNT,
} from '@celeris/engine/layout'
import { bytes, words } from './memory.ts'
import { reasonPhrase } from './status-text.ts'

/** Who asks for a block. */
export interface Interning {
  readonly engine: { flush(): void }
  /** Counts answers in a row that had no block: such a route is asked about again only now and then. */
  readonly entry: { internMisses: number }
}

/** Room kept for head blocks, which are never dropped: one for each status and content-type in use. */
const HEAD_BLOCKS_MAX = 512
const TYPED_HEADS_MAX = 100
const TYPED_HEAD_LENGTH_MAX = 256
/** Enough for all of them: a status line is shorter than 64 bytes. */
const HEAD_BYTES_MAX = 400 * 64 + TYPED_HEADS_MAX * TYPED_HEAD_LENGTH_MAX
/** Longest body worth a block, and how many strings are remembered for having been sent once. */
const INTERNED_LENGTH_MAX = 1024
const SEEN_MAX = 256
/** Misses in a row after which a route is taken to answer with ever new strings. */
const MISSES_MAX = 64

const DATE_PLACE = 'Thu, 01 Jan 1970 00:00:00 GMT'

let headCount = 1
let typedCount = 0
let headBytes = 0
let wholeCount = HEAD_BLOCKS_MAX
let wholeBytes = HEAD_BYTES_MAX

const heads = new Map<string, number>()
const seen = new Set<string>()
const wholes: Map<string, number>[] = []
let lastStatus = 0
let lastType: string | null = null
let lastHead = 0
let lastKind = -1
let lastBody = ''
let lastWhole = 0

function define(
  id: number,
  offset: number,
  text: string,
  date: number,
  body: number,
  status: number,
): void {
  const written = bytes.write(text, BLOCK_BYTES_OFFSET + offset, 'latin1')
  const at = BLOCK_TABLE_WORD + id * BLOCK_WORDS
  words[at + BLOCK_OFFSET] = BLOCK_BYTES_OFFSET + offset
  words[at + BLOCK_LENGTH] = written
  words[at + BLOCK_DATE] = date
  words[at + BLOCK_BODY] = body
  words[at + BLOCK_STATUS] = status
  words[CONTROL_BLOCK_COUNT] = Math.max(words[CONTROL_BLOCK_COUNT] as number, id + 1)
}

function headText(status: number, type: string | null): string {
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${type === null ? '' : `content-type: ${type}\r\n`}`
}

function findHead(status: number, type: string | null): number {
  const key = `${status} ${type ?? ''}`
  let id = heads.get(key)
  if (id === undefined) {
    const text = headText(status, type)
    // Types may not use up the room of plain status lines, of which there are at most 400.
    if (type !== null) {
      if (text.length > TYPED_HEAD_LENGTH_MAX || typedCount === TYPED_HEADS_MAX) return 0
      typedCount++
    }
    id = headCount++
    define(id, headBytes, text, 0, 0, status)
    headBytes += text.length
    heads.set(key, id)
  }
  lastStatus = status
  lastType = type
  lastHead = id
  return id
}

/**
 * Id of the block with status line and content-type; `null` is the status line alone. 0 when the
 * room for content-types is used up: send the type as a further line.
 */
export function headBlock(status: number, type: string | null): number {
  return status === lastStatus && type === lastType ? lastHead : findHead(status, type)
}

/** Drops all whole blocks. Nothing may be waiting that names one. */
function dropWholes(): void {
  wholeCount = HEAD_BLOCKS_MAX
  wholeBytes = HEAD_BYTES_MAX
  for (const map of wholes) map.clear()
  lastKind = -1
  lastWhole = 0
}

function findWhole(kind: number, type: string, body: string, by: Interning): number {
  if (body.length > INTERNED_LENGTH_MAX) return 0
  const misses = by.entry.internMisses
  by.entry.internMisses = (misses + 1) & 0xffff
  if (misses > MISSES_MAX && (misses & 31) !== 0) return 0
  while (wholes.length <= kind) wholes.push(new Map())
  const map = wholes[kind] as Map<string, number>
  let id = map.get(body)
  if (id === undefined) {
    // Worth a block the second time it is sent.
    if (!seen.has(body)) {
      if (seen.size === SEEN_MAX) seen.clear()
      seen.add(body)
      return 0
    }
    const content = Buffer.from(body)
    const head = `${headText(200, type)}content-length: ${content.length}\r\ndate: `
    const text = `${head}${DATE_PLACE}\r\n\r\n${content.toString('latin1')}`
    if (wholeCount === BLOCKS_MAX || wholeBytes + text.length > BLOCK_BYTES_MAX) {
      by.engine.flush()
      dropWholes()
    }
    id = wholeCount++
    define(id, wholeBytes, text, head.length, text.length - content.length, 200)
    wholeBytes += text.length
    map.set(body, id)
  }
  by.entry.internMisses = 0
  lastKind = kind
  lastBody = body
  lastWhole = id
  return id
}

/**
 * Id of the block that is the complete 200 answer with this body, 0 when it has none (yet).
 * The engine is flushed before blocks that waiting answers may name are dropped.
 */
export function wholeBlock(kind: number, type: string, body: string, by: Interning): number {
  return kind === lastKind && body === lastBody ? lastWhole : findWhole(kind, type, body, by)
}
