// The body of an answer in parts as a web stream: room is what its reader has taken (BP-1).
import { WRITABLE_BYTES_MAX } from '@celeris/engine/layout'

export interface BodyStreamHooks {
  /** At most WRITABLE_BYTES_MAX are unread, and somebody waits for that. */
  readonly onRoom: () => void
  /** Nobody reads the rest. */
  readonly onCancel: (reason: unknown) => void
}

export class BodyStream {
  readonly readable: ReadableStream<Uint8Array>
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null
  #wantsRoom = false
  readonly #hooks: BodyStreamHooks

  constructor(hooks: BodyStreamHooks) {
    this.#hooks = hooks
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#tellRoom(),
        cancel: (reason) => {
          this.#controller = null
          hooks.onCancel(reason)
        },
      },
      // A stream asks for more while less than this is unread.
      new ByteLengthQueuingStrategy({ highWaterMark: WRITABLE_BYTES_MAX + 1 }),
    )
  }

  write(bytes: Uint8Array): void {
    if (bytes.byteLength > 0) this.#controller?.enqueue(bytes)
  }

  /** Somebody waits for room. */
  pull(): void {
    this.#wantsRoom = true
    this.#tellRoom()
  }

  #tellRoom(): void {
    if (!this.#wantsRoom || (this.#controller?.desiredSize ?? 0) <= 0) return
    this.#wantsRoom = false
    this.#hooks.onRoom()
  }

  close(): void {
    this.#controller?.close()
    this.#controller = null
  }

  /** The body ends here and is not complete. */
  fail(reason: unknown): void {
    this.#controller?.error(reason)
    this.#controller = null
  }
}
