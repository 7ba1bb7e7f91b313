import { createRandom } from './random.ts'

const PATTERN_BYTES = 8 * 2 ** 20
const STARTS = 65_521

let pattern: Buffer | undefined

const filled = (): Buffer => {
  const random = createRandom(9110)
  const block = Buffer.alloc(PATTERN_BYTES)
  for (let at = 0; at < block.length; at += 4) block.writeUInt32LE(random.whole(0, 2 ** 32 - 1), at)
  return block
}

/** Bytes that both sides can tell from a request's id: a piece of one fixed block, never copied. */
export const patternOf = (id: string, bytes: number): Buffer => {
  pattern ??= filled()
  let hash = 0
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) >>> 0
  const start = hash % STARTS
  if (start + bytes > pattern.length) throw new RangeError(`no pattern of ${bytes} bytes`)
  return pattern.subarray(start, start + bytes)
}
