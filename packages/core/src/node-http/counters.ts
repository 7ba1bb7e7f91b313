import type { EngineMetrics } from '@celeris/engine'
import { COUNTER_NAMES, COUNTERS } from '@celeris/engine/layout'

/** Counters of one engine, by the indexes of the layout. */
export class Counters {
  readonly #values = new Float64Array(COUNTERS)

  add(index: number, count = 1): void {
    this.#values[index] = (this.#values[index] as number) + count
  }

  raise(index: number, atLeast: number): void {
    if ((this.#values[index] as number) < atLeast) this.#values[index] = atLeast
  }

  get(index: number): number {
    return this.#values[index] as number
  }

  metrics(): EngineMetrics {
    const entries = COUNTER_NAMES.map((name, index) => [name, this.#values[index] as number])
    return Object.fromEntries(entries) as EngineMetrics
  }
}
