// The same function stands in native/include/celeris/name_hash.h: it filters field names, bytes decide.

function mix(first: number, last: number, length: number): number {
  const hash =
    Math.imul(first ^ Math.imul(length, 0x9e3779b1), 0x85ebca6b) ^ Math.imul(last, 0xc2b2ae35)
  return (hash ^ (hash >>> 15)) | 0
}

/** Hash of a field name, ASCII case folded: its length, first four and last four bytes. */
export function nameHash(name: string): number {
  let first = 0
  let last = 0
  const length = name.length
  for (let i = 0; i < 4; i++) {
    first |= ((i < length ? name.charCodeAt(i) : 0) | 0x20) << (8 * i)
    last |= (name.charCodeAt(length < 4 ? i : length - 4 + i) | 0x20) << (8 * i)
  }
  return mix(first, length < 4 ? first : last, length)
}

/** The same over bytes: `length` bytes from `offset`. */
export function bytesHash(bytes: Uint8Array, offset: number, length: number): number {
  let first = 0
  let last = 0
  for (let i = 0; i < 4; i++) {
    first |= ((i < length ? (bytes[offset + i] as number) : 0) | 0x20) << (8 * i)
    last |= ((bytes[length < 4 ? offset : offset + length - 4 + i] as number) | 0x20) << (8 * i)
  }
  return mix(first, length < 4 ? first : last, length)
}
