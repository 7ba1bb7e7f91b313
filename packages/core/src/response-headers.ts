// Hot path. Header lines a handler has set, in order, without an allocation up to the usual number.

/** Header lines of an answer that need no further memory, content-type and content-length counted. */
export const RESPONSE_HEADER_INLINE = 24
/** What is left for handlers: content-type and content-length are put in front. */
export const RESPONSE_HEADER_SCRATCH: number = RESPONSE_HEADER_INLINE - 2

/** Fields that may stand in several lines only as `set-cookie`; all others are joined by the reader. */
export class ResponseHeaders {
  /** Number of lines. */
  count = 0
  readonly #names: string[] = new Array<string>(RESPONSE_HEADER_SCRATCH).fill('')
  readonly #values: string[] = new Array<string>(RESPONSE_HEADER_SCRATCH).fill('')
  /** Lines beyond the scratch; kept for the next request once it was needed. */
  #spill: string[] | null = null

  /** Name of a line, in lower case. */
  name(index: number): string {
    return index < RESPONSE_HEADER_SCRATCH
      ? (this.#names[index] as string)
      : ((this.#spill as string[])[(index - RESPONSE_HEADER_SCRATCH) * 2] as string)
  }

  value(index: number): string {
    return index < RESPONSE_HEADER_SCRATCH
      ? (this.#values[index] as string)
      : ((this.#spill as string[])[(index - RESPONSE_HEADER_SCRATCH) * 2 + 1] as string)
  }

  #put(index: number, name: string, value: string): void {
    if (index < RESPONSE_HEADER_SCRATCH) {
      this.#names[index] = name
      this.#values[index] = value
      return
    }
    this.#spill ??= []
    this.#spill[(index - RESPONSE_HEADER_SCRATCH) * 2] = name
    this.#spill[(index - RESPONSE_HEADER_SCRATCH) * 2 + 1] = value
  }

  /** Index of the first line of a name, -1 when there is none. */
  find(name: string): number {
    for (let index = 0; index < this.count; index++) if (this.name(index) === name) return index
    return -1
  }

  /** Whether something may have spilled, for tests. */
  get spilled(): boolean {
    return this.#spill !== null
  }

  append(name: string, value: string): void {
    this.#put(this.count++, name, value)
  }

  /** Replaces all lines of a name by one, in the place of the first. */
  set(name: string, value: string): void {
    const index = this.find(name)
    if (index < 0) {
      this.append(name, value)
      return
    }
    this.#put(index, name, value)
    this.#removeFrom(index + 1, name)
  }

  delete(name: string): void {
    this.#removeFrom(0, name)
  }

  /** Replaces the value of one line. */
  replace(index: number, value: string): void {
    this.#put(index, this.name(index), value)
  }

  #removeFrom(start: number, name: string): void {
    let kept = start
    for (let index = start; index < this.count; index++) {
      if (this.name(index) === name) continue
      if (kept !== index) this.#put(kept, this.name(index), this.value(index))
      kept++
    }
    this.count = kept
  }

  /** Keeps the lines whose name passes. */
  keep(wanted: (name: string) => boolean): void {
    let kept = 0
    for (let index = 0; index < this.count; index++) {
      if (!wanted(this.name(index))) continue
      if (kept !== index) this.#put(kept, this.name(index), this.value(index))
      kept++
    }
    this.count = kept
  }
}
