// Hot path. The one block that this isolate shares with its engines; constants of this module, never replaced.
import { type BatchMemory, createBatchMemory } from '@celeris/engine'

/** The shared block, lent to one engine after another. */
export const memory: BatchMemory = createBatchMemory()
/** Its 32-bit words. */
export const words: Int32Array = memory.words
/** Its bytes. */
export const bytes: Buffer = memory.bytes
