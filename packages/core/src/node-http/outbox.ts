// The way out of a connection: answers in request order through node's responses, and what follows when they have left.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ListenOptions } from '@celeris/engine'
import { WRITABLE_BYTES_MAX } from '@celeris/engine/layout'
import type { ConnectionClock } from './connection-clock.ts'
import { answerBytes, type Exchange } from './exchange.ts'
import type { OwedAnswers } from './owed-answers.ts'
import type { Answer } from './response-reader.ts'
import { canDropRest, mustClose, writeHead } from './send-answer.ts'

/** Bytes of an answer's head, for the account of unsent bytes. */
const HEAD_BYTES_ESTIMATE = 256

const NO_BYTES: Buffer = Buffer.alloc(0)

export interface OutboxHost {
  readonly options: ListenOptions
  readonly draining: boolean
}

export interface OutboxHooks {
  /** The head of an answer says close: nothing is parsed any more. */
  readonly onClosingHead: () => void
  /** An answer that closes is on its way; requests behind it that were dispatched get none (PIP-5). */
  readonly onClosing: (dropped: readonly Exchange[]) => void
  /** An answer has left in full. */
  readonly onSent: (exchange: Exchange) => void
  /** Some of the output has left. */
  readonly onFlushed: () => void
  /** What there is of an answer that was cut short has left (RES-6). */
  readonly onCutShort: (reset: boolean) => void
  /** The output has room, and it is the turn of this answer. */
  readonly onRoom: (exchange: Exchange) => void
  /** node refused to write an answer. */
  readonly onFailure: () => void
}

export class Outbox {
  readonly #host: OutboxHost
  readonly #socket: Socket
  readonly #clock: ConnectionClock
  readonly #owed: OwedAnswers
  readonly #hooks: OutboxHooks

  constructor(
    host: OutboxHost,
    socket: Socket,
    clock: ConnectionClock,
    owed: OwedAnswers,
    hooks: OutboxHooks,
  ) {
    this.#host = host
    this.#socket = socket
    this.#clock = clock
    this.#owed = owed
    this.#hooks = hooks
  }

  /** Gives node everything that is next in line. */
  pump(): void {
    let next = this.#owed.next
    while (next !== null && !this.#socket.destroyed && this.#write(next)) {
      this.#owed.markHandedOver()
      if (next.closes) {
        this.#hooks.onClosing(this.#owed.dropBehind(next))
        return
      }
      next = this.#owed.next
    }
    this.tellRoom()
  }

  /** Tells the producer of the answer in turn that it may go on, if it waits for that (BP-1). */
  tellRoom(): void {
    const { next, unsentBytes } = this.#owed
    if (next === null || !next.wantsRoom || unsentBytes > WRITABLE_BYTES_MAX) return
    next.wantsRoom = false
    this.#hooks.onRoom(next)
  }

  /** Gives node what there is of the answer in turn; true when that is all of it. */
  #write(exchange: Exchange): boolean {
    const { response, answer, interims } = exchange
    if (!exchange.headWritten) {
      // Bytes that node does not write itself must not overtake what it still holds.
      const raw = interims.length > 0 || response === null
      if (raw && this.#owed.first !== exchange) return false
      for (const bytes of interims.splice(0)) {
        this.#socket.write(bytes, this.#queued(exchange, bytes.length))
      }
      if (answer === null) return this.#cutBeforeHead(exchange)
      this.#decide(exchange)
    }
    if (answer === null) return false
    if (response === null) {
      this.#queued(exchange, answer.body.length + HEAD_BYTES_ESTIMATE)
      this.#socket.write(answerBytes(answer), () => this.sent(exchange))
      return true
    }
    try {
      return this.#writeParts(exchange, answer, response)
    } catch {
      this.#hooks.onFailure()
      return false
    }
  }

  /** An answer that ends before it began: those before it leave, then the connection ends. */
  #cutBeforeHead(exchange: Exchange): boolean {
    if (exchange.given === 'more' || this.#owed.first !== exchange) return false
    exchange.closes = true
    this.#hooks.onCutShort(exchange.given === 'reset')
    return true
  }

  /** What becomes of the connection behind an answer: its head says it, so it holds from here on. */
  #decide(exchange: Exchange): void {
    const { options, draining } = this.#host
    // A drain lets everything that runs finish: the last answer that is owed says close.
    const drained = draining && this.#owed.last === exchange
    if (!canDropRest(exchange)) exchange.closes = true
    exchange.closes = mustClose(exchange, drained || options.disableKeepAlive)
    if (exchange.closes) this.#hooks.onClosingHead()
  }

  #writeParts(exchange: Exchange, answer: Answer, response: ServerResponse): boolean {
    const { parts, given } = exchange
    // The first part carries the head.
    let headBytes = 0
    if (!exchange.headWritten) {
      exchange.headWritten = true
      writeHead(answer, exchange, response)
      headBytes = HEAD_BYTES_ESTIMATE
      parts.unshift(answer.body)
    }
    const last = given === 'whole' ? parts.pop() : undefined
    for (const part of parts.splice(0)) {
      response.write(part, this.#queued(exchange, part.length + headBytes))
      headBytes = 0
    }
    if (given === 'more') return false
    if (given !== 'whole') {
      exchange.closes = true
      response.write(NO_BYTES, this.#cutAfterFlush(exchange, given === 'reset'))
      return true
    }
    if (!exchange.closes && exchange.body?.complete === false)
      exchange.body.discard(performance.now())
    this.#queued(exchange, (last?.length ?? 0) + headBytes)
    response.end(last ?? NO_BYTES)
    return true
  }

  #queued(exchange: Exchange, bytes: number): (error?: Error | null) => void {
    this.#clock.onQueued(bytes)
    this.#owed.markQueued(exchange, bytes)
    return (error) => {
      if (error || this.#socket.destroyed) return
      this.#owed.markFlushed(exchange, bytes)
      this.#clock.onSent(this.#owed.unsentBytes, this.#owed.count)
      this.tellRoom()
      this.#hooks.onFlushed()
    }
  }

  #cutAfterFlush(exchange: Exchange, reset: boolean): (error?: Error | null) => void {
    return (error) => {
      if (error || this.#socket.destroyed) return
      this.#owed.markSent(exchange)
      this.#hooks.onCutShort(reset)
    }
  }

  /** Every byte of an answer is with the kernel. */
  sent(exchange: Exchange): void {
    this.#owed.markSent(exchange)
    this.#clock.onSent(this.#owed.unsentBytes, this.#owed.count)
    this.#hooks.onSent(exchange)
  }
}
