// One request of a connection and the answer it is owed.
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  COUNTER_STATUS400,
  COUNTER_STATUS408,
  COUNTER_STATUS413,
  COUNTER_STATUS414,
  COUNTER_STATUS417,
  COUNTER_STATUS421,
  COUNTER_STATUS431,
  COUNTER_STATUS501,
  COUNTER_STATUS505,
  INLINE_BODY_BYTES_MAX,
  REQUEST_FLAG_CHUNKED,
  REQUEST_FLAG_EXPECT_CONTINUE,
} from '@celeris/engine/layout'
import { reasonPhrase } from '../status-text.ts'
import type { Counters } from './counters.ts'
import type { RequestBody } from './request-body.ts'
import type { HeadVerdict, ParsedHead } from './request-check.ts'
import {
  type Answer,
  type AnswerState,
  httpDate,
  type Interim,
  type Part,
} from './response-reader.ts'

export interface Exchange {
  readonly sequence: number
  /** Null for an answer of the engine to bytes that were no request. */
  readonly message: IncomingMessage | null
  readonly response: ServerResponse | null
  readonly head: ParsedHead | null
  readonly verdict: HeadVerdict | null
  body: RequestBody | null
  /** The body, when it is complete before dispatch; null when it follows in events. */
  collected: Buffer | null
  state: 'collecting' | 'ready' | 'dispatched' | 'refused'
  /** The answer, or its head. */
  answer: Answer | null
  /** Interim answers that wait for their turn. */
  readonly interims: Buffer[]
  /** Body parts that wait for their turn. */
  readonly parts: Buffer[]
  /** What core has still to write: `more` until its last record. */
  given: AnswerState
  headWritten: boolean
  /** Core waits for room in the output of this answer (BP-1). */
  wantsRoom: boolean
  /** Core waits for the socket. */
  wantsSocket: boolean
  /** The client waits for 100 Continue, and has not got it. */
  owesContinue: boolean
  /** The connection closes after this answer. */
  closes: boolean
  /** Bytes of the answer that the socket has not taken. */
  unsentBytes: number
  /** A failure of the body that core learns when it reads. */
  bodyFailure: number
}

export function makeExchange(
  sequence: number,
  message: IncomingMessage | null,
  response: ServerResponse | null,
  head: ParsedHead | null,
  verdict: HeadVerdict | null,
): Exchange {
  return {
    sequence,
    message,
    response,
    head,
    verdict,
    body: null,
    collected: null,
    state: 'collecting',
    answer: null,
    interims: [],
    parts: [],
    given: 'more',
    headWritten: false,
    wantsRoom: false,
    wantsSocket: false,
    owesContinue: verdict !== null && (verdict.flags & REQUEST_FLAG_EXPECT_CONTINUE) !== 0,
    closes: false,
    unsentBytes: 0,
    bodyFailure: 0,
  }
}

/** Takes a record of the answer; false when it cannot follow those before it. */
export function takeRecord(exchange: Exchange, read: Answer | Part | Interim): boolean {
  if ((read.kind === 'part') !== (exchange.answer !== null)) {
    // An answer may be cut before it has begun.
    if (read.kind !== 'part' || (read.state !== 'cut' && read.state !== 'reset')) return false
    exchange.given = read.state
    return true
  }
  if (read.kind === 'interim') {
    exchange.interims.push(read.bytes)
    return true
  }
  if (read.kind === 'answer') exchange.answer = read
  else exchange.parts.push(read.bytes)
  exchange.given = read.state
  return true
}

/** Whether the body follows in events: too large for a batch, of unknown length, or not asked for yet (BODY-3). */
export function isStreamed(
  { verdict }: Exchange,
  options: { readonly bufferedBodySize: number },
): boolean {
  if (verdict === null) return false
  const inlineMax = Math.min(options.bufferedBodySize, INLINE_BODY_BYTES_MAX)
  return (
    (verdict.flags & (REQUEST_FLAG_CHUNKED | REQUEST_FLAG_EXPECT_CONTINUE)) !== 0 ||
    verdict.contentLength > inlineMax
  )
}

/** The fixed answer of the engine itself (http1.md Engine errors); it always closes. */
export function errorAnswer(status: number, headRequest: boolean): Answer {
  const phrase = reasonPhrase(status)
  const fields = [
    'content-type',
    'text/plain; charset=utf-8',
    'content-length',
    String(phrase.length),
    'date',
    httpDate(),
  ]
  return {
    kind: 'answer',
    status,
    phrase,
    fields,
    body: headRequest ? Buffer.alloc(0) : Buffer.from(phrase, 'latin1'),
    close: true,
    state: 'whole',
  }
}

/** An answer as bytes, for a connection whose parser gave up. */
export function answerBytes(answer: Answer): Buffer {
  let head = `HTTP/1.1 ${answer.status} ${answer.phrase}\r\n`
  for (let i = 0; i < answer.fields.length; i += 2)
    head += `${answer.fields[i]}: ${answer.fields[i + 1]}\r\n`
  return Buffer.concat([Buffer.from(`${head}connection: close\r\n\r\n`, 'latin1'), answer.body])
}

const STATUS_COUNTERS: Readonly<Record<number, number>> = {
  400: COUNTER_STATUS400,
  408: COUNTER_STATUS408,
  413: COUNTER_STATUS413,
  414: COUNTER_STATUS414,
  417: COUNTER_STATUS417,
  421: COUNTER_STATUS421,
  431: COUNTER_STATUS431,
  501: COUNTER_STATUS501,
  505: COUNTER_STATUS505,
}

/** Counts an error answer of the engine. */
export function countStatus(counters: Counters, status: number): void {
  const index = STATUS_COUNTERS[status]
  if (index !== undefined) counters.add(index)
}
