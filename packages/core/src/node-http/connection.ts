// One accepted socket: requests in, answers out in their order, half-close, closing.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ListenOptions } from '@celeris/engine'
import {
  COMMAND_ABORT,
  COMMAND_CONTINUE,
  COMMAND_READ_OFF,
  COMMAND_READ_ON,
  COUNTER_BYTES_READ,
  COUNTER_ERRORS,
  COUNTER_RESETS,
  COUNTER_TRUNCATED,
  DISCARD_BYTES_MAX,
  EVENT_KIND_ABORTED,
  EVENT_KIND_BODY_BYTES,
  EVENT_KIND_BODY_END,
  EVENT_KIND_BODY_ERROR,
  EVENT_KIND_HALF_CLOSED,
  INLINE_BODY_BYTES_MAX,
  OWED_ANSWERS_MAX,
  REQUEST_FLAG_CHUNKED,
  REQUEST_FLAG_CLOSE,
  REQUEST_FLAG_EXPECT_CONTINUE,
  REQUEST_FLAG_KEEP_ALIVE_1_0,
  UNSENT_BYTES_MAX,
} from '@celeris/engine/layout'
import type { BatchTurns } from './batch-turns.ts'
import { ConnectionClock } from './connection-clock.ts'
import type { Counters } from './counters.ts'
import type { Deadlines } from './deadlines.ts'
import { answerBytes, countStatus, type Exchange, errorAnswer, makeExchange } from './exchange.ts'
import { linger } from './linger.ts'
import { RequestBody } from './request-body.ts'
import { checkHead, type HeadLimits } from './request-check.ts'
import type { ReadResponse } from './response-reader.ts'
import { forgetExpectation, parserStatus, resetSocket } from './socket-facts.ts'

/** What connections need from their engine. */
export interface ConnectionHost {
  readonly options: ListenOptions
  readonly limits: HeadLimits
  readonly counters: Counters
  readonly turns: BatchTurns
  readonly deadlines: Deadlines
  readonly draining: boolean
  /** The socket is closed; the slot is free again. */
  gone(connection: Connection): void
  /** A connection became idle, or will not answer any more. */
  settled(connection: Connection): void
}

/** Longest head of an answer, for the account of unsent bytes. */
const HEAD_BYTES_ESTIMATE = 256

export class Connection {
  readonly slot: number
  readonly generation: number
  readonly socket: Socket
  readonly clock: ConnectionClock
  readonly #host: ConnectionHost
  readonly #closeSocket: () => void
  /** Requests whose answers have not left in full, in order. */
  readonly #exchanges: Exchange[] = []
  #sequence = 0
  #dispatched = 0
  #handedOver = 0
  #unsent = 0
  /** Input is ignored: an answer that closes is certain. */
  #sealed = false
  #held = false
  #peerEnded = false
  #plainClose = false
  lingering = false

  constructor(host: ConnectionHost, socket: Socket, slot: number, generation: number) {
    this.#host = host
    this.socket = socket
    this.slot = slot
    this.generation = generation
    this.clock = new ConnectionClock(host.options, host.counters, socket, host.deadlines, {
      owed: () => this.#exchanges.length,
      headerTimeout: () => this.#refuseInput(408, true),
      bodyTimeout: () => this.#onBodyTimeout(),
      idleTimeout: () => this.shut(),
      writeTimeout: () => this.cut(),
    })
    // node closes by this method when it thinks an answer was the last; how a connection closes is decided here.
    this.#closeSocket = socket.destroySoon.bind(socket)
    socket.destroySoon = () => this.#close()
  }

