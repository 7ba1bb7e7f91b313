// One answer through node's response object: fields of the connection, framing, and the early end of a body.
import type { ServerResponse } from 'node:http'
import {
  DISCARD_BYTES_MAX,
  REQUEST_FLAG_CLOSE,
  REQUEST_FLAG_KEEP_ALIVE_1_0,
} from '@celeris/engine/layout'
import type { Exchange } from './exchange.ts'
import type { Answer } from './response-reader.ts'
import { forgetExpectation } from './socket-facts.ts'

/** Whether the connection must close behind an answer (CON-3). */
export function mustClose(exchange: Exchange, closesAll: boolean): boolean {
  const flags = exchange.verdict?.flags ?? REQUEST_FLAG_CLOSE
  return (
    exchange.closes ||
    closesAll ||
    exchange.answer?.close === true ||
    (flags & REQUEST_FLAG_CLOSE) !== 0
  )
}

/**
 * Whether a body that is still coming can be read and dropped behind its answer; if not, the
 * connection must close (CLOSE-1, CLOSE-2, EXP-3).
 */
export function canDropRest({ body, owesContinue }: Exchange): boolean {
  if (body === null || body.complete) return true
  if (owesContinue && !body.arrived) return false
  return body.missing <= DISCARD_BYTES_MAX
}

/** Gives node the head; throws what node throws for a field it refuses. */
export function writeHead(answer: Answer, exchange: Exchange, response: ServerResponse): void {
  const flags = exchange.verdict?.flags ?? 0
  if (exchange.closes) answer.fields.push('connection', 'close')
  else if ((flags & REQUEST_FLAG_KEEP_ALIVE_1_0) !== 0)
    answer.fields.push('connection', 'keep-alive')
  response.sendDate = false
  // Without this node adds fields of its own: the records say all there is to say about framing.
  response.removeHeader('connection')
  response.removeHeader('content-length')
  response.removeHeader('transfer-encoding')
  forgetExpectation(response)
  response.writeHead(answer.status, answer.phrase, answer.fields)
}
