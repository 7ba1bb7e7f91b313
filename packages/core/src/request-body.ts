// A request body that arrives in events: asked for at the first read; collected within a limit, or streamed.
import {
  COMMAND_READ_OFF,
  COMMAND_READ_ON,
  EVENT_KIND_BODY_BYTES,
  EVENT_KIND_BODY_END,
  UNREAD_BODY_BYTES_MAX,
} from '@celeris/engine/layout'
import { type Answered, commitCommand } from './arena.ts'
import {
  BadRequestError,
  HttpError,
  PayloadTooLargeError,
  RequestTimeoutError,
} from './http-errors.ts'

/** The error a reader gets for a status the engine reported. */
export function bodyError(status: number): HttpError {
  if (status === 408) return new RequestTimeoutError('the request body did not arrive in time')
  if (status === 413)
    return new PayloadTooLargeError('the request body is larger than the server accepts')
  if (status === 431) return new HttpError(431, 'the trailers of the request body are too large')
  return new BadRequestError('the request body ended early or is malformed', {
    code: 'CELERIS_BODY_TRUNCATED',
  })
}

/** The body of one request. */
export class RequestBody {
  readonly #request: Answered
  /** Bytes held: for a collection until the request is over, for a stream until they are read. */
  #chunks: Uint8Array[] = []
  #length = 0
  #state: 'coming' | 'complete' | 'failed' = 'coming'
  #error: unknown
  #asked = false
  #paused = false
  #limit = Number.POSITIVE_INFINITY
  #collected: Promise<Uint8Array> | null = null
  #resolve: (bytes: Uint8Array) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined
  #streaming = false
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null
  #pulled: (() => void) | null = null
  /** What it may take of the budget for buffered bodies (BODY-5). */
  reservedBytes = 0

  constructor(request: Answered) {
    this.#request = request
  }

  /** A body that is complete already. */
  static of(request: Answered, bytes: Uint8Array): RequestBody {
    const body = new RequestBody(request)
    body.#asked = true
    if (bytes.length > 0) body.#hold(bytes)
    body.#state = 'complete'
    return body
  }

  /** Whether a stream has taken it. */
  get taken(): boolean {
    return this.#streaming
  }

  /** Asks the engine for the body; once. */
  #start(): void {
    if (this.#asked || this.#state !== 'coming') return
    this.#asked = true
    commitCommand(this.#request, COMMAND_READ_ON)
  }

  #hold(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }

  /**
   * All of it. The first caller's limit stands.
   * @param limit most bytes to collect; a body of unknown length is not read beyond it.
   */
  collect(limit: number): Promise<Uint8Array> {
    if (this.#collected !== null) return this.#collected
    this.#limit = limit
    this.#collected = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever reads sees the error; a body nobody reads must not end the process.
    this.#collected.catch(() => undefined)
    if (this.#state === 'complete') this.#deliver()
    else if (this.#state === 'failed') this.#reject(this.#error)
    else if (this.#length > limit) this.#tooLarge()
    else this.#start()
    return this.#collected
  }

  #deliver(): void {
    const [first] = this.#chunks
    this.#resolve(
      this.#chunks.length === 1 && first !== undefined
        ? first
        : Buffer.concat(this.#chunks, this.#length),
    )
  }

  #tooLarge(): void {
    commitCommand(this.#request, COMMAND_READ_OFF)
    this.fail(new PayloadTooLargeError(`the request body is larger than ${this.#limit} bytes`))
  }

  /** Hands it out as it comes, with backpressure to the socket (BP-2). */
  stream(): ReadableStream<Uint8Array> {
    this.#streaming = true
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) => this.#pull(controller),
        cancel: () => this.#abandon(),
      },
      { highWaterMark: 0 },
    )
  }

  #pull(controller: ReadableStreamDefaultController<Uint8Array>): void | Promise<void> {
    this.#controller = controller
    this.#start()
    const chunk = this.#chunks.shift()
    if (chunk !== undefined) {
      this.#length -= chunk.length
      controller.enqueue(chunk)
      this.#resume()
    } else if (this.#state === 'complete') controller.close()
    else if (this.#state === 'failed') controller.error(this.#error)
    else
      return new Promise((resolve) => {
        this.#pulled = resolve
      })
  }

  #resume(): void {
    if (!this.#paused || this.#state !== 'coming') return
    if (this.#length > UNREAD_BODY_BYTES_MAX / 2) return
    this.#paused = false
    commitCommand(this.#request, COMMAND_READ_ON)
  }

  #abandon(): void {
    if (this.#state === 'coming') commitCommand(this.#request, COMMAND_READ_OFF)
    this.#state = 'failed'
    this.#chunks = []
    this.#length = 0
  }

  /** Wakes the reader of the stream, if it waits. */
  #wake(): void {
    const pulled = this.#pulled
    if (pulled === null || this.#controller === null) return
    this.#pulled = null
    const again = this.#pull(this.#controller)
    if (again === undefined) pulled()
    else this.#pulled = pulled
  }

  /** Takes an event of the body; the bytes are copied, they die with the batch. */
  take(kind: number, code: number, chunk: Uint8Array): void {
    if (this.#state !== 'coming') return
    if (kind === EVENT_KIND_BODY_BYTES) {
      this.#hold(Uint8Array.prototype.slice.call(chunk))
      if (this.#streaming) {
        this.#wake()
        if (this.#length <= UNREAD_BODY_BYTES_MAX || this.#paused) return
        this.#paused = true
        commitCommand(this.#request, COMMAND_READ_OFF)
      } else if (this.#length > this.#limit) this.#tooLarge()
    } else if (kind === EVENT_KIND_BODY_END) {
      this.#state = 'complete'
      if (this.#streaming) this.#wake()
      else if (this.#collected !== null) this.#deliver()
    } else this.fail(bodyError(code))
  }

  /** The body will not come. */
  fail(error: unknown): void {
    if (this.#state !== 'coming') return
    this.#state = 'failed'
    this.#error = error
    this.#chunks = []
    this.#length = 0
    if (this.#collected !== null) this.#reject(error)
    // Whoever reads sees the error at once, not behind what is left.
    this.#controller?.error(error)
    this.#pulled?.()
    this.#pulled = null
  }
}