  /** Attaches to the socket; node's parser must have its listeners on it already. */
  attach(): void {
    const { socket } = this
    socket.prependListener('data', (chunk: Buffer) => {
      this.#host.counters.add(COUNTER_BYTES_READ, chunk.length)
      this.clock.onInput(chunk)
    })
    socket.on('data', () => this.clock.onParsed())
    socket.on('end', () => this.#onPeerEnd())
    socket.on('close', () => this.#onClose())
    this.#host.deadlines.add(this.clock)
  }

  /** No request is owed an answer, none is being read. */
  get idle(): boolean {
    return this.#exchanges.length === 0 && !this.lingering
  }

  onRequest(message: IncomingMessage, response: ServerResponse): void {
    // The next head is parsed before the end of a body is announced.
    if (this.#exchanges.at(-1)?.body?.trailersTooMany === true) this.#sealed = true
    if (this.#sealed) return void message.resume()
    const head = {
      method: message.method ?? '',
      target: message.url ?? '',
      major: message.httpVersionMajor,
      minor: message.httpVersionMinor,
      fields: message.rawHeaders,
    }
    const verdict = checkHead(head, this.#host.limits)
    const exchange = makeExchange(this.#sequence++, message, response, head, verdict)
    this.#exchanges.push(exchange)
    response.on('finish', () => this.#onSent(exchange))
    response.on('error', () => undefined)
    if (verdict.status !== 0) {
      this.clock.onHead(null)
      return this.#refuse(exchange, verdict.status)
    }
    if ((verdict.flags & REQUEST_FLAG_CLOSE) !== 0) this.#sealed = true
    this.#openBody(exchange)
  }

  #openBody(exchange: Exchange): void {
    const { options } = this.#host
    const { verdict, message } = exchange
    if (verdict === null || message === null) return
    if (!verdict.hasBody) {
      exchange.collected = Buffer.alloc(0)
      exchange.state = 'ready'
      this.clock.onHead(null)
      return this.#dispatchReady()
    }
    const chunked = (verdict.flags & REQUEST_FLAG_CHUNKED) !== 0
    const body = new RequestBody(message, chunked ? null : verdict.contentLength, options, {
      onBytes: (bytes, taken) =>
        this.#event(EVENT_KIND_BODY_BYTES, exchange.sequence, 0, bytes, taken),
      onComplete: (collected) => this.#onBodyComplete(exchange, collected),
      onFailure: (status) => this.#onBodyFailure(exchange, status),
    })
    exchange.body = body
    this.clock.onHead(body)
    const streams =
      chunked ||
      verdict.contentLength > Math.min(options.bufferedBodySize, INLINE_BODY_BYTES_MAX) ||
      (verdict.flags & REQUEST_FLAG_EXPECT_CONTINUE) !== 0
    if (!streams) {
      body.collect(performance.now())
      this.clock.moved()
      return
    }
    exchange.state = 'ready'
    this.#dispatchReady()
  }

  #onBodyComplete(exchange: Exchange, collected: Buffer): void {
    this.clock.onBodyEnd()
    if (exchange.state === 'collecting') {
      exchange.collected = collected
      exchange.state = 'ready'
      this.#dispatchReady()
    } else if (exchange.answer === null) {
      this.#event(EVENT_KIND_BODY_END, exchange.sequence)
    }
  }

  #onBodyTimeout(): void {
    const exchange = this.#unfinished()
    if (exchange === null) this.#close()
    else this.#onBodyFailure(exchange, 408)
  }

  /** The exchange whose body is still being received, if its answer is not given yet. */
  #unfinished(): Exchange | null {
    const last = this.#exchanges.at(-1)
    const incomplete = last?.body?.complete === false && last.message?.complete === false
    return last !== undefined && incomplete ? last : null
  }

  /** A body will never be complete: an early one is answered here, a streamed one by its handler (BODY-4). */
  #onBodyFailure(exchange: Exchange, status: number): void {
    this.#sealed = true
    this.#exchanges.length = this.#exchanges.indexOf(exchange) + 1
    exchange.body?.stop()
    this.clock.onBodyEnd()
    if (exchange.state === 'collecting') this.#refuse(exchange, status)
    else if (exchange.answer !== null) exchange.closes = true
    else {
      exchange.closes = true
      exchange.bodyFailure = status
      if (exchange.body?.wanted === true)
        this.#event(EVENT_KIND_BODY_ERROR, exchange.sequence, status)
    }
  }

  /** Hands complete requests over, in order, while not too many answers are owed (PIP-3). */
  #dispatchReady(): void {
    for (;;) {
      const exchange = this.#exchanges[this.#dispatched]
      if (
        exchange === undefined ||
        exchange.state !== 'ready' ||
        exchange.head === null ||
        exchange.verdict === null
      )
        return
      if (this.#full()) return
      exchange.state = 'dispatched'
      this.#dispatched++
      const { slot, generation } = this
      this.#host.turns.pushRequest({
        slot,
        generation,
        sequence: exchange.sequence,
        head: exchange.head,
        verdict: exchange.verdict,
        body: exchange.collected,
      })
      exchange.collected = null
    }
  }

