import { BATCH_BYTES } from './layout.generated.ts'

/** The shared block of an isolate: the same bytes as words, as bytes, and as a Buffer for its string methods. */
export interface BatchMemory {
  readonly buffer: ArrayBuffer
  readonly words: Int32Array
  readonly bytes: Buffer
}

/** Reserves a batch block. Pages count only once touched; the block never grows nor moves. */
export function createBatchMemory(): BatchMemory {
  const buffer = new ArrayBuffer(BATCH_BYTES)
  return { buffer, words: new Int32Array(buffer), bytes: Buffer.from(buffer) }
}
