// The body of one request: collected before dispatch, streamed in events, or read and dropped.
import type { IncomingMessage } from 'node:http'
import { PROGRESS_BYTES_PER_SECOND } from '@celeris/engine/layout'
import { ByteGather } from './byte-gather.ts'

/** Unread bytes of a streamed body at which the socket is left alone (BP-2). */
const HELD_BYTES_MAX = 256 * 1024
/** Smaller pieces are handed over together while others are on their way. */
const PIECE_BYTES_MIN = 16 * 1024

export interface BodyLimits {
  readonly maxRequestBodySize: number
  readonly maxHeaders: number
  readonly maxHeaderBytes: number
}

export interface BodyHooks {
  /** Bytes of a streamed body; call `taken` once they are in a batch. */
  readonly onBytes: (bytes: Buffer, taken: () => void) => void
  /** Every byte has come; `collected` holds them when the body was collected. */
  readonly onComplete: (collected: Buffer) => void
  /** The body or its trailers passed a limit; `status` says which. */
  readonly onFailure: (status: number) => void
}

export class RequestBody {
  readonly #message: IncomingMessage
  readonly #hooks: BodyHooks
  readonly #expected: number | null
  readonly #limits: BodyLimits
  #mode: 'untouched' | 'collect' | 'stream' | 'discard' = 'untouched'
  /** Of a collected body all, of a streamed one what waits behind bytes on their way into a batch. */
  readonly #gathered = new ByteGather()
  #underWay = 0
  #heldBytes = 0
  /** The handler asked for the bytes and has not paused. */
  wanted = false
  #windowStart = 0
  #windowBytes = 0
  received = 0
  complete = false

  /** `expected` is the content-length, null for a chunked body. */
  constructor(
    message: IncomingMessage,
    expected: number | null,
    limits: BodyLimits,
    hooks: BodyHooks,
  ) {
    this.#message = message
    this.#hooks = hooks
    this.#expected = expected
    this.#limits = limits
    message.on('error', () => undefined)
  }

  /** The parser has seen the end of the message; its bytes may still be on their way to us. */
  get parsed(): boolean {
    return this.#message.complete
  }

  /** More trailer lines than a head may have fields, or larger than a head may be (CHK-3). */
  get trailersTooLarge(): boolean {
    const { rawTrailers } = this.#message
    if (rawTrailers.length === 0) return false
    // Each name and each value has two bytes behind it, and so has the last line.
    const bytes = rawTrailers.reduce((sum, text) => sum + text.length + 2, 2)
    return rawTrailers.length / 2 > this.#limits.maxHeaders || bytes > this.#limits.maxHeaderBytes
  }

  /** Bytes have arrived: the client did not wait for 100 Continue. */
  get arrived(): boolean {
    return this.received > 0 || this.#message.readableLength > 0
  }

  /** Announced bytes that have not come; Infinity for a chunked body. */
  get missing(): number {
    return this.#expected === null ? Number.POSITIVE_INFINITY : this.#expected - this.received
  }

  /** Whether the peer's progress is timed: not while we ourselves do not read. */
  get timed(): boolean {
    return (
      !this.complete &&
      (this.#mode === 'collect' ||
        this.#mode === 'discard' ||
        (this.#mode === 'stream' && this.wanted))
    )
  }

  get windowStart(): number {
    return this.#windowStart
  }

  collect(now: number): void {
    this.#start('collect', now)
  }

  /** Delivers bytes, or goes on delivering. */
  readOn(now: number): void {
    this.wanted = true
    if (this.#mode === 'untouched') this.#start('stream', now)
    else this.#resume(now)
  }

  readOff(): void {
    this.wanted = false
    this.#message.pause()
  }

  /** Reads what is left and drops it. */
  discard(now: number): void {
    this.#start('discard', now)
    this.#message.resume()
  }

  /** Delivers nothing any more. */
  stop(): void {
    this.complete = true
    this.#mode = 'discard'
  }

  /** Ends a window of the body timer: true when it brought enough, and a new one begins (Timers). */
  progressed(now: number): boolean {
    const seconds = (now - this.#windowStart) / 1000
    if (this.received - this.#windowBytes < seconds * PROGRESS_BYTES_PER_SECOND) return false
    this.#window(now)
    return true
  }

  #window(now: number): void {
    this.#windowStart = now
    this.#windowBytes = this.received
  }

  #resume(now: number): void {
    if (!this.wanted || this.#heldBytes >= HELD_BYTES_MAX / 2) return
    if (this.#message.isPaused()) this.#window(now)
    this.#message.resume()
  }

  #start(mode: 'collect' | 'stream' | 'discard', now: number): void {
    const fresh = this.#mode === 'untouched'
    this.#mode = mode
    this.#window(now)
    if (!fresh) return
    this.#message.on('data', (chunk: Buffer) => this.#onData(chunk))
    this.#message.on('end', () => this.#finish())
  }

  #onData(chunk: Buffer): void {
    if (this.complete) return
    this.received += chunk.length
    if (this.received > this.#limits.maxRequestBodySize) {
      this.complete = true
      this.#hooks.onFailure(413)
      return
    }
    if (this.#mode === 'collect') this.#gathered.push(chunk)
    else if (this.#mode === 'stream') this.#deliver(chunk)
    if (this.#mode !== 'stream' && this.received === this.#expected) this.#finish()
  }

  #deliver(chunk: Buffer): void {
    this.#heldBytes += chunk.length
    if (this.#heldBytes >= HELD_BYTES_MAX) this.#message.pause()
    this.#gathered.push(chunk)
    if (this.#underWay === 0 || this.#gathered.length >= PIECE_BYTES_MIN) this.#handOver()
  }

  /** Chunks of one byte would else make an event each, and a queue of them. */
  #handOver(): void {
    if (this.#gathered.length === 0) return
    const bytes = this.#gathered.take()
    this.#underWay++
    this.#hooks.onBytes(bytes, () => {
      this.#underWay--
      this.#heldBytes -= bytes.length
      if (this.#underWay === 0) this.#handOver()
      this.#resume(performance.now())
    })
  }

  #finish(): void {
    if (this.complete) return
    this.complete = true
    if (this.trailersTooLarge) {
      this.#hooks.onFailure(431)
      return
    }
    if (this.#mode === 'stream') this.#handOver()
    this.#hooks.onComplete(this.#mode === 'collect' ? this.#gathered.take() : Buffer.alloc(0))
  }
}
