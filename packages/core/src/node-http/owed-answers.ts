// The requests of one connection whose answers have not left in full, in their order.
import { OWED_ANSWERS_MAX, UNSENT_BYTES_MAX } from '@celeris/engine/layout'
import type { Exchange } from './exchange.ts'

const isOwed = ({ state, answer }: Exchange): boolean => state === 'dispatched' && answer === null

export class OwedAnswers {
  readonly #all: Exchange[] = []
  #dispatched = 0
  #handedOver = 0
  #unsentBytes = 0
  #full = false

  get count(): number {
    return this.#all.length
  }

  get unsentBytes(): number {
    return this.#unsentBytes
  }

  get last(): Exchange | null {
    return this.#all.at(-1) ?? null
  }

  add(exchange: Exchange): void {
    this.#all.push(exchange)
  }

  /** A dispatched request that has no answer yet. */
  find(sequence: number): Exchange | null {
    return this.#all.find((exchange) => exchange.sequence === sequence && isOwed(exchange)) ?? null
  }

  /** The request that waits longest for its answer. */
  get oldest(): Exchange | null {
    return this.#all.find(isOwed) ?? null
  }

  /** The next complete request that has not been dispatched. */
  get ready(): Exchange | null {
    const next = this.#all[this.#dispatched]
    return next?.state === 'ready' ? next : null
  }

  markDispatched(exchange: Exchange): void {
    exchange.state = 'dispatched'
    this.#dispatched++
  }

  /** The next answer in line, if it is given. Raw bytes must not overtake what node still holds. */
  get sendable(): Exchange | null {
    const next = this.#all[this.#handedOver]
    if (next === undefined || next.answer === null) return null
    return next.response === null && this.#handedOver > 0 ? null : next
  }

  markHandedOver(exchange: Exchange, bytes: number): void {
    exchange.unsentBytes = bytes
    this.#handedOver++
    this.#unsentBytes += bytes
  }

  /** The oldest answer is with the kernel. */
  markSent(exchange: Exchange): void {
    if (this.#all[0] !== exchange) return
    this.#all.shift()
    this.#dispatched = Math.max(0, this.#dispatched - 1)
    this.#handedOver = Math.max(0, this.#handedOver - 1)
    this.#unsentBytes -= exchange.unsentBytes
  }

  /** Forgets the requests behind this one, and gives back those that were dispatched. */
  dropBehind(exchange: Exchange): Exchange[] {
    const kept = this.#all.indexOf(exchange) + 1
    const dropped = this.#all.splice(kept).filter(isOwed)
    this.#dispatched = Math.min(this.#dispatched, kept)
    this.#handedOver = Math.min(this.#handedOver, kept)
    return dropped
  }

  /** Forgets the last request; it was not dispatched. */
  dropLast(): void {
    this.#all.pop()
  }

  clear(): void {
    this.#all.length = 0
  }

  /** Whether reading and dispatch must wait: from the limit on, until half of it is gone (PIP-3). */
  get full(): boolean {
    const share = this.#full ? 2 : 1
    const waiting = this.#dispatched - this.#handedOver
    this.#full =
      waiting >= OWED_ANSWERS_MAX / share || this.#unsentBytes >= UNSENT_BYTES_MAX / share
    return this.#full
  }
}