  /** Whether reading and dispatch must wait: from the limit on, until half of it is gone. */
  #full(): boolean {
    const share = this.#held ? 2 : 1
    const owed = this.#dispatched - this.#handedOver
    const full = owed >= OWED_ANSWERS_MAX / share || this.#unsent >= UNSENT_BYTES_MAX / share
    if (full && !this.#held) this.socket.pause()
    else if (!full && this.#held) this.socket.resume()
    this.#held = full
    return full
  }

  /** Takes what a valid record says; false when nothing here is owed that. */
  take(sequence: number, read: ReadResponse): boolean {
    const exchange = this.#exchanges.find((owed) => owed.sequence === sequence)
    if (exchange === undefined || exchange.state !== 'dispatched' || exchange.answer !== null)
      return false
    if (read.kind === 'command') return this.#command(exchange, read.command)
    exchange.answer = read
    this.#pump()
    return true
  }

  #command(exchange: Exchange, command: number): boolean {
    const body = exchange.body
    if (command === COMMAND_ABORT) this.cut()
    else if (command === COMMAND_READ_OFF) body?.readOff()
    else if (command === COMMAND_CONTINUE || command === COMMAND_READ_ON) {
      if (command === COMMAND_CONTINUE && body !== null && !body.arrived)
        exchange.response?.writeContinue()
      body?.readOn(performance.now())
      this.clock.moved()
      if (exchange.bodyFailure !== 0)
        this.#event(EVENT_KIND_BODY_ERROR, exchange.sequence, exchange.bodyFailure)
    } else return false
    return true
  }

  /** Gives node every answer that is next in line. */
  #pump(): void {
    while (this.#handedOver < this.#exchanges.length && !this.socket.destroyed) {
      const exchange = this.#exchanges[this.#handedOver] as Exchange
      if (exchange.answer === null) return
      // Raw bytes must not overtake answers that node still holds.
      if (exchange.response === null && this.#handedOver > 0) return
      this.#handedOver++
      exchange.handedOver = true
      this.#send(exchange, exchange.answer.body)
      if (exchange.closes) return this.#dropRest()
    }
  }

  #send(exchange: Exchange, body: Buffer): void {
    const { answer, response } = exchange
    if (answer === null) return
    this.#finishBody(exchange)
    const { options, draining } = this.#host
    const flags = exchange.verdict?.flags ?? REQUEST_FLAG_CLOSE
    exchange.closes ||=
      answer.close || draining || options.disableKeepAlive || (flags & REQUEST_FLAG_CLOSE) !== 0
    exchange.unsentBytes = body.length + HEAD_BYTES_ESTIMATE
    this.#unsent += exchange.unsentBytes
    this.clock.onQueued(exchange.unsentBytes)
    if (response === null) {
      this.socket.write(answerBytes(answer), () => this.#onSent(exchange))
      return
    }
    if (exchange.closes) answer.fields.push('connection', 'close')
    else if ((flags & REQUEST_FLAG_KEEP_ALIVE_1_0) !== 0)
      answer.fields.push('connection', 'keep-alive')
    response.sendDate = false
    forgetExpectation(response)
    response.removeHeader('connection')
    try {
      response.writeHead(answer.status, answer.phrase, answer.fields)
    } catch {
      return this.fail()
    }
    response.end(body)
  }

