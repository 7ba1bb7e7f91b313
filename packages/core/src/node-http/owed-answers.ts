// The requests of one connection whose answers have not left in full, in their order.
import { OWED_ANSWERS_MAX, UNSENT_BYTES_MAX } from '@celeris/engine/layout'
import type { Exchange } from './exchange.ts'

const isOwed = ({ state, given }: Exchange): boolean => state === 'dispatched' && given === 'more'

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

  /** A dispatched request whose answer is not complete yet. */
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

  /** The request whose answer is in turn: all earlier ones were handed over in full. */
  get next(): Exchange | null {
    return this.#all[this.#handedOver] ?? null
  }

  /** The request whose answer is in turn while nothing of the earlier ones is left to send. */
  get first(): Exchange | null {
    return this.#all[0] ?? null
  }

  /** Output of an answer is on its way. */
  markQueued(exchange: Exchange, bytes: number): void {
    exchange.unsentBytes += bytes
    this.#unsentBytes += bytes
  }

  /** The kernel has taken output of an answer that is not sent in full. */
  markFlushed(exchange: Exchange, bytes: number): void {
    exchange.unsentBytes -= bytes
    this.#unsentBytes -= bytes
  }

  /** All of an answer is on its way. */
  markHandedOver(): void {
    this.#handedOver++
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
    // Nobody knows how large an answer in parts becomes: no request is begun behind it.
    if (this.#all.some(({ answer, given }) => answer !== null && given === 'more')) {
      this.#full = true
      return true
    }
    const waiting = this.#dispatched - this.#handedOver
    this.#full = this.#full
      ? waiting > OWED_ANSWERS_MAX / 2 || this.#unsentBytes > UNSENT_BYTES_MAX / 2
      : waiting >= OWED_ANSWERS_MAX || this.#unsentBytes >= UNSENT_BYTES_MAX
    return this.#full
  }
}
