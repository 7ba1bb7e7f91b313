// One listener for each AbortSignal, however many commands of however many clients wait with it.

/** Something that ends when its signal aborts. */
export interface Abortable {
  abort(reason: unknown): void
}

/** What waits with one signal. */
export class SignalWatch {
  readonly #signal: AbortSignal
  readonly #pending = new Set<Abortable>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  readonly #aborted = (): void => {
    this.#signal.removeEventListener('abort', this.#aborted)
    const pending = [...this.#pending]
    this.#pending.clear()
    for (const one of pending) one.abort(this.#signal.reason)
  }

  add(one: Abortable): void {
    if (this.#pending.size === 0) this.#signal.addEventListener('abort', this.#aborted)
    this.#pending.add(one)
  }

  /** It is over; with the last one the listener goes. */
  delete(one: Abortable): void {
    if (!this.#pending.delete(one) || this.#pending.size > 0) return
    this.#signal.removeEventListener('abort', this.#aborted)
  }

  /** A promise that settles as `promise` does, or rejects with the reason when the signal aborts. */
  race<T>(promise: Promise<T>, giveUp: (reason: unknown) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const one = {
        abort: (reason: unknown) => {
          reject(reason)
          giveUp(reason)
        },
      }
      this.add(one)
      promise.then(
        (value) => {
          this.delete(one)
          resolve(value)
        },
        (error: unknown) => {
          this.delete(one)
          reject(error)
        },
      )
    })
  }
}

const watches = new WeakMap<AbortSignal, SignalWatch>()

/** The watch of a signal: it lives as long as that. */
export function watchOf(signal: AbortSignal): SignalWatch {
  let watch = watches.get(signal)
  if (watch === undefined) {
    watch = new SignalWatch(signal)
    watches.set(signal, watch)
  }
  return watch
}
