// A producer that keeps to BP-1: it writes at most WRITER_BYTES_MAX, then waits for WRITABLE.
import { COMMAND_PULL, EVENT_KIND_WRITABLE, WRITER_BYTES_MAX } from '@celeris/engine/layout'
import type { SeenEvent, SeenRequest } from './batch-reader.ts'
import type { AnswerParts, RequestName, ResponseWriter } from './response-writer.ts'

/** One answer in parts that is being written. */
export class Producer {
  readonly #request: RequestName
  readonly #body: Buffer
  readonly #partBytes: number
  readonly #framing: AnswerParts
  #at = 0
  /** WRITABLE events that came. */
  turns = 0

  constructor(request: SeenRequest, body: Buffer, partBytes: number, framing: AnswerParts) {
    this.#request = request
    this.#body = body
    this.#partBytes = partBytes
    this.#framing = framing
  }

  get written(): number {
    return this.#at
  }

  get done(): boolean {
    return this.#at === this.#body.length
  }

  start(write: ResponseWriter): void {
    write.answer(this.#request, { ...this.#framing, more: true })
    this.#fill(write)
  }

  /** Goes on when the event is meant for this answer. */
  take(event: SeenEvent, write: ResponseWriter): void {
    const { slot, generation, sequence } = this.#request
    if (event.kind !== EVENT_KIND_WRITABLE || event.slot !== slot) return
    if (event.generation !== generation || event.sequence !== sequence) return
    this.turns++
    this.#fill(write)
  }

  #fill(write: ResponseWriter): void {
    const { chunked } = this.#framing
    const end = Math.min(this.#at + WRITER_BYTES_MAX, this.#body.length)
    while (this.#at < end) {
      const next = Math.min(this.#at + this.#partBytes, end)
      const more = next < this.#body.length
      write.part(this.#request, this.#body.subarray(this.#at, next), {
        more,
        ...(chunked === true ? { chunked } : {}),
      })
      this.#at = next
    }
    if (!this.done) write.command(this.#request, COMMAND_PULL)
  }
}
