// The bytes of RESP2 and RESP3, and the few questions about one line of it.
import { DIGITS_MAX } from './reply-strings.ts'

export const CR = 0x0d
export const LF = 0x0a
export const ZERO = 0x30
export const COLON = 0x3a
export const TRUE = 0x74
export const FALSE = 0x66
const MINUS = 0x2d

export const BLOB_ERROR = 0x21 // !
export const BOOLEAN = 0x23 // #
export const BULK_STRING = 0x24 // $
export const MAP = 0x25 // %
export const BIG_NUMBER = 0x28 // (
export const ARRAY = 0x2a // *
export const SIMPLE_STRING = 0x2b // +
export const DOUBLE = 0x2c // ,
export const SIMPLE_ERROR = 0x2d // -
export const INTEGER = 0x3a // :
export const VERBATIM = 0x3d // =
export const PUSH = 0x3e // >
export const NULL = 0x5f // _
export const ATTRIBUTE = 0x7c // |
const SET = 0x7e // ~

/** Longest line behind each type; -1 for a byte that begins no value, and 0 where `isText`. */
export const LINE_BYTES_MAX: Int8Array = new Int8Array(256).fill(-1)
for (const type of [SIMPLE_STRING, SIMPLE_ERROR, BIG_NUMBER, DOUBLE, NULL]) LINE_BYTES_MAX[type] = 0
for (const type of [BULK_STRING, VERBATIM, BLOB_ERROR]) LINE_BYTES_MAX[type] = DIGITS_MAX
for (const type of [ARRAY, SET, MAP, PUSH, ATTRIBUTE]) LINE_BYTES_MAX[type] = DIGITS_MAX
LINE_BYTES_MAX[BOOLEAN] = 1
LINE_BYTES_MAX[INTEGER] = 1 + DIGITS_MAX

/** Types whose line may have any length. */
export const isText = (type: number): boolean =>
  type === SIMPLE_STRING || type === SIMPLE_ERROR || type === BIG_NUMBER || type === DOUBLE

export const isError = (type: number): boolean => type === SIMPLE_ERROR || type === BLOB_ERROR

/** As in ioredis's message: `63 "?"`. */
export const quoted = (type: number): string => `${type} "${String.fromCharCode(type)}"`

/** `+OK` and CRLF, whole. */
export function isOK(bytes: Buffer, offset: number, length: number): boolean {
  return (
    offset + 5 <= length &&
    bytes[offset + 1] === 0x4f &&
    bytes[offset + 2] === 0x4b &&
    bytes[offset + 3] === CR &&
    bytes[offset + 4] === LF
  )
}

/** `$-1` and `*-1`, the nulls of RESP2. */
export function isNullHeader(type: number, line: Buffer, start: number, end: number): boolean {
  return (
    (type === BULK_STRING || type === ARRAY) &&
    end - start === 2 &&
    line[start] === MINUS &&
    line[start + 1] === ZERO + 1
  )
}

/** Most lines are short: only long ones are worth a call into Node. */
const SCAN_BY_HAND_BYTES = 32

/** Where the line's CR is, or the chunk's end. */
export function lineEnd(chunk: Buffer, offset: number): number {
  const { length } = chunk
  const near = Math.min(length, offset + SCAN_BY_HAND_BYTES)
  for (let index = offset; index < near; index++) if (chunk[index] === CR) return index
  if (near === length) return length
  const found = chunk.indexOf(CR, near)
  return found === -1 ? length : found
}
