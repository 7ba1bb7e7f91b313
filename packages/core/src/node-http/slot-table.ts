// Slots name connections in records; a generation tells the users of a slot apart.

export class SlotTable<T extends { readonly slot: number; readonly generation: number }> {
  readonly #entries: (T | null)[] = []
  readonly #generations: number[] = []
  readonly #free: number[] = []
  #count = 0

  /** Fills the slot that was freed last, or a new one. */
  add(make: (slot: number, generation: number) => T): T {
    const slot = this.#free.pop() ?? this.#entries.length
    const generation = this.#generations[slot] ?? 1
    this.#generations[slot] = generation
    const entry = make(slot, generation)
    this.#entries[slot] = entry
    this.#count++
    return entry
  }

  /** The owner of a slot, if it is still the one that is meant. */
  get(slot: number, generation: number): T | null {
    const entry = this.#entries[slot]
    return entry?.generation === generation ? entry : null
  }

  remove(entry: T): void {
    if (this.#entries[entry.slot] !== entry) return
    this.#entries[entry.slot] = null
    this.#generations[entry.slot] = (entry.generation + 1) | 0
    this.#free.push(entry.slot)
    this.#count--
  }

  get count(): number {
    return this.#count
  }

  get capacity(): number {
    return this.#entries.length
  }

  all(): T[] {
    return this.#entries.filter((entry) => entry !== null)
  }
}
