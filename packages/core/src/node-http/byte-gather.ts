// Pieces of a body until they are needed in one. A peer decides how small they are, not what they cost.

/** A piece is an object of some hundred bytes, however short: so many are joined at once. */
const PIECES_MAX = 256

export class ByteGather {
  #pieces: Buffer[] = []
  length = 0

  push(piece: Buffer): void {
    this.#pieces.push(piece)
    this.length += piece.length
    if (this.#pieces.length >= PIECES_MAX) this.#pieces = [Buffer.concat(this.#pieces)]
  }

  /** Everything, in one piece; empty afterwards. */
  take(): Buffer {
    const [first] = this.#pieces
    const all =
      this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces)
    this.#pieces = []
    this.length = 0
    return all
  }
}
