// The way out of a connection: answers in request order through node's responses, and what follows when they have left.
import type { Socket } from 'node:net'
import type { ListenOptions } from '@celeris/engine'
import type { ConnectionClock } from './connection-clock.ts'
import { answerBytes, type Exchange } from './exchange.ts'
import type { OwedAnswers } from './owed-answers.ts'
import { dropsRest, mustClose, writeAnswer } from './send-answer.ts'

/** Bytes of an answer's head, for the account of unsent bytes. */
const HEAD_BYTES_ESTIMATE = 256

export interface OutboxHost {
  readonly options: ListenOptions
  readonly draining: boolean
}

export interface OutboxHooks {
  /** An answer that closes is on its way; requests behind it that were dispatched get none (PIP-5). */
  readonly onClosing: (dropped: readonly Exchange[]) => void
  /** An answer has left in full. */
  readonly onSent: (exchange: Exchange) => void
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

  /** Gives node every answer that is next in line. */
  pump(): void {
    let next = this.#owed.sendable
    while (next !== null && !this.#socket.destroyed) {
      this.#send(next)
      if (next.closes) {
        this.#hooks.onClosing(this.#owed.dropBehind(next))
        return
      }
      next = this.#owed.sendable
    }
  }

  #send(exchange: Exchange): void {
    const { options, draining } = this.#host
    if (exchange.body?.complete === false && !dropsRest(exchange)) exchange.closes = true
    // A drain lets everything that runs finish: the last answer that is owed says close.
    const drained = draining && this.#owed.last === exchange
    exchange.closes = mustClose(exchange, drained || options.disableKeepAlive)
    const bytes = (exchange.answer?.body.length ?? 0) + HEAD_BYTES_ESTIMATE
    this.#owed.markHandedOver(exchange, bytes)
    this.#clock.onQueued(bytes)
    if (exchange.response === null && exchange.answer !== null) {
      this.#socket.write(answerBytes(exchange.answer), () => this.sent(exchange))
      return
    }
    try {
      writeAnswer(exchange)
    } catch {
      this.#hooks.onFailure()
    }
  }

  /** Every byte of an answer is with the kernel. */
  sent(exchange: Exchange): void {
    this.#owed.markSent(exchange)
    this.#clock.onSent(this.#owed.unsentBytes, this.#owed.count)
    this.#hooks.onSent(exchange)
  }
}
