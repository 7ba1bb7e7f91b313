import { type BodyChunk, bodyChunk } from './body-source.ts'
import type { ResponseStream } from './response-stream.ts'

/** Writes an answer piece by piece; what `c.writer()` gives. Works until `end()`, also after the handler has settled. */
export class ResponseWriter {
  readonly #stream: ResponseStream

  /** @internal */
  constructor(stream: ResponseStream) {
    this.#stream = stream
  }

  /**
   * Writes text or bytes; the first call writes the head too. Bytes must not change until they have left.
   * @returns true when more may follow at once; a promise when 64 KiB wait, which settles when half of them have
   * left (false: the client went meanwhile); false when nobody reads any more: the client has gone, the request
   * was HEAD, or the writer has ended.
   * @throws TypeError for what is neither text nor bytes; CelerisError `CELERIS_CONTENT_LENGTH_MISMATCH` for more
   * bytes than a stated content-length; what a hook of `beforeSend()` threw while the handler runs. A writer that ignores the promise is cut at 4 MiB (`CELERIS_BACKPRESSURE`).
   */
  write(chunk: BodyChunk | ArrayBuffer): boolean | Promise<boolean> {
    if (!this.#stream.write(bodyChunk(chunk))) return false
    return this.#stream.full ? this.#stream.room() : true
  }

  /** Ends the answer, with a last chunk if one is given. Later calls do nothing. */
  end(chunk?: BodyChunk | ArrayBuffer): void {
    if (chunk !== undefined) this.#stream.write(bodyChunk(chunk))
    this.#stream.end()
  }

  /** Ends the answer as incomplete: the client sees the connection end before the body does. */
  abort(reason?: unknown): void {
    this.#stream.cut(reason)
  }

  /** Settles when the answer has ended: true when it was complete, false when it was cut or the client left. Never rejects. */
  get closed(): Promise<boolean> {
    return this.#stream.closed
  }
}
