// 103 Early Hints (RFC 8297): an interim answer, sent in front of the final one.
import { RESPONSE_FLAG_MORE, RESPONSE_KIND_INTERIM } from '@celeris/engine/layout'
import { type Answered, commitBytes, commitRecord, openRecord, reserve } from './arena.ts'
import { InvalidHeaderError } from './errors.ts'
import { checkHeader } from './header-check.ts'
import { bytes } from './memory.ts'
import { tagOf } from './web-tags.ts'

/** Fields of an interim answer; an array makes several lines. */
export type HintHeaders = { readonly [name: string]: string | readonly string[] }

/** Longest interim answer, bytes: hints are links, and a client may have as little room for a head. */
const HINT_BYTES_MAX = 16_384

/** Writes a 103 with these fields. Throws InvalidHeaderError before anything is written (RES-5). */
export function writeEarlyHints(to: Answered, headers: HintHeaders): void {
  let text = 'HTTP/1.1 103 Early Hints\r\n'
  if (typeof headers !== 'object' || headers === null)
    throw new TypeError('c.earlyHints(): give an object of names and values')
  // What fetch has, from JavaScript: it has no properties of its own.
  const entries =
    tagOf(headers) === 'Headers' ? (headers as unknown as Headers) : Object.entries(headers)
  for (const [name, value] of entries) {
    for (const line of Array.isArray(value) ? (value as string[]) : [String(value)]) {
      const lower = checkHeader(name, line)
      // About the final answer, or about the connection: an interim one has neither (RFC 9110 §15.2).
      if (lower === 'content-length' || lower === 'connection' || lower === '')
        throw new InvalidHeaderError(name, 'it cannot stand in an interim answer; leave it out')
      text += `${lower}: ${line}\r\n`
    }
  }
  text += '\r\n'
  if (text.length > HINT_BYTES_MAX)
    throw new RangeError(`early hints of ${text.length} bytes: send at most ${HINT_BYTES_MAX}`)
  openRecord(to.engine)
  const at = reserve(to.engine, text.length)
  commitBytes(at + bytes.write(text, at, 'latin1'))
  commitRecord(to, RESPONSE_KIND_INTERIM | RESPONSE_FLAG_MORE, at, text.length, 0, 0)
}
