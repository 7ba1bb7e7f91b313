// One answer through node's response object: fields of the connection, framing, and the early end of a body.
import {
  DISCARD_BYTES_MAX,
  REQUEST_FLAG_CLOSE,
  REQUEST_FLAG_KEEP_ALIVE_1_0,
} from '@celeris/engine/layout'
import type { Exchange } from './exchange.ts'
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
 * Deals with a body that is still coming while its answer is final: true when what is missing is
 * read and dropped, false when the connection must close (CLOSE-1, CLOSE-2, EXP-3).
 */
export function dropsRest(exchange: Exchange): boolean {
  const { body } = exchange
  if (body === null) return true
  if (exchange.owesContinue && !body.arrived) return false
  if (body.missing > DISCARD_BYTES_MAX) return false
  body.discard(performance.now())
  return true
}

/** Writes head and body; throws what node throws for a field it refuses. */
export function writeAnswer(exchange: Exchange): void {
  const { answer, response } = exchange
  if (answer === null || response === null) return
  const flags = exchange.verdict?.flags ?? 0
  if (exchange.closes) answer.fields.push('connection', 'close')
  else if ((flags & REQUEST_FLAG_KEEP_ALIVE_1_0) !== 0)
    answer.fields.push('connection', 'keep-alive')
  response.sendDate = false
  // Without this node adds connection and keep-alive fields of its own.
  response.removeHeader('connection')
  forgetExpectation(response)
  response.writeHead(answer.status, answer.phrase, answer.fields)
  response.end(answer.body)
}
