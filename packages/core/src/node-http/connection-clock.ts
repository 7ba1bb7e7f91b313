// The four timers of a connection (http1.md Timers): times are stored as things happen, the deadline is their minimum.
import type { Socket } from 'node:net'
import type { ListenOptions } from '@celeris/engine'
import {
  COUNTER_TIMEOUTS_BODY,
  COUNTER_TIMEOUTS_HEADER,
  COUNTER_TIMEOUTS_IDLE,
  COUNTER_TIMEOUTS_WRITE,
  PROGRESS_BYTES_PER_SECOND,
} from '@celeris/engine/layout'
import type { Counters } from './counters.ts'
import type { Deadlined, Deadlines } from './deadlines.ts'
import type { RequestBody } from './request-body.ts'
import { sentBytes } from './socket-facts.ts'

export interface ClockActions {
  /** Requests whose answers have not left in full. */
  readonly owed: () => number
  readonly headerTimeout: () => void
  readonly bodyTimeout: () => void
  readonly idleTimeout: () => void
  readonly writeTimeout: () => void
}

const never = Number.POSITIVE_INFINITY

export class ConnectionClock implements Deadlined {
  readonly #options: ListenOptions
  readonly #counters: Counters
  readonly #socket: Socket
  readonly #actions: ClockActions
  readonly #deadlines: Deadlines
  idleSince: number = performance.now()
  /** When the head that is being received began; 0 when there is none. */
  #headSince = 0
  #body: RequestBody | null = null
  #unsent = 0
  #writeSince = 0
  /** What the kernel had taken when the window began. */
  #writeStart = 0
  #chunk: Buffer | null = null
  #chunkBrought: 'nothing' | 'head' | 'body' = 'nothing'

  constructor(
    options: ListenOptions,
    counters: Counters,
    socket: Socket,
    deadlines: Deadlines,
    actions: ClockActions,
  ) {
    this.#options = options
    this.#counters = counters
    this.#socket = socket
    this.#deadlines = deadlines
    this.#actions = actions
  }

  /** Bytes came and are about to be parsed. */
  onInput(chunk: Buffer): void {
    this.#chunk = chunk
    this.#chunkBrought = this.#body === null ? 'nothing' : 'body'
  }

  /** They were parsed: what they left open is the beginning of a head (TIM-3), unless they are part of a body. */
  onParsed(): void {
    const chunk = this.#chunk
    this.#chunk = null
    if (chunk === null || this.#body !== null || this.#headSince !== 0) return
    const complete =
      this.#chunkBrought === 'body' || (this.#chunkBrought === 'head' && endsHead(chunk))
    if (complete || isBlank(chunk)) return
    this.#headSince = performance.now()
    this.moved()
  }

  /** A head is complete; `body` is what follows it. */
  onHead(body: RequestBody | null): void {
    this.#headSince = 0
    this.#chunkBrought = body === null ? 'head' : 'body'
    this.#body = body
    if (body !== null) this.moved()
  }

  onBodyEnd(): void {
    this.#body = null
    this.#rest()
  }

  /** The body of a request is being received. */
  get inBody(): boolean {
    return this.#body?.parsed === false
  }

  onQueued(bytes: number): void {
    if (this.#unsent === 0) this.#openWriteWindow()
    this.#unsent += bytes
    this.moved()
  }

  onSent(unsent: number, owed: number): void {
    this.#unsent = unsent
    if (owed === 0) this.#rest()
  }

  #openWriteWindow(): void {
    this.#writeSince = performance.now()
    this.#writeStart = sentBytes(this.#socket)
  }

  /** Nothing owed and nothing being read: idle, or a half-received head begins to be timed. */
  #rest(): void {
    const now = performance.now()
    this.idleSince = now
    if (this.#headSince !== 0) this.#headSince = now
    this.moved()
  }

  moved(): void {
    this.#deadlines.moved(this)
  }

  #headDeadline(): number {
    if (this.#headSince === 0 || this.#options.readHeaderTimeoutMs === 0) return never
    return this.#headSince + this.#options.readHeaderTimeoutMs
  }

  #bodyDeadline(): number {
    if (this.#body === null || !this.#body.timed || this.#options.readTimeoutMs === 0) return never
    return this.#body.windowStart + this.#options.readTimeoutMs
  }

  #idleDeadline(): number {
    return this.#options.idleTimeoutMs === 0 ? never : this.idleSince + this.#options.idleTimeoutMs
  }

  #writeDeadline(): number {
    if (this.#unsent === 0 || this.#options.writeTimeoutMs === 0) return never
    return this.#writeSince + this.#options.writeTimeoutMs
  }

  deadline(): number {
    const transfer = Math.min(this.#bodyDeadline(), this.#writeDeadline())
    if (this.#actions.owed() > 0 || this.#body !== null) return transfer
    return Math.min(transfer, this.#headSince === 0 ? this.#idleDeadline() : this.#headDeadline())
  }

  expire(now: number): void {
    if (this.#writeDeadline() <= now) {
      if (!this.#wroteEnough(now)) this.#end(COUNTER_TIMEOUTS_WRITE, this.#actions.writeTimeout)
    } else if (this.#bodyDeadline() <= now) {
      if (this.#body?.progressed(now) !== true)
        this.#end(COUNTER_TIMEOUTS_BODY, this.#actions.bodyTimeout)
    } else if (this.#headSince !== 0)
      this.#end(COUNTER_TIMEOUTS_HEADER, this.#actions.headerTimeout)
    else this.#end(COUNTER_TIMEOUTS_IDLE, this.#actions.idleTimeout)
  }

  #end(counter: number, action: () => void): void {
    this.#counters.add(counter)
    action()
  }

  #wroteEnough(now: number): boolean {
    const taken = sentBytes(this.#socket) - this.#writeStart
    const seconds = (now - this.#writeSince) / 1000
    if (taken < seconds * PROGRESS_BYTES_PER_SECOND) return false
    this.#openWriteWindow()
    return true
  }
}

function endsHead(chunk: Buffer): boolean {
  return chunk.toString('latin1', Math.max(0, chunk.length - 4)).endsWith('\n\r\n')
}

/** Only CRLF pairs before a request: they start no timer (RL-1). */
function isBlank(chunk: Buffer): boolean {
  return chunk.every((byte) => byte === 13 || byte === 10)
}
