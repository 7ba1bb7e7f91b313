// Hot path: the bytes of one value become a string, a Buffer or a number.
import { isAscii, isUtf8, transcode } from 'node:buffer'

/** What Node's Buffer has besides its documented methods: the decoders under `toString`. */
export interface SliceableBuffer extends Buffer {
  latin1Slice(start: number, end: number): string
  ucs2Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
}

/** From here on it pays to ask first whether all bytes are ASCII. */
const ASCII_CHECK_BYTES = 1_500

/** From here on UTF-16 in between is several times quicker than how Node before 24 reads UTF-8. */
const TRANSCODE_BYTES = 8_192

/** Node without ICU cannot. */
const transcodes = parseInt(process.versions.node, 10) < 24 && typeof transcode === 'function'

/** The characters of these bytes as UTF-8; throws Node's ERR_STRING_TOO_LONG. */
export function textOf(source: SliceableBuffer, start: number, end: number): string {
  const size = end - start
  if (size < ASCII_CHECK_BYTES) return source.utf8Slice(start, end)
  const bytes = source.subarray(start, end)
  if (isAscii(bytes)) return source.latin1Slice(start, end)
  if (size < TRANSCODE_BYTES || !transcodes || !isUtf8(bytes)) return source.utf8Slice(start, end)
  const units = transcode(bytes, 'utf8', 'utf16le') as SliceableBuffer
  return units.ucs2Slice(0, units.length)
}

/** A copy of fewer bytes is quicker by hand than by a call into Node. */
const COPY_BY_HAND_BYTES = 48

/** These bytes in memory that no larger chunk is kept alive for. */
export function bytesOf(chunk: Buffer, start: number, end: number): Buffer {
  const size = end - start
  if (size * 2 > chunk.length && size * 2 > chunk.buffer.byteLength) {
    return chunk.subarray(start, end)
  }
  const copy = Buffer.allocUnsafe(size)
  if (size < COPY_BY_HAND_BYTES) {
    for (let index = 0; index < size; index++) copy[index] = chunk[start + index]!
  } else {
    chunk.copy(copy, 0, start, end)
  }
  return copy
}

const MINUS = 0x2d
const PLUS = 0x2b
const ZERO = 0x30

/** Longest number in a header and, its sign aside, longest integer. */
export const DIGITS_MAX = 20

/** Digits only, at most 20 of them; NaN for anything else. As exact as ioredis's beyond 2 ** 53. */
export function parseDigits(source: Buffer, start: number, end: number): number {
  if (end === start || end - start > DIGITS_MAX) return Number.NaN
  let number = 0
  for (let index = start; index < end; index++) {
    const byte = source[index]!
    if (byte < ZERO || byte > ZERO + 9) return Number.NaN
    number = number * 10 + byte - ZERO
  }
  return number
}

/** Digits behind one sign or none; NaN for anything else. */
export function parseInteger(source: Buffer, start: number, end: number): number {
  const first = start < end ? source[start] : ZERO
  if (first === MINUS) return -parseDigits(source, start + 1, end)
  return parseDigits(source, first === PLUS ? start + 1 : start, end)
}

/** A double of RESP3; null for what is none. */
export function parseDouble(text: string): number | null {
  switch (text) {
    case 'inf':
    case '+inf':
      return Number.POSITIVE_INFINITY
    case '-inf':
      return Number.NEGATIVE_INFINITY
    case 'nan':
    case '+nan':
    case '-nan':
      return Number.NaN
    default:
      return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text) ? Number(text) : null
  }
}
