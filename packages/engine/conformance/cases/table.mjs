// What the tables of requests are written with.

/** The defaults the cases are written for. */
export const requestLimits = {
  maxHeaderBytes: 32_768,
  maxHeaders: 200,
  maxRequestBodySize: 100 * 1024 * 1024,
}

/** In the bytes of a refused case: what stands before it is enough to decide. */
export const DECIDED = Symbol('decided')

/** A text in a case name: quoted, all ASCII. */
export const shown = (text) =>
  JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (byte) => `\\u${byte.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const partLength = (part) => (typeof part === 'string' ? part.length : part[0].length * part[1])

/** What `node:http` may answer instead (permitted differences). */
const NODE_STATUSES = { 414: [414, 431], 501: [400, 501], 505: [400, 505] }

function refusedCase(name, status, bytes, options = {}) {
  const parts = Array.isArray(bytes) ? bytes : [bytes]
  const decided = parts.indexOf(DECIDED)
  return {
    name,
    bytes: parts.filter((part) => part !== DECIDED),
    refused: { status, nodeStatuses: NODE_STATUSES[status] ?? [status] },
    ...(decided < 0
      ? {}
      : { decidedAt: parts.slice(0, decided).reduce((sum, part) => sum + partLength(part), 0) }),
    ...options,
  }
}

function acceptedCase(name, bytes, expected = {}, options = {}) {
  const { method = 'GET', target = '/', minor = 1, body = '', ...rest } = expected
  const path = rest.path ?? target.split('?')[0]
  const persists =
    minor === 1 ? !rest.flags?.includes('CLOSE') : rest.flags?.includes('KEEP_ALIVE_1_0') === true
  const parts = Array.isArray(bytes) ? bytes : [bytes]
  return {
    name,
    bytes: parts,
    accepted: { method, target, path, minor, body, persists, ...rest },
    ...options,
  }
}

/** The cases that `fill` states, in its order. */
export function table(fill) {
  const cases = []
  fill(
    (...stated) => cases.push(acceptedCase(...stated)),
    (...stated) => cases.push(refusedCase(...stated)),
  )
  return cases
}

export const HOST = 'Host: a\r\n'
export const LINE = 'GET / HTTP/1.1\r\n'
export const END = '\r\n'
/** A GET with these field lines besides Host. */
export const withFields = (...lines) =>
  `${LINE}${HOST}${lines.map((line) => `${line}\r\n`).join('')}\r\n`
/** This request line with a Host. */
export const withLine = (line) => `${line}\r\n${HOST}\r\n`
export const CHUNKED_HEAD = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`
export const chunkedPost = { method: 'POST' }
export const NODE_LEADING = 'RL-1'
export const NODE_METHODS = 'node:http refuses methods it does not know'

const bytesOf = (from, to) =>
  Array.from({ length: to - from + 1 }, (_, index) => String.fromCharCode(from + index))

/** 0x00 to 0x1F and DEL. */
export const CONTROLS = [...bytesOf(0, 0x1f), '\x7f']
/** Printable ASCII that is no token character; the space is none of them. */
export const DELIMITERS = [...'"(),/:;<=>?@[\\]{}']
/** A few bytes from 0x80 up: C1 controls, no-break space, letters, the last. */
export const HIGH_BYTES = ['\x80', '\x85', '\xa0', '\xe9', '\xff']
/** What some programs take for a blank, besides space and tab. */
export const OTHER_BLANKS = ['\x0b', '\x0c', '\x85', '\xa0', '\0']
