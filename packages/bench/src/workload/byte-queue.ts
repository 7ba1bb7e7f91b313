/** Bytes of a stream, taken in the amounts that a reader needs. One reader at a time. */
export class ByteQueue {
  #chunks: Buffer[] = []
  #size = 0
  #ended = false
  #error: Error | undefined
  #wake: (() => void) | undefined

  /** Adds what arrived. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    this.#wake?.()
  }

  /** Says that nothing more will come, in good order or with an error. */
  end(error?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    this.#wake?.()
  }

  /** What has arrived and was not taken. */
  get size(): number {
    return this.#size
  }

  /** Whether the stream has ended, with bytes left or without. */
  get ended(): boolean {
    return this.#ended
  }

  async #more(): Promise<void> {
    if (this.#ended)
      throw this.#error ?? new Error(`the stream ended with ${this.#size} bytes of an answer`)
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = undefined
  }

  #joined(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] as Buffer
  }

  /** The next `count` bytes. */
  async take(count: number): Promise<Buffer> {
    while (this.#size < count) await this.#more()
    if (count === 0) return Buffer.alloc(0)
    const all = this.#joined()
    this.#chunks = count === all.length ? [] : [all.subarray(count)]
    this.#size -= count
    return all.subarray(0, count)
  }

  /** What stands before the next `mark`, which is taken too. */
  async takeUntil(mark: string, most: number): Promise<string> {
    for (;;) {
      const all = this.#joined()
      const at = all.indexOf(mark, 0, 'latin1')
      if (at >= 0) return (await this.take(at + mark.length)).toString('latin1', 0, at)
      if (all.length > most) throw new Error(`no end of a head in ${all.length} bytes`)
      await this.#more()
    }
  }

  /** Waits for the first byte or the end; tells whether there is a byte. */
  async hasMore(): Promise<boolean> {
    while (this.#size === 0 && !this.#ended) await this.#more()
    return this.#size > 0
  }

  /** Waits for the end and gives what was left, whatever ended it. */
  async rest(): Promise<Buffer> {
    while (!this.#ended) await this.#more()
    return this.take(this.#size)
  }
}
