// The query follows the form rules of the WHATWG URL standard: split at `&`, the first `=` divides,
// `+` is a space, bytes that are no UTF-8 become U+FFFD, broken escapes stay as they are.

const PLUS = 0x2b
const PERCENT = 0x25

/** Whether a slice has to be decoded before it can be compared. */
function isEncoded(raw: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = raw.charCodeAt(i)
    if (code === PERCENT || code === PLUS) return true
  }
  return false
}

function decode(raw: string, start: number, end: number): string {
  const text = raw.slice(start, end)
  if (!isEncoded(raw, start, end)) return text
  const spaced = text.replaceAll('+', ' ')
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    return decodeLeniently(spaced)
  }
}

/** What decodeURIComponent refuses: broken escapes and bytes that are no UTF-8. */
function decodeLeniently(text: string): string {
  const bytes = Buffer.from(text)
  let length = 0
  for (let i = 0; i < bytes.length; i++) {
    const hex = bytes[i] === PERCENT ? bytes.toString('latin1', i + 1, i + 3) : ''
    const escaped = /^[0-9A-Fa-f]{2}$/.test(hex)
    bytes[length++] = escaped ? Number.parseInt(hex, 16) : (bytes[i] as number)
    if (escaped) i += 2
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, length))
}

/**
 * Looks for pairs with a name from `from` on.
 * @returns start of the value, or of the end of the pair if it has no `=`; -1 if there is none
 */
function findPair(raw: string, name: string, from: number): number {
  const length = raw.length
  let start = from
  while (start < length) {
    let end = raw.indexOf('&', start)
    if (end === -1) end = length
    if (end > start) {
      let equals = raw.indexOf('=', start)
      if (equals === -1 || equals > end) equals = end
      const same = isEncoded(raw, start, equals)
        ? decode(raw, start, equals) === name
        : equals - start === name.length && raw.startsWith(name, start)
      if (same) return equals === end ? end : equals + 1
    }
    start = end + 1
  }
  return -1
}

function pairEnd(raw: string, start: number): number {
  const end = raw.indexOf('&', start)
  return end === -1 ? raw.length : end
}

/** First value of a name in a raw query, decoded; undefined if the name does not occur. */
export function queryFirst(raw: string, name: string): string | undefined {
  const value = findPair(raw, name, 0)
  return value === -1 ? undefined : decode(raw, value, pairEnd(raw, value))
}

/** All values of a name in a raw query in their order, decoded. */
export function queryAll(raw: string, name: string): string[] {
  const values: string[] = []
  let from = 0
  for (;;) {
    const value = findPair(raw, name, from)
    if (value === -1) return values
    const end = pairEnd(raw, value)
    values.push(decode(raw, value, end))
    from = end + 1
  }
}

/** A raw query as URLSearchParams; a `?` at its start is part of the first name. */
export function decodeQuery(raw: string): URLSearchParams {
  return new URLSearchParams(raw.startsWith('?') ? `?${raw}` : raw)
}
