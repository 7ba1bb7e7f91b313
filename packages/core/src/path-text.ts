// Hot path: one string per call and nothing else.

/** Text of a slice of a decoded path; an encoded slash, byte 0, is shown as `encodedSlash`. */
function textOf(bytes: Buffer, start: number, end: number, encodedSlash: string): string {
  let plain = 1
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    if (byte === 0 || byte >= 0x80) {
      plain = 0
      break
    }
  }
  if (plain === 1) return asciiText(bytes, start, end)
  const text = bytes.toString('utf8', start, end)
  return text.includes('\0') ? text.replaceAll('\0', encodedSlash) : text
}

/** Value of a `:param`: fully decoded, so an encoded slash is a slash (PATH-4). */
export function paramText(bytes: Buffer, start: number, end: number): string {
  return textOf(bytes, start, end, '/')
}

/** Value of a wildcard, or a whole path: an encoded slash stays `%2F` (PATH-4). */
export function pathText(bytes: Buffer, start: number, end: number): string {
  return textOf(bytes, start, end, '%2F')
}

/** Bytes outside the array do not occur: every slice was cut by the router. */
const text = String.fromCharCode as (...codes: (number | undefined)[]) => string

/** Calls of fixed arity cost a third of a call into the runtime, up to about this length. */
// biome-ignore format: a table
function asciiText(b: Buffer, i: number, end: number): string {
  switch (end - i) {
    case 0: return ''
    case 1: return text(b[i])
    case 2: return text(b[i], b[i + 1])
    case 3: return text(b[i], b[i + 1], b[i + 2])
    case 4: return text(b[i], b[i + 1], b[i + 2], b[i + 3])
    case 5: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4])
    case 6: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5])
    case 7: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6])
    case 8: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6],
      b[i + 7])
    case 9: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6],
      b[i + 7], b[i + 8])
    case 10: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6],
      b[i + 7], b[i + 8], b[i + 9])
    case 11: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6],
      b[i + 7], b[i + 8], b[i + 9], b[i + 10])
    case 12: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6],
      b[i + 7], b[i + 8], b[i + 9], b[i + 10], b[i + 11])
    case 13: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6],
      b[i + 7], b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12])
    case 14: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6],
      b[i + 7], b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12], b[i + 13])
    case 15: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6],
      b[i + 7], b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12], b[i + 13], b[i + 14])
    case 16: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6],
      b[i + 7], b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12], b[i + 13], b[i + 14],
      b[i + 15])
    default: return b.toString('latin1', i, end)
  }
}
