import { CelerisError } from '@celeris/engine'
import { METHOD_HEAD } from '@celeris/engine/layout'
import type { ResponseHeaders } from './response-headers.ts'
import type { Answer } from './response-writer.ts'

/** A stated content-length must be true (RES-6): truncation must never look complete. */
export function checkLength(answer: Answer, headers: ResponseHeaders): void {
  const index = headers.find('content-length')
  if (index < 0 || answer.methodId === METHOD_HEAD) return
  const body = answer.answerBody
  const length =
    body === null ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.length
  if (Number(headers.value(index)) === length) return
  throw new CelerisError(
    'CELERIS_CONTENT_LENGTH_MISMATCH',
    `content-length says ${headers.value(index)} bytes, the body has ${length}: leave the header out, the server writes it`,
  )
}
