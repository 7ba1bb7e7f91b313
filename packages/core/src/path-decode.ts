// Hot path: no allocation except for the strings asked for.

const SLASH = 0x2f
const PERCENT = 0x25
const DOT = 0x2e

/** Value of a hexadecimal digit, 16 or more for any other byte. */
const HEX: Uint8Array = /* @__PURE__ */ hexTable()

function hexTable(): Uint8Array {
  const table = new Uint8Array(256).fill(16)
  for (let digit = 0; digit < 16; digit++) {
    const text = digit.toString(16)
    table[text.charCodeAt(0)] = digit
    table[text.toUpperCase().charCodeAt(0)] = digit
  }
  return table
}

/**
 * Whether a raw path means what it says byte by byte: it has no escape and no segment that starts
 * with a dot, so it can be matched where it lies. False is no error, only a reason to decode.
 */
export function isPlainPath(source: Uint8Array, start: number, end: number): boolean {
  if (source[start] !== SLASH) return false
  let previous = 0
  for (let i = start; i < end; i++) {
    const byte = source[i] as number
    if (byte === PERCENT || byte >= 0x80 || byte === 0) return false
    if (byte === DOT && previous === SLASH) return false
    previous = byte
  }
  return true
}

/**
 * Decodes a raw path, each segment exactly once (PATH-2 to PATH-5). In the result a literal `/`
 * separates segments and an encoded one stands as byte 0.
 * @returns the number of bytes written, at most `end - start`, or -1 when the answer is 400: a
 * malformed escape, invalid UTF-8, a NUL, a segment `.` or `..`, or no leading slash.
 */
export function decodePath(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
): number {
  if (start >= end || source[start] !== SLASH) return -1
  let written = 0
  let segment = 0
  // UTF-8 in flight: how many continuation bytes are due, and the range of the next one.
  let due = 0
  let low = 0x80
  let high = 0xbf
  for (let i = start; i < end; i++) {
    let byte = source[i] as number
    if (byte === SLASH) {
      if (due !== 0 || isDots(target, segment, written)) return -1
      target[written++] = SLASH
      segment = written
      continue
    }
    if (byte === PERCENT) {
      if (i + 2 >= end) return -1
      const left = HEX[source[i + 1] as number] as number
      const right = HEX[source[i + 2] as number] as number
      if (left > 15 || right > 15) return -1
      byte = (left << 4) | right
      i += 2
    }
    if (byte === 0) return -1
    if (due !== 0) {
      if (byte < low || byte > high) return -1
      due--
      low = 0x80
      high = 0xbf
    } else if (byte >= 0x80) {
      // RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF.
      if (byte >= 0xc2 && byte <= 0xdf) due = 1
      else if (byte >= 0xe0 && byte <= 0xef) {
        due = 2
        if (byte === 0xe0) low = 0xa0
        else if (byte === 0xed) high = 0x9f
      } else if (byte >= 0xf0 && byte <= 0xf4) {
        due = 3
        if (byte === 0xf0) low = 0x90
        else if (byte === 0xf4) high = 0x8f
      } else return -1
    }
    target[written++] = byte === SLASH ? 0 : byte
  }
  return due !== 0 || isDots(target, segment, written) ? -1 : written
}

function isDots(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (length !== 1 && length !== 2) return false
  return bytes[start] === DOT && (length === 1 || bytes[start + 1] === DOT)
}
