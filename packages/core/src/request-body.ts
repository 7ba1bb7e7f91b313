// A request body that arrives in events: asked for at the first read, collected within its limit.
import {
  COMMAND_READ_OFF,
  COMMAND_READ_ON,
  EVENT_KIND_BODY_BYTES,
  EVENT_KIND_BODY_END,
  RESPONSE_KIND_COMMAND,
} from '@celeris/engine/layout'
import { type Answered, commitRecord, openRecord } from './arena.ts'
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

/** Collects one body. */
export class BodyCollector {
  readonly bytes: Promise<Uint8Array>
  readonly #request: Answered
  readonly #limit: number
  #chunks: Uint8Array[] = []
  #length = 0
  #resolve: (bytes: Uint8Array) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #settled = false
  #asked = false

  /** @param limit most bytes the first reader takes; a body of unknown length is not collected beyond it. */
  constructor(request: Answered, limit: number) {
    this.#request = request
    this.#limit = limit
    this.bytes = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever reads sees the error; a body nobody reads must not end the process.
    this.bytes.catch(() => {})
  }

  /** Asks the engine for the body; once. */
  start(): void {
    if (this.#asked || this.#settled) return
    this.#asked = true
    this.#command(COMMAND_READ_ON)
  }

  #command(command: number): void {
    openRecord(this.#request.engine)
    commitRecord(this.#request, RESPONSE_KIND_COMMAND, command, 0, 0, 0)
  }

  /** Takes an event of the body; the bytes are copied, they die with the batch. */
  take(kind: number, code: number, chunk: Uint8Array): void {
    if (this.#settled) return
    if (kind === EVENT_KIND_BODY_BYTES) {
      this.#chunks.push(Uint8Array.prototype.slice.call(chunk))
      this.#length += chunk.length
      if (this.#length > this.#limit) {
        this.#command(COMMAND_READ_OFF)
        this.fail(new PayloadTooLargeError(`the request body is larger than ${this.#limit} bytes`))
      }
    } else if (kind === EVENT_KIND_BODY_END) {
      this.#settled = true
      const chunks = this.#chunks
      this.#chunks = []
      this.#resolve(
        chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, this.#length),
      )
    } else this.fail(bodyError(code))
  }

  /** The body will not come. */
  fail(error: unknown): void {
    if (this.#settled) return
    this.#settled = true
    this.#chunks = []
    this.#reject(error)
  }
}
