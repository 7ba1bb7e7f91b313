// What can be streamed as an answer, behind one way to pull and to cancel it.
import { tagOf } from './web-tags.ts'

/** Bytes of a body, or text that is sent as UTF-8. */
export type BodyChunk = string | Uint8Array

/** Anything `c.stream()` takes: a web stream, a Node stream, an iterable, sync or async. */
export type StreamSource =
  | ReadableStream<BodyChunk | ArrayBuffer>
  | AsyncIterable<BodyChunk | ArrayBuffer>
  | Iterable<BodyChunk | ArrayBuffer>

/** A source of chunks, pulled one at a time. */
export interface BodySource {
  /** The next chunk; undefined at the end. Rejects when the source fails. */
  next(): Promise<BodyChunk | undefined>
  /** Nobody pulls any more. The source learns it once, whatever is called afterwards. */
  cancel(reason: unknown): void
}

/** What a Node stream has besides being iterable. */
interface EventSource {
  on?(name: string, listener: () => void): unknown
  destroy?(): unknown
}

/** Makes bytes or text of a chunk. */
export function bodyChunk(chunk: unknown): BodyChunk {
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return chunk
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  if (ArrayBuffer.isView(chunk))
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  throw new TypeError(
    `a streamed answer consists of strings and bytes, not of ${chunk === null ? 'null' : typeof chunk}: encode its parts first`,
  )
}

class WebSource implements BodySource {
  readonly #reader: ReadableStreamDefaultReader<unknown>
  #done = false
  constructor(stream: ReadableStream<unknown>) {
    this.#reader = stream.getReader()
  }
  async next(): Promise<BodyChunk | undefined> {
    const { done, value } = await this.#reader.read()
    if (!done) return bodyChunk(value)
    this.#done = true
    return undefined
  }
  cancel(reason: unknown): void {
    if (this.#done) return
    this.#done = true
    this.#reader.cancel(reason).catch(() => undefined)
  }
}

class IteratedSource implements BodySource {
  readonly #iterable: AsyncIterable<unknown> | Iterable<unknown>
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | null = null
  #done = false
  constructor(iterable: AsyncIterable<unknown> | Iterable<unknown>) {
    this.#iterable = iterable
    // A Node stream may fail before it is pulled, or behind its end: the first pull tells, nobody else need listen.
    const { on, destroy } = iterable as EventSource
    if (typeof on === 'function' && typeof destroy === 'function')
      on.call(iterable, 'error', () => undefined)
  }
  async next(): Promise<BodyChunk | undefined> {
    this.#iterator ??=
      Symbol.asyncIterator in this.#iterable
        ? this.#iterable[Symbol.asyncIterator]()
        : this.#iterable[Symbol.iterator]()
    try {
      const { done, value } = await this.#iterator.next()
      if (done !== true) return bodyChunk(value)
    } catch (error) {
      // What threw has ended; a chunk that is none ends it.
      if (error instanceof TypeError) this.cancel(error)
      this.#done = true
      throw error
    }
    this.#done = true
    return undefined
  }
  cancel(_reason: unknown): void {
    if (this.#done) return
    this.#done = true
    // A Node stream frees its descriptor at once, also when it was never read.
    const { destroy } = this.#iterable as EventSource
    if (typeof destroy === 'function') destroy.call(this.#iterable)
    else {
      try {
        Promise.resolve(this.#iterator?.return?.()).catch(() => undefined)
      } catch {
        // It was to end, and has.
      }
    }
  }
}

/** Whether a value is a stream or an asynchronous iterable. Names no global, which would load it. */
export function isStreamed(value: unknown): value is ReadableStream | AsyncIterable<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    (Symbol.asyncIterator in value || tagOf(value) === 'ReadableStream')
  )
}

/**
 * Wraps what is to be streamed.
 * @throws TypeError when it is no stream and no iterable, or a web stream that somebody reads already.
 */
export function bodySource(value: unknown): BodySource {
  if (typeof value === 'object' && value !== null) {
    if (tagOf(value) === 'ReadableStream') {
      const stream = value as ReadableStream<unknown>
      if (stream.locked)
        throw new TypeError('the stream is locked: somebody reads it already; give one that is not')
      return new WebSource(stream)
    }
    if (Symbol.asyncIterator in value || Symbol.iterator in value)
      return new IteratedSource(value as AsyncIterable<unknown> | Iterable<unknown>)
  }
  throw new TypeError(
    'c.stream(): give a ReadableStream, a Node stream, or an iterable of strings and bytes',
  )
}
