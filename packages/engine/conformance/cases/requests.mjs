// Requests as bytes, and what every engine makes of them (rules of docs/internals/http1.md). The
// suite sends them over sockets, the parser tests read them as a C++ header (generate.mjs).
import { bodyFramingCases } from './body-framing.mjs'
import { byteSweepCases } from './byte-sweeps.mjs'
import { chunkCases } from './chunks.mjs'
import { connectionCases } from './connections.mjs'
import { fieldCases } from './fields.mjs'
import { hostCases } from './hosts.mjs'
import { requestLineCases } from './request-lines.mjs'
import { targetCases } from './targets.mjs'

export { requestLimits } from './table.mjs'

/** Stands behind every case: it must be answered after an accepted one and never after a refused. */
export const probeRequest = 'GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n'

/** The bytes of a case as a latin1 string. */
export function requestText({ bytes }) {
  return bytes.map((part) => (typeof part === 'string' ? part : part[0].repeat(part[1]))).join('')
}

/** All cases, in the order of their rules. */
export const requestCases = [
  ...requestLineCases,
  ...targetCases,
  ...fieldCases,
  ...hostCases,
  ...bodyFramingCases,
  ...chunkCases,
  ...connectionCases,
  ...byteSweepCases,
]
