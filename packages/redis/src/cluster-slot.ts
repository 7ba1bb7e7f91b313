// Hot path: the hash slot of a key.
import { isBytes, type Scalar, textOf } from './command-encoder.ts'

/** Without types, and CommonJS as we are. */
const calculateSlot = require('cluster-key-slot') as (key: string | Buffer) => number

const OPEN = 123
const CLOSE = 125
const NO_TAG = -1

/** CRC-16 of each byte, polynomial 0x1021. */
const CRC = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

/** The slot of ASCII text, two to three times as fast as `cluster-key-slot`, which takes the rest. */
function slotOfText(key: string): number {
  let whole = 0
  let tag = 0
  let start = NO_TAG
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit > 127) return calculateSlot(key)
    if (start === NO_TAG) {
      if (unit === OPEN) start = i + 1
    } else if (unit !== CLOSE) {
      tag = ((tag << 8) ^ (CRC[((tag >> 8) ^ unit) & 255] as number)) & 0xffff
    } else if (i !== start) {
      return tag & 0x3fff
    }
    whole = ((whole << 8) ^ (CRC[((whole >> 8) ^ unit) & 255] as number)) & 0xffff
  }
  return whole & 0x3fff
}

/** The hash slot of a key: of its hash tag, if it has one. */
export function slotOf(key: Scalar): number {
  if (typeof key === 'string') return slotOfText(key)
  return isBytes(key) ? calculateSlot(key) : slotOfText(textOf(key))
}
