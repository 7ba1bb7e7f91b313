// Hot path: what is kept of a line or bulk string whose end has not arrived.
import { isAscii } from 'node:buffer'

/** Smaller pieces are copied together, so that a peer that sends single bytes costs no object each. */
const PIECE_BYTES_MIN = 4_096
const BLOCK_BYTES_MIN = 64
const BLOCK_BYTES_MAX = 65_536

/** Values up to this size are joined in memory that is used again and again. */
const SCRATCH_BYTES = 131_072
let scratch: Buffer | null = null

/** Bytes of one value in the order of their arrival; memory follows them, never an announced size. */
export class HeldBytes {
  /** How many are held. */
  length: number
  #pieces: Buffer[]
  /** The block that small pieces are copied to; it becomes a piece when full or when a large one comes. */
  #block: Buffer | null
  #blockBytes: number

  constructor() {
    this.length = 0
    this.#pieces = []
    this.#block = null
    this.#blockBytes = 0
  }

  add(chunk: Buffer, start: number, end: number): void {
    const size = end - start
    if (size === 0) return
    if (size >= PIECE_BYTES_MIN) {
      this.#closeBlock()
      this.#pieces.push(chunk.subarray(start, end))
    } else {
      this.#copy(chunk, start, end)
    }
    this.length += size
  }

  isAscii(): boolean {
    this.#closeBlock()
    return this.#pieces.every((piece) => isAscii(piece))
  }

  /** All of them and these last ones, in memory of their own; nothing is held afterwards. */
  takeOwned(chunk: Buffer, start: number, end: number): Buffer {
    const all = Buffer.allocUnsafeSlow(this.length + end - start)
    this.#moveTo(all, chunk, start, end)
    return all
  }

  /** The same, to be read before the next call of any instance: behind the value stand other bytes. */
  takeBorrowed(chunk: Buffer, start: number, end: number): Buffer {
    if (this.length + end - start > SCRATCH_BYTES) return this.takeOwned(chunk, start, end)
    scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES)
    this.#moveTo(scratch, chunk, start, end)
    return scratch
  }

  clear(): void {
    this.length = 0
    this.#pieces = []
    this.#block = null
    this.#blockBytes = 0
  }

  #moveTo(target: Buffer, chunk: Buffer, start: number, end: number): void {
    this.#closeBlock()
    let position = 0
    for (let index = 0; index < this.#pieces.length; index++) {
      position += this.#pieces[index]!.copy(target, position)
    }
    chunk.copy(target, position, start, end)
    this.clear()
  }

  #copy(chunk: Buffer, start: number, end: number): void {
    let from = start
    while (from < end) {
      if (this.#block === null || this.#blockBytes === this.#block.length)
        this.#openBlock(end - from)
      const copied = chunk.copy(this.#block!, this.#blockBytes, from, end)
      this.#blockBytes += copied
      from += copied
    }
  }

  #openBlock(wanted: number): void {
    this.#closeBlock()
    const grown = Math.min(Math.max(this.length, wanted, BLOCK_BYTES_MIN), BLOCK_BYTES_MAX)
    this.#block = Buffer.allocUnsafe(grown)
  }

  #closeBlock(): void {
    if (this.#block === null) return
    this.#pieces.push(this.#block.subarray(0, this.#blockBytes))
    this.#block = null
    this.#blockBytes = 0
  }
}
