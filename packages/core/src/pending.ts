// Contexts that outlive their batch, by connection slot: events of the connection find them here.
import type { Context } from './context.ts'
import { isSafe } from './request-order.ts'
import type { Serving } from './serving.ts'

export function addPending(serving: Serving, c: Context): void {
  const { pending } = serving
  while (pending.length <= c.slot) pending.push(null)
  c.nextPending = pending[c.slot] as Context | null
  pending[c.slot] = c
  c.isPending = true
  serving.pendingCount++
  if (!isSafe(c.methodId)) serving.unsafePending++
}

function forget(serving: Serving, c: Context): void {
  c.nextPending = null
  serving.pendingCount--
  if (!isSafe(c.methodId)) serving.unsafePending--
}

/** False when the context was not there. */
export function removePending(serving: Serving, c: Context): boolean {
  const { pending } = serving
  let other = c.slot < pending.length ? (pending[c.slot] as Context | null) : null
  if (other === c) {
    pending[c.slot] = c.nextPending
    forget(serving, c)
    return true
  }
  while (other !== null) {
    if (other.nextPending === c) {
      other.nextPending = c.nextPending
      forget(serving, c)
      return true
    }
    other = other.nextPending
  }
  return false
}

export function findPending(
  serving: Serving,
  slot: number,
  generation: number,
  sequence: number,
): Context | null {
  let c = slot < serving.pending.length ? (serving.pending[slot] as Context | null) : null
  while (c !== null && (c.generation !== generation || c.sequence !== sequence)) c = c.nextPending
  return c
}
