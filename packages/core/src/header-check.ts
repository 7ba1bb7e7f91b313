// Hot path: `checkHeader` runs for every header a handler sets.
import { InvalidHeaderError } from './errors.ts'

/** 1 for a token character (RFC 9110 §5.6.2), 0 for any other below 0x80. */
const TOKEN: Uint8Array = /* @__PURE__ */ tokenTable()

function tokenTable(): Uint8Array {
  const table = new Uint8Array(128)
  const characters = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 1
  return table
}

/** Whether a text is a token (RFC 9110 §5.6.2): a method, a field name, a cookie name. */
export function isToken(text: string): boolean {
  const length = text.length
  if (length === 0) return false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127 || TOKEN[code] === 0) return false
  }
  return true
}

/** Framing and connection fields: the server's to write (RES-7). */
const RESERVED: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'te',
  'trailer',
])

/** Whether a field of a web `Response` is dropped in silence; `name` in lower case (RES-7). */
export function isDroppedFromWeb(name: string): boolean {
  return name === 'connection' || RESERVED.has(name)
}

/** Names that passed, with their lower case form. Full: further names are checked each time. */
const CHECKED_NAMES_MAX = 1_024
const checkedNames = new Map<string, string>()

function checkName(name: string): string {
  if (typeof name !== 'string' || !isToken(name)) {
    throw new InvalidHeaderError(
      String(name),
      "a name consists of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 §5.6.2)",
    )
  }
  const lower = name.toLowerCase()
  if (RESERVED.has(lower)) {
    throw new InvalidHeaderError(name, 'the server writes this field itself; leave it out')
  }
  if (checkedNames.size < CHECKED_NAMES_MAX) checkedNames.set(name, lower)
  return lower
}

/** Index of the first code unit that cannot stand in a field value, -1 if there is none (RES-5). */
function badValueIndex(value: string): number {
  const length = value.length
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i)
    if (code < 0x20 ? code !== 0x09 : code === 0x7f || code > 0xff) return i
  }
  return -1
}

function checkSpecial(lower: string, name: string, value: string): string {
  if (lower === 'connection') {
    const option = value.trim().toLowerCase()
    if (option === 'keep-alive') return ''
    if (option !== 'close') {
      throw new InvalidHeaderError(name, "can only be set to 'close'; the server writes the rest")
    }
  } else if (!/^[0-9]+$/.test(value)) {
    throw new InvalidHeaderError(
      name,
      `${JSON.stringify(value)} is no number of bytes; leave it out`,
    )
  }
  return lower
}

/**
 * Checks one header line that a handler sets (RES-5, RES-6, RES-7). Nothing is ever stripped.
 * @returns the name in lower case, or `''` when the line is to be ignored (`connection: keep-alive`)
 * @throws InvalidHeaderError `CELERIS_INVALID_HEADER` for a name that is no token or belongs to the
 * server, a value with control characters or code units above 0xFF, a content-length that is no
 * number.
 */
export function checkHeader(name: string, value: string): string {
  const lower = checkedNames.get(name) ?? checkName(name)
  const bad = badValueIndex(value)
  if (bad !== -1) {
    const code = value.charCodeAt(bad).toString(16).toUpperCase().padStart(4, '0')
    throw new InvalidHeaderError(
      name,
      `its value has U+${code} at index ${bad}; only tab and U+0020 to U+00FF without U+007F can be sent, so encode it (RFC 9110 §5.5)`,
    )
  }
  if (lower === 'connection' || lower === 'content-length') return checkSpecial(lower, name, value)
  return lower
}
