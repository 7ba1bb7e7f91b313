// An answer that leaves in parts: its head, then pieces while the connection has room (core.md A-12, http1.md BP-1).
import { CelerisError } from '@celeris/engine'
import {
  COMMAND_ABORT,
  COMMAND_PULL,
  METHOD_HEAD,
  QUEUED_BYTES_MAX,
  RESPONSE_FLAG_CHUNKED,
  RESPONSE_FLAG_CLOSE,
  RESPONSE_FLAG_CUT,
  RESPONSE_FLAG_MORE,
  RESPONSE_FLAG_OMIT_BODY,
  RESPONSE_FLAG_OWN_LENGTH,
  RESPONSE_KIND_RAW,
  WRITER_BYTES_MAX,
} from '@celeris/engine/layout'
import { commitBytes, commitCommand, commitRecord, openRecord, reserve } from './arena.ts'
import type { BodyChunk, BodySource } from './body-source.ts'
import type { Context } from './context.ts'
import { bytes } from './memory.ts'
import { type Answer, writeHead } from './response-writer.ts'

/** Pieces of a body that is there as a whole: fewer turns, and still little that a slow reader holds. */
const WHOLE_PIECE_BYTES = 131_072
/** Text up to here is encoded where it leaves from. */
const DIRECT_TEXT_MAX = 16_384
/** A detached context may ignore backpressure for longer (BP-1). */
const DETACHED_BYTES_MAX = 4 * QUEUED_BYTES_MAX

/** How a streamed body ends on the wire (RES-3, RES-4). */
type Framing = 'none' | 'chunked' | 'length' | 'close'

/** One answer in parts. */
export class ResponseStream {
  readonly #c: Context
  /** What is pulled for it; null when a writer pushes, or the body is there as a whole. */
  readonly source: BodySource | null
  /** Bytes taken from whoever produces them. */
  bytesWritten = 0
  /** A body of one chunk, as the body of most web Responses is, is sent with its length instead of chunked. */
  prefersLength = false
  /** The chain of handlers has settled: the end of the stream is the end of the request. */
  chainSettled = false
  #state: 'fresh' | 'opening' | 'open' | 'ended' = 'fresh'
  #framing: Framing = 'none'
  #begun = false
  #window = WRITER_BYTES_MAX
  #length = -1
  #complete = false
  #ending = false
  /** Bytes handed to the engine since it last said that there is room. */
  #unacknowledged = 0
  #pulling = false
  readonly #queue: Uint8Array[] = []
  #queuedBytes = 0
  #room: Promise<boolean> | null = null
  #roomResolve: (open: boolean) => void = () => undefined
  #closed: Promise<boolean> | null = null
  #closedResolve: (complete: boolean) => void = () => undefined

  constructor(c: Context, source: BodySource | null) {
    this.#c = c
    this.source = source
  }

  /** The head is out, or about to leave: the status stands. */
  get begun(): boolean {
    return this.#begun
  }

  get ended(): boolean {
    return this.#state === 'ended'
  }

  /** Whether the producer should wait. */
  get full(): boolean {
    return this.#unacknowledged + this.#queuedBytes >= WRITER_BYTES_MAX
  }

