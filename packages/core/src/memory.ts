// Hot path. The one block that this isolate shares with its engines; constants of this module, never replaced.
import { type BatchMemory, createBatchMemory } from '@celeris/engine'
import { CONTROL_TIME_HIGH, CONTROL_TIME_LOW } from '@celeris/engine/layout'

/** The shared block, lent to one engine after another. */
export const memory: BatchMemory = createBatchMemory()
/** Its 32-bit words. */
export const words: Int32Array = memory.words
/** Its bytes. */
export const bytes: Buffer = memory.bytes

/** When the current batch was received, epoch milliseconds. */
export function batchTime(): number {
  return (
    (words[CONTROL_TIME_HIGH] as number) * 0x1_0000_0000 +
    ((words[CONTROL_TIME_LOW] as number) >>> 0)
  )
}

let batch = 0
let clockBatch = -1
let clock = 0

/** A new batch begins. */
export function nextBatch(): void {
  batch = (batch + 1) | 0
}

/** Monotonic clock of the current batch, milliseconds; read at most once per batch. */
export function batchClock(): number {
  if (clockBatch !== batch) {
    clockBatch = batch
    clock = performance.now()
  }
  return clock
}
