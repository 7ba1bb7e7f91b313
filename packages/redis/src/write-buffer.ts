// Hot path: one WriteBuffer a connection holds the bytes of a turn.

/** Size of a segment, in bytes; a larger value gets a segment of its own. */
export const SEGMENT_BYTES = 65_536

/** A value of this size and more is not copied into a shared segment. */
export const OWN_SEGMENT_BYTES = 16_384

const NONE: Buffer = Buffer.alloc(0)

/** The segment that no connection uses now: an idle connection owns none. */
let spare: Buffer | undefined

/** Bytes on their way to the socket, in order: full segments, then the one being written. */
export class WriteBuffer {
  /** The segment being written. Encoders write at `position` what they have reserved. */
  bytes: Buffer = NONE
  position = 0
  readonly #sealed: Uint8Array[] = []
  #sealedBytes = 0

  /** Bytes in all segments. */
  get length(): number {
    return this.#sealedBytes + this.position
  }

  /** Makes room for `bytes` more, at most SEGMENT_BYTES. */
  reserve(bytes: number): void {
    if (this.bytes.length - this.position >= bytes) return
    this.#seal()
    this.bytes = spare ?? Buffer.allocUnsafeSlow(SEGMENT_BYTES)
    spare = undefined
  }

  /** Adds bytes that stay as they are until they are sent: they are not copied. */
  append(bytes: Uint8Array): void {
    this.#seal()
    this.#sealed.push(bytes)
    this.#sealedBytes += bytes.length
  }

  /** Adds text as UTF-8. */
  appendText(text: string): void {
    if (text.length >= OWN_SEGMENT_BYTES) {
      this.append(Buffer.from(text, 'utf8'))
      return
    }
    this.reserve(text.length * 3)
    this.position += this.bytes.write(text, this.position, 'utf8')
  }

  /** Adds bytes of somebody else: small ones are copied, others stay as they are until sent. */
  appendBytes(bytes: Uint8Array): void {
    if (bytes.length >= OWN_SEGMENT_BYTES) {
      this.append(bytes)
      return
    }
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.position)
    this.position += bytes.length
  }

  /** How many segments are full. */
  get segments(): number {
    return this.#sealed.length
  }

  /** Takes back what was added since `bytes`, `position` and `segments` were these. */
  takeBack(bytes: Buffer, position: number, segments: number): void {
    for (const segment of this.#sealed.splice(segments)) this.#sealedBytes -= segment.length
    this.bytes = bytes
    this.position = position
  }

  /** Ends the segment being written; what is left of it serves the next bytes. */
  #seal(): void {
    if (this.position > 0) {
      this.#sealed.push(this.bytes.subarray(0, this.position))
      this.#sealedBytes += this.position
    }
    this.bytes = this.bytes.subarray(this.position)
    this.position = 0
  }

  /** Whether all bytes are in one segment, which `only()` shows and `reuse()` gives back. */
  get isOne(): boolean {
    return this.#sealed.length === 0
  }

  /** The bytes of the one segment. */
  only(): Buffer {
    return this.bytes.subarray(0, this.position)
  }

  /** After `only()`: nobody reads the segment any more. */
  reuse(): void {
    if (this.bytes.length === SEGMENT_BYTES) spare = this.bytes
    this.giveAway()
  }

  /** After `only()`: the socket owns the segment now. */
  giveAway(): void {
    this.bytes = NONE
    this.position = 0
  }

  /** Takes all segments out, oldest first. */
  take(): Uint8Array[] {
    this.#seal()
    this.bytes = NONE
    this.#sealedBytes = 0
    return this.#sealed.splice(0)
  }
}
