// Requests of one connection overlap only when their methods are safe (http1.md PIP-2, RFC 9112 §9.3.2).
import { METHOD_GET, METHOD_HEAD, METHOD_OPTIONS, METHOD_TRACE } from '@celeris/engine/layout'
import type { Context } from './context.ts'
import type { Serving } from './serving.ts'

const SAFE_METHODS =
  (1 << METHOD_GET) | (1 << METHOD_HEAD) | (1 << METHOD_OPTIONS) | (1 << METHOD_TRACE)

/** Whether requests with this method may overlap (RFC 9110 §9.2.1). */
export function isSafe(methodId: number): boolean {
  return ((SAFE_METHODS >>> methodId) & 1) !== 0
}

/** Whether a request has to wait until earlier ones of its connection have settled. */
export function mustWait(serving: Serving, c: Context): boolean {
  const safe = isSafe(c.methodId)
  if (safe && serving.unsafePending === 0) return false
  let other = c.slot < serving.pending.length ? (serving.pending[c.slot] as Context | null) : null
  for (; other !== null; other = other.nextPending) {
    const earlier = ((other.sequence - c.sequence) | 0) < 0 && other.generation === c.generation
    if (earlier && !(safe && isSafe(other.methodId))) return true
  }
  return false
}

/** Holds a request back; `start` runs it. */
export function hold(serving: Serving, c: Context, start: () => void): void {
  c.heldStart = start
  serving.held++
}

/** Forgets the start of a request that was held back. False: it was not. */
export function unhold(serving: Serving, c: Context): boolean {
  if (c.heldStart === null) return false
  c.heldStart = null
  serving.held--
  return true
}

/** Starts what waited for a request that has settled, in order. */
export function startHeld(serving: Serving, slot: number, generation: number): void {
  for (;;) {
    let first: Context | null = null
    for (let c = serving.pending[slot] ?? null; c !== null; c = c.nextPending) {
      if (c.generation !== generation || c.heldStart === null) continue
      if (first === null || ((c.sequence - first.sequence) | 0) < 0) first = c
    }
    if (first === null || mustWait(serving, first)) return
    const start = first.heldStart as () => void
    unhold(serving, first)
    start()
  }
}