  /** An answer is final while its request's body still comes (CLOSE-1, CLOSE-2, EXP-3). */
  #finishBody(exchange: Exchange): void {
    const { body, verdict } = exchange
    if (body === null || verdict === null || body.complete) return
    const waits =
      (verdict.flags & REQUEST_FLAG_EXPECT_CONTINUE) !== 0 && !body.wanted && !body.arrived
    if (waits || body.missing > DISCARD_BYTES_MAX) exchange.closes = true
    else {
      body.discard(performance.now())
      this.clock.moved()
    }
  }

  /** After an answer that closes nothing else is answered (PIP-5). */
  #dropRest(): void {
    this.#sealed = true
    const owed = this.#exchanges.splice(this.#handedOver)
    this.#dispatched = Math.min(this.#dispatched, this.#exchanges.length)
    if (owed.some(({ state, answer }) => state === 'dispatched' && answer === null))
      this.#event(EVENT_KIND_ABORTED, owed[0]?.sequence ?? 0)
  }

  /** Every byte of an answer is with the kernel. */
  #onSent(exchange: Exchange): void {
    this.#exchanges.shift()
    this.#dispatched = Math.max(0, this.#dispatched - 1)
    this.#handedOver = Math.max(0, this.#handedOver - 1)
    this.#unsent -= exchange.unsentBytes
    this.clock.onSent(this.#unsent, this.#exchanges.length)
    if (exchange.closes) return this.#close()
    this.#pump()
    this.#dispatchReady()
    if (this.#held) this.#full()
    if (this.#exchanges.length > 0) return
    if (this.#peerEnded) this.#close()
    else this.#host.settled(this)
  }

  /** Answers a request with an error of the engine, in its own place, and closes behind it (PIP-4). */
  #refuse(exchange: Exchange, status: number): void {
    this.#sealed = true
    exchange.state = 'refused'
    exchange.closes = true
    exchange.answer = errorAnswer(status, exchange.head?.method === 'HEAD')
    countStatus(this.#host.counters, status)
    exchange.body?.discard(performance.now())
    this.#pump()
  }

  /** The same for bytes that were no request. */
  #refuseInput(status: number, plainClose = false): void {
    if (this.#sealed) return
    this.#plainClose = plainClose
    const exchange = makeExchange(this.#sequence++, null, null, null, null)
    this.#exchanges.push(exchange)
    this.#refuse(exchange, status)
  }

  onConnectMethod(message: IncomingMessage): void {
    this.#refuseInput(message.httpVersionMajor === 1 ? 501 : 505)
  }

  /** node's parser gave up, or the socket failed. */
  onParserError(error: NodeJS.ErrnoException): void {
    if (error.syscall !== undefined || error.code === 'ECONNRESET') {
      this.#host.counters.add(COUNTER_RESETS)
      return void this.socket.destroy()
    }
    if (this.lingering) return void this.socket.destroy()
    if (error.code === 'HPE_INVALID_EOF_STATE') return this.#onTruncated()
    const unfinished = this.#unfinished()
    if (unfinished !== null) this.#onBodyFailure(unfinished, parserStatus(error.code))
    // A body that was answered already, and is only dropped: a second answer would be taken for the next one.
    else if (this.clock.inBody) this.#close()
    else this.#refuseInput(parserStatus(error.code))
  }

  /** FIN inside a message: an undispatched one is forgotten, a streamed body fails (EOF-1). */
  #onTruncated(): void {
    this.#host.counters.add(COUNTER_TRUNCATED)
    this.#peerEnded = true
    const unfinished = this.#unfinished()
    if (unfinished?.state === 'collecting') this.#exchanges.pop()
    else if (unfinished !== null) this.#onBodyFailure(unfinished, 400)
    if (this.#exchanges.length === 0) this.#close()
  }

  #onPeerEnd(): void {
    this.#peerEnded = true
    if (this.lingering) return
    if (this.#exchanges.length === 0) return this.#close()
    if (this.#owesAny()) this.#event(EVENT_KIND_HALF_CLOSED, this.#oldestOwed())
  }

  /** Whether a record may still answer or command this request. */
  owes(sequence: number): boolean {
    return this.#exchanges.some(
      (owed) => owed.sequence === sequence && owed.state === 'dispatched' && owed.answer === null,
    )
  }

  #owesAny(): boolean {
    return this.#exchanges.some(({ state, answer }) => state === 'dispatched' && answer === null)
  }

  #oldestOwed(): number {
    return (
      this.#exchanges.find(({ state, answer }) => state === 'dispatched' && answer === null)
        ?.sequence ?? 0
    )
  }

  #onClose(): void {
    if (this.#owesAny()) this.#event(EVENT_KIND_ABORTED, this.#oldestOwed())
    this.#exchanges.length = 0
    this.#host.deadlines.remove(this.clock)
    this.#host.gone(this)
  }

  /** Closes as CLOSE-3 says: at once where nobody listens any more, staged otherwise. */
  #close(): void {
    if (this.lingering) return
    this.lingering = true
    this.#sealed = true
    this.#host.deadlines.remove(this.clock)
    if (this.#peerEnded || this.#plainClose) this.#closeSocket()
    else linger(this.socket, this.#host.deadlines)
    this.#host.settled(this)
  }

  /** Closes an idle connection in silence. */
  shut(): void {
    this.#close()
  }

  /** Resets the connection; whoever is owed an answer learns it. */
  cut(): void {
    this.#sealed = true
    resetSocket(this.socket)
  }

  /** An answer was not what a record may say: there is none, so the connection ends (C5). */
  fail(): void {
    this.#host.counters.add(COUNTER_ERRORS)
    this.cut()
  }

  #event(
    kind: number,
    sequence: number,
    code = 0,
    bytes: Buffer | null = null,
    onWritten?: () => void,
  ): void {
    const { slot, generation } = this
    this.#host.turns.pushEvent({ slot, generation, sequence, kind, code, bytes, onWritten })
  }
}