  /** Settles when the stream has ended: true when it did so in full. */
  get closed(): Promise<boolean> {
    if (this.#closed === null) {
      if (this.#state === 'ended') this.#closed = Promise.resolve(this.#complete)
      else
        this.#closed = new Promise((resolve) => {
          this.#closedResolve = resolve
        })
    }
    return this.#closed
  }

  /** Settles when there is room: false when nobody reads any more. */
  room(): Promise<boolean> {
    if (this.#state === 'ended') return Promise.resolve(false)
    this.#room ??= new Promise((resolve) => {
      this.#roomResolve = resolve
    })
    return this.#room
  }

  /** Writes the head. What was written before follows it. */
  open(): void {
    if (this.#state === 'ended' || this.#state === 'open') return
    this.#writeHead(-1)
    this.#drain()
  }

  /** A body that is there as a whole, and too large to be copied as such. */
  openWhole(body: Uint8Array): void {
    if (this.#state === 'ended') return
    this.#window = WHOLE_PIECE_BYTES
    this.#writeHead(body.length)
    if (this.#state !== 'open') return
    this.bytesWritten = body.length
    this.#enqueue(body)
    this.#ending = true
    this.#drain()
  }

  /** Throws before anything is written when the length that was stated cannot come true (RES-6). */
  #writeHead(wholeLength: number): void {
    const c = this.#c
    const status = c.answerStatus
    const stated = c.answerHeaders?.find('content-length') ?? -1
    if (stated >= 0) this.#length = Number(c.answerHeaders?.value(stated))
    else if (wholeLength >= 0) this.#length = wholeLength
    const line = stated < 0 && wholeLength >= 0 ? `content-length: ${wholeLength}\r\n` : ''
    const answer: Answer = c
    if (c.methodId === METHOD_HEAD || status === 204 || status === 205 || status === 304) {
      const head = c.methodId === METHOD_HEAD
      writeHead(
        answer,
        head ? RESPONSE_FLAG_OWN_LENGTH | RESPONSE_FLAG_OMIT_BODY : 0,
        head ? line : '',
      )
      this.#begun = true
      this.source?.cancel(undefined)
      this.#end(true)
      return
    }
    const known = wholeLength >= 0 ? wholeLength : this.bytesWritten
    const all = wholeLength >= 0 || this.#ending
    if (this.#length >= 0 && (known > this.#length || (all && known < this.#length)))
      throw mismatch(this.#length, all ? `${known} bytes` : 'more')
    if (this.#length >= 0) {
      this.#framing = 'length'
      writeHead(answer, RESPONSE_FLAG_MORE | RESPONSE_FLAG_OWN_LENGTH, line)
    } else if (c.protocol === '1.0') {
      this.#framing = 'close'
      writeHead(answer, RESPONSE_FLAG_MORE | RESPONSE_FLAG_OWN_LENGTH | RESPONSE_FLAG_CLOSE, '')
    } else {
      this.#framing = 'chunked'
      writeHead(answer, RESPONSE_FLAG_MORE | RESPONSE_FLAG_CHUNKED, '')
    }
    this.#begun = true
    this.#state = 'open'
  }

  /**
   * Takes a chunk, by reference when it cannot leave at once. False when nobody reads any more.
   * @throws CelerisError `CELERIS_CONTENT_LENGTH_MISMATCH` for more bytes than the head states.
   */
  write(chunk: BodyChunk): boolean {
    if (this.#state === 'ended' || this.#ending) return false
    if (this.#state === 'fresh') {
      this.#state = 'opening'
      this.#c.serving.openStream(this.#c)
    }
    if (typeof chunk === 'string' && this.#takesNow && chunk.length <= DIRECT_TEXT_MAX)
      return this.#writeText(chunk)
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (piece.length === 0) return (this.#state as string) !== 'ended'
    this.#account(piece.length)
    if (this.#queuedBytes > (this.#c.isDetached ? DETACHED_BYTES_MAX : QUEUED_BYTES_MAX)) {
      this.#overflow()
      return false
    }
    this.#enqueue(piece)
    this.#drain()
    return (this.#state as string) !== 'ended'
  }

  /** Whether a piece need not queue. */
  get #takesNow(): boolean {
    return this.#state === 'open' && this.#queuedBytes === 0 && this.#unacknowledged < this.#window
  }

  #account(count: number): void {
    if (this.#state === 'open' && this.#length >= 0 && this.bytesWritten + count > this.#length)
      throw mismatch(this.#length, 'more')
    this.bytesWritten += count
  }

  #writeText(text: string): boolean {
    const c = this.#c
    if (text === '') return true
    const most = text.length * 3
    openRecord(c.engine)
    const at = reserve(c.engine, most)
    const count = bytes.write(text, at, 'utf8')
    this.#account(count)
    commitBytes(at + count)
    this.#commitPart(at, count, RESPONSE_FLAG_MORE)
    return true
  }

  #enqueue(piece: Uint8Array): void {
    this.#queue.push(piece)
    this.#queuedBytes += piece.length
  }

  /** Hands over what is queued, as far as there is room. */
  #drain(): void {
    const { engine } = this.#c
    while (this.#state === 'open' && this.#queuedBytes > 0 && this.#unacknowledged < this.#window) {
      const piece = this.#queue[0] as Uint8Array
      const count = Math.min(piece.length, this.#window - this.#unacknowledged)
      openRecord(engine)
      const at = reserve(engine, count)
      bytes.set(count === piece.length ? piece : piece.subarray(0, count), at)
      commitBytes(at + count)
      if (count === piece.length) this.#queue.shift()
      else this.#queue[0] = piece.subarray(count)
      this.#queuedBytes -= count
      const last = this.#ending && this.#queuedBytes === 0
      this.#commitPart(at, count, last ? 0 : RESPONSE_FLAG_MORE)
      if (last) this.#end(true)
    }
    if (this.#state === 'open' && this.#ending && this.#queuedBytes === 0) {
      openRecord(engine)
      this.#commitPart(0, 0, 0)
      this.#end(true)
    }
  }

  #commitPart(at: number, count: number, more: number): void {
    const c = this.#c
    let flags = RESPONSE_KIND_RAW | more
    if (this.#framing === 'chunked') flags |= RESPONSE_FLAG_CHUNKED
    if (this.#framing === 'close') flags |= RESPONSE_FLAG_CLOSE
    commitRecord(c, flags, at, count, 0, 0)
    this.#unacknowledged += count
    if (more === 0 || this.#pulling || this.#unacknowledged < this.#window) return
    this.#pulling = true
    commitCommand(this.#c, COMMAND_PULL)
  }

  /** The engine has room again. */
  onWritable(): void {
    this.#pulling = false
    this.#unacknowledged = 0
    this.#drain()
    if (!this.full) this.#tellRoom(true)
  }

  #tellRoom(open: boolean): void {
    if (this.#room === null) return
    this.#room = null
    this.#roomResolve(open)
  }

  /** No more bytes come: what is queued still leaves. Fewer than the head states cut the connection (RES-6). */
  end(): void {
    if (this.#state === 'ended' || this.#ending) return
    if (this.#state === 'fresh') {
      this.#state = 'opening'
      this.#ending = true
      this.#c.serving.openStream(this.#c)
      return
    }
    if (this.#state === 'open' && this.#length >= 0 && this.bytesWritten < this.#length) {
      this.#c.serving.logger.error(
        { stated: this.#length, written: this.bytesWritten },
        'a streamed answer ended before its content-length: the connection is cut',
      )
      this.cut(undefined)
      return
    }
    this.#ending = true
    this.#drain()
  }

  /** The answer ends incomplete, in its place, or not begun at all: the client must see that (RES-6, C-8). */
  cut(reason: unknown): void {
    if (this.#state === 'ended') return
    if (!this.#c.isAborted) cutAnswer(this.#c, this.#framing === 'close')
    this.source?.cancel(reason)
    this.#end(false)
  }

  /** Nobody reads any more, or another answer takes its place. */
  drop(reason: unknown): void {
    if (this.#state === 'ended') return
    this.source?.cancel(reason)
    this.#end(false)
  }

  /** A producer that ignores backpressure is cut at once: its reader takes nothing (BP-1). */
  #overflow(): void {
    const c = this.#c
    const error = new CelerisError(
      'CELERIS_BACKPRESSURE',
      `more than ${QUEUED_BYTES_MAX} bytes wait for a client that does not read: await what write() gives`,
    )
    c.serving.logger.error({ error, route: c.entry.pattern }, 'a writer ignored backpressure')
    if (!c.isAborted) commitCommand(c, COMMAND_ABORT)
    c.abort(error, true)
  }

  #end(complete: boolean): void {
    this.#state = 'ended'
    this.#complete = complete
    this.#queue.length = 0
    this.#queuedBytes = 0
    this.#tellRoom(false)
    this.#closedResolve(complete)
    if (this.#c.output === this) this.#c.serving.streamEnded(this.#c)
  }

  /**
   * Pulls the source to its end. Rejects when it fails; before the head is out that is an ordinary error.
   * @param prepare runs what comes before the head, then the function that writes it.
   */
  async pump(prepare: (open: () => void) => void | Promise<void>): Promise<void> {
    const source = this.source as BodySource
    let chunk = await source.next()
    if (this.#state === 'ended') return
    this.#state = 'opening'
    let next: Promise<BodyChunk | undefined> | null = null
    if (this.prefersLength && chunk !== undefined) {
      next = source.next()
      next.catch(() => undefined)
    }
    if (chunk === undefined || (next !== null && (await soon(next)) === undefined)) {
      const whole = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk ?? NOTHING)
      await prepare(() => this.openWhole(whole))
      return
    }
    await prepare(() => this.open())
    while (chunk !== undefined && this.write(chunk)) {
      if (this.full && !(await this.room())) return
      chunk = await (next ?? source.next())
      next = null
    }
    this.end()
  }
}

/** Ends an answer in its place, with what there is of it, and the connection behind it (RES-6). */
export function cutAnswer(c: Context, reset = false): void {
  openRecord(c.engine)
  const flags = RESPONSE_KIND_RAW | RESPONSE_FLAG_CUT | (reset ? RESPONSE_FLAG_CLOSE : 0)
  commitRecord(c, flags, 0, 0, 0, 0)
}

function mismatch(stated: number, actual: string): CelerisError {
  return new CelerisError(
    'CELERIS_CONTENT_LENGTH_MISMATCH',
    `content-length says ${stated} bytes, the stream has ${actual}: leave the header out, or state the true size`,
  )
}

const NOTHING: Uint8Array = new Uint8Array(0)
const NOT_YET = Symbol('not yet')

/** What a promise has settled with by the next turn of the loop, else NOT_YET. */
function soon<T>(promise: Promise<T>): Promise<T | typeof NOT_YET> {
  return Promise.race([
    promise,
    new Promise<typeof NOT_YET>((resolve) => setImmediate(resolve, NOT_YET)),
  ])
}
