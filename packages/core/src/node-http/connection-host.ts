// What connections need from their engine.
import type { ListenOptions } from '@celeris/engine'
import type { BatchTurns } from './batch-turns.ts'
import type { Counters } from './counters.ts'
import type { Deadlines } from './deadlines.ts'
import type { HeadLimits } from './request-check.ts'

/** Told apart from the connection itself, so that neither file needs the other. */
export interface ConnectionHost<C> {
  readonly options: ListenOptions
  readonly limits: HeadLimits
  readonly counters: Counters
  readonly turns: BatchTurns
  readonly deadlines: Deadlines
  readonly draining: boolean
  /** Bytes that incomplete bodies may take together (BODY-5). */
  readonly bodies: { heldBytes: number }
  /** The socket is closed; the slot is free again. */
  gone(connection: C): void
  /** A connection became idle, or will not answer any more. */
  settled(connection: C): void
}
