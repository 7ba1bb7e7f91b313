// One accepted socket: requests in, answers out in their order, half-close, closing.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  ABORT_CODE_CLIENT,
  ABORT_CODE_SERVER,
  BUFFERED_BODIES_MAX,
  COMMAND_ABORT,
  COMMAND_CONTINUE,
  COMMAND_HIJACK,
  COMMAND_PULL,
  COMMAND_READ_OFF,
  COMMAND_READ_ON,
  COUNTER_BYTES_READ,
  COUNTER_ERRORS,
  COUNTER_RESETS,
  COUNTER_TRUNCATED,
  EVENT_KIND_ABORTED,
  EVENT_KIND_BODY_BYTES,
  EVENT_KIND_BODY_END,
  EVENT_KIND_BODY_ERROR,
  EVENT_KIND_HALF_CLOSED,
  EVENT_KIND_HIJACKED,
  EVENT_KIND_WRITABLE,
  REQUEST_FLAG_CHUNKED,
  REQUEST_FLAG_CLOSE,
  REQUEST_FLAG_UPGRADE,
  SILENT_MS,
} from '@celeris/engine/layout'
import { ConnectionClock } from './connection-clock.ts'
import type { ConnectionHost } from './connection-host.ts'
import {
  countStatus,
  type Exchange,
  errorAnswer,
  isStreamed,
  makeExchange,
  takeRecord,
} from './exchange.ts'
import { InputGate, leaveNode } from './input-gate.ts'
import { linger } from './linger.ts'
import { Outbox } from './outbox.ts'
import { OwedAnswers } from './owed-answers.ts'
import { RequestBody } from './request-body.ts'
import { checkHead, headOf } from './request-check.ts'
import type { ReadResponse } from './response-reader.ts'
import { parserStatus, resetSocket } from './socket-facts.ts'

/** Codes of HIJACKED events. */
const HIJACK_GRANTED = 0
const HIJACK_REFUSED = 1

export class Connection {
  readonly slot: number
  readonly generation: number
  readonly socket: Socket
  readonly clock: ConnectionClock
  readonly #host: ConnectionHost<Connection>
  readonly #closeSocket: () => void
  readonly #owed = new OwedAnswers()
  readonly #outbox: Outbox
  #sequence = 0
  /** What the body that is being held back takes of the budget. */
  #heldBytes = 0
  /** Input is ignored: an answer that closes is certain. */
  #sealed = false
  #held = false
  #peerEnded = false
  #cutByServer = false
  #plainClose = false
  #gate: InputGate | null = null
  #detach: () => void = () => undefined
  lingering = false

  constructor(host: ConnectionHost<Connection>, socket: Socket, slot: number, generation: number) {
    this.#host = host
    this.socket = socket
    this.slot = slot
    this.generation = generation
    this.clock = new ConnectionClock(host.options, host.counters, socket, host.deadlines, {
      owed: () => this.#owed.count,
      headerTimeout: () => this.#refuseInput(408, true),
      bodyTimeout: () => this.#onBodyTimeout(),
      idleTimeout: () => this.shut(),
      writeTimeout: () => this.cut(),
    })
    this.#outbox = new Outbox(host, socket, this.clock, this.#owed, {
      onClosingHead: () => {
        this.#sealed = true
      },
      onClosing: ([first]) => {
        this.#sealed = true
        if (first !== undefined) this.#event(EVENT_KIND_ABORTED, first.sequence)
      },
      onSent: (exchange) => this.#onSent(exchange),
      onFlushed: () => this.#goOn(),
      onCutShort: (reset) => this.#endCutShort(reset),
      onRoom: ({ sequence }) => this.#event(EVENT_KIND_WRITABLE, sequence),
      onFailure: () => this.fail(),
    })
    // node closes by this method when it thinks an answer was the last; how a connection closes is decided here.
    this.#closeSocket = socket.destroySoon.bind(socket)
    socket.destroySoon = () => this.shut()
  }

  /** Attaches to the socket; node's parser must have its listeners on it already. */
  attach(): void {
    const { socket } = this
    this.#gate = new InputGate(
      socket,
      () => this.#held || this.#awaitsUpgrade !== null,
      () => this.clock.inBody,
    )
    const onInput = (chunk: Buffer): void => {
      this.#host.counters.add(COUNTER_BYTES_READ, this.#gate?.fresh(chunk))
      this.clock.onInput(chunk)
    }
    const onParsed = (): void => this.clock.onParsed()
    const onEnd = (): void => this.#onPeerEnd()
    const onClose = (): void => this.#onClose()
    socket.prependListener('data', onInput)
    socket.on('data', onParsed)
    socket.on('end', onEnd)
    socket.on('close', onClose)
    this.#detach = () => {
      socket.off('data', onInput).off('data', onParsed).off('end', onEnd).off('close', onClose)
    }
    this.#host.deadlines.add(this.clock)
  }

  /** The latest request, complete and not answered, if it may be the last one in HTTP (UPG-2). */
  get #awaitsUpgrade(): Exchange | null {
    const { last } = this.#owed
    const upgrades = ((last?.verdict?.flags ?? 0) & REQUEST_FLAG_UPGRADE) !== 0
    return upgrades && last?.message?.complete === true ? last : null
  }

  /** No request is owed an answer, none is being read. */
  get idle(): boolean {
    return this.#owed.count === 0 && !this.lingering
  }

  /** No request has come yet, though there was time for one. */
  isSilent(now: number): boolean {
    return this.#sequence === 0 && now - this.clock.idleSince >= SILENT_MS
  }

  /** Whether a record may still answer or command this request. */
  owes(sequence: number): boolean {
    return this.#owed.find(sequence) !== null
  }

  onRequest(message: IncomingMessage, response: ServerResponse): void {
    // The next head is parsed before the end of a body is announced.
    if (this.#owed.last?.body?.trailersTooLarge === true) this.#sealed = true
    if (this.#sealed) {
      message.resume()
      return
    }
    const head = headOf(message)
    const verdict = checkHead(head, this.#host.limits)
    const exchange = makeExchange(this.#sequence++, message, response, head, verdict)
    this.#owed.add(exchange)
    response.on('finish', () => this.#outbox.sent(exchange))
    response.on('error', () => undefined)
    if (verdict.status !== 0) {
      this.clock.onHead(null)
      this.#refuse(exchange, verdict.status)
      return
    }
    if ((verdict.flags & REQUEST_FLAG_CLOSE) !== 0) this.#sealed = true
    if (verdict.hasBody) exchange.body = this.#openBody(exchange, message)
    this.clock.onHead(exchange.body)
    if (exchange.body === null) exchange.collected = Buffer.alloc(0)
    if (
      exchange.body !== null &&
      !isStreamed(exchange, this.#host.options) &&
      this.#holdBody(verdict.contentLength)
    ) {
      exchange.body.collect(performance.now())
      this.clock.moved()
      return
    }
    exchange.state = 'ready'
    this.#dispatchReady()
  }

  /** False when the budget for bodies held back is used up: this one is streamed (BODY-5). */
  #holdBody(count: number): boolean {
    const { bodies } = this.#host
    if (bodies.heldBytes + count > BUFFERED_BODIES_MAX) return false
    bodies.heldBytes += count
    this.#heldBytes = count
    return true
  }

  #letBodyGo(): void {
    this.#host.bodies.heldBytes -= this.#heldBytes
    this.#heldBytes = 0
  }

  #openBody(exchange: Exchange, message: IncomingMessage): RequestBody {
    const { sequence, verdict } = exchange
    const chunked = ((verdict?.flags ?? 0) & REQUEST_FLAG_CHUNKED) !== 0
    const length = chunked ? null : (verdict?.contentLength ?? 0)
    return new RequestBody(message, length, this.#host.options, {
      onBytes: (bytes, taken) => this.#event(EVENT_KIND_BODY_BYTES, sequence, 0, bytes, taken),
      onComplete: (collected) => this.#onBodyComplete(exchange, collected),
      onFailure: (status) => this.#onBodyFailure(exchange, status),
    })
  }

  #onBodyComplete(exchange: Exchange, collected: Buffer): void {
    this.clock.onBodyEnd()
    this.#letBodyGo()
    if (exchange.state === 'collecting') {
      exchange.collected = collected
      exchange.state = 'ready'
      this.#dispatchReady()
    } else if (exchange.given === 'more') this.#event(EVENT_KIND_BODY_END, exchange.sequence)
  }

  #onBodyTimeout(): void {
    const exchange = this.#unfinished()
    if (exchange === null) this.shut()
    else this.#onBodyFailure(exchange, 408)
  }

  /** The exchange whose body is still being received. */
  #unfinished(): Exchange | null {
    const { last } = this.#owed
    return last?.body?.complete === false && last.message?.complete === false ? last : null
  }

  /** A body will never be complete: an early one is answered here, a streamed one by its handler (BODY-4). */
  #onBodyFailure(exchange: Exchange, status: number): void {
    this.#sealed = true
    this.#owed.dropBehind(exchange)
    exchange.body?.stop()
    this.clock.onBodyEnd()
    this.#letBodyGo()
    if (exchange.state === 'collecting') {
      this.#refuse(exchange, status)
      return
    }
    exchange.closes = true
    exchange.bodyFailure = status
    if (exchange.given === 'more' && exchange.body?.wanted === true)
      this.#event(EVENT_KIND_BODY_ERROR, exchange.sequence, status)
  }

  /** Hands complete requests over, in order, while not too many answers are owed. */
  #dispatchReady(): void {
    for (let next = this.#owed.ready; next !== null && !this.#hold(); next = this.#owed.ready) {
      if (next.head === null || next.verdict === null) return
      this.#owed.markDispatched(next)
      const { slot, generation } = this
      const { sequence, head, verdict, collected } = next
      this.#host.turns.pushRequest({ slot, generation, sequence, head, verdict, body: collected })
      next.collected = null
    }
  }

  /** Stops and starts reading with the account of owed answers. */
  #hold(): boolean {
    const { full } = this.#owed
    if (full && !this.#held) this.socket.pause()
    else if (!full && this.#held) this.socket.resume()
    this.#held = full
    return full
  }

  /** Takes what a valid record says; false when nothing here is owed that. */
  take(sequence: number, read: ReadResponse): boolean {
    const exchange = this.#owed.find(sequence)
    if (exchange === null) return false
    if (read.kind === 'command') return this.#command(exchange, read.command)
    exchange.wantsSocket = false
    if (!takeRecord(exchange, read)) return false
    this.#outbox.pump()
    return true
  }

  #command(exchange: Exchange, command: number): boolean {
    if (command === COMMAND_ABORT) this.cut()
    else if (command === COMMAND_READ_OFF) exchange.body?.readOff()
    else if (command === COMMAND_HIJACK) this.#hijack(exchange)
    else if (command === COMMAND_PULL) {
      exchange.wantsRoom = true
      this.#outbox.tellRoom()
    } else if (command === COMMAND_CONTINUE || command === COMMAND_READ_ON) this.#readOn(exchange)
    else return false
    return true
  }

  #readOn(exchange: Exchange): void {
    const { body, response } = exchange
    if (exchange.owesContinue && body?.arrived === false && exchange.answer === null)
      response?.writeContinue()
    exchange.owesContinue = false
    body?.readOn(performance.now())
    this.clock.moved()
    if (exchange.bodyFailure !== 0)
      this.#event(EVENT_KIND_BODY_ERROR, exchange.sequence, exchange.bodyFailure)
  }

  #onSent(exchange: Exchange): void {
    if (exchange.closes) {
      this.shut()
      return
    }
    this.#outbox.pump()
    // Nobody took the connection: what stands behind an upgrade is the next request (UPG-1).
    if (this.#awaitsUpgrade === null && !this.#held) this.#gate?.open()
    this.#goOn()
    this.#offerSocket()
    if (this.#owed.count > 0) return
    if (this.#peerEnded) this.shut()
    else this.#host.settled(this)
  }

  /** Output has left: what waited for that goes on. */
  #goOn(): void {
    this.#dispatchReady()
    if (this.#held) this.#hold()
  }

  /** The answer ended early, and what there is of it has left (RES-6). Answers before it may be on their way still. */
  #endCutShort(reset: boolean): void {
    if (!reset) {
      this.shut()
      return
    }
    this.lingering = true
    this.#host.deadlines.remove(this.clock)
    resetSocket(this.socket)
    this.#host.settled(this)
  }

  /** Only an upgrade can have the socket: behind any other request node has parsed already (UPG-2). */
  #hijack(exchange: Exchange): void {
    if (this.#awaitsUpgrade === exchange && exchange.answer === null && !this.#peerEnded) {
      exchange.wantsSocket = true
      this.#gate?.pause()
      this.#offerSocket()
    } else this.#event(EVENT_KIND_HIJACKED, exchange.sequence, HIJACK_REFUSED)
  }

  #offerSocket(): void {
    const { first } = this.#owed
    if (first?.wantsSocket === true && !this.socket.destroyed)
      this.#event(EVENT_KIND_HIJACKED, first.sequence, HIJACK_GRANTED)
  }

  /** Gives up the socket of a granted hijack; null when there is none. */
  takeSocket(parser: Server): Socket | null {
    const { first } = this.#owed
    const { socket } = this
    if (first?.wantsSocket !== true || socket.destroyed) return null
    if (first.message === null || first.response === null) return null
    this.#detach()
    leaveNode(parser, socket, first.message, first.response)
    this.#gate?.detach()
    this.#owed.clear()
    this.#sealed = true
    this.#host.deadlines.remove(this.clock)
    return socket
  }

  /** Answers a request with an error of the engine, in its own place, and closes behind it (PIP-4). */
  #refuse(exchange: Exchange, status: number): void {
    this.#sealed = true
    exchange.state = 'refused'
    exchange.closes = true
    exchange.answer = errorAnswer(status, exchange.head?.method === 'HEAD')
    exchange.given = 'whole'
    countStatus(this.#host.counters, status)
    exchange.body?.discard(performance.now())
    this.#outbox.pump()
  }

  /** The same for bytes that were no request. */
  #refuseInput(status: number, plainClose = false): void {
    if (this.#sealed) return
    this.#plainClose = plainClose
    const exchange = makeExchange(this.#sequence++, null, null, null, null)
    this.#owed.add(exchange)
    this.#refuse(exchange, status)
  }

  onConnectMethod(message: IncomingMessage): void {
    this.#refuseInput(message.httpVersionMajor === 1 ? 501 : 505)
  }

  /** node's parser gave up, or the socket failed. */
  onParserError(error: NodeJS.ErrnoException): void {
    const failed = error.syscall !== undefined || error.code === 'ECONNRESET'
    if (failed) this.#host.counters.add(COUNTER_RESETS)
    if (failed || this.lingering) this.socket.destroy()
    else if (error.code === 'HPE_INVALID_EOF_STATE') this.#onTruncated()
    else if (error.code === 'HPE_CLOSED_CONNECTION') this.#onInputClosed()
    else this.#onBadInput(parserStatus(error.code))
  }

  /** Bytes behind a message that node's parser takes for the last one (a trailer said `Connection: close`). */
  #onInputClosed(): void {
    const { last } = this.#owed
    this.#sealed = true
    if (last !== null && last.answer === null) last.closes = true
    else if (last === null) this.shut()
  }

  #onBadInput(status: number): void {
    const unfinished = this.#unfinished()
    if (unfinished !== null) this.#onBodyFailure(unfinished, status)
    // A body that was answered already, and is only dropped: a second answer would be taken for the next one.
    else if (this.clock.inBody) this.shut()
    else this.#refuseInput(status)
  }

  /** FIN inside a message: an undispatched one is forgotten, a streamed body fails (EOF-1). */
  #onTruncated(): void {
    this.#host.counters.add(COUNTER_TRUNCATED)
    this.#peerEnded = true
    const unfinished = this.#unfinished()
    if (unfinished?.state === 'collecting') {
      this.#letBodyGo()
      this.#owed.dropLast()
    } else if (unfinished !== null) this.#onBodyFailure(unfinished, 400)
    if (this.#owed.count === 0) this.shut()
  }

  #onPeerEnd(): void {
    this.#peerEnded = true
    if (this.lingering) return
    // Behind the batch that brings the requests parsed in this turn: events stand before requests in one.
    if (this.#owed.count === 0) this.shut()
    else setImmediate(() => this.#tellHalfClosed())
  }

  #tellHalfClosed(): void {
    const { oldest } = this.#owed
    if (oldest !== null && !this.socket.destroyed)
      this.#event(EVENT_KIND_HALF_CLOSED, oldest.sequence)
  }

  #onClose(): void {
    this.#letBodyGo()
    const code = this.#cutByServer ? ABORT_CODE_SERVER : ABORT_CODE_CLIENT
    if (this.#owed.oldest !== null)
      this.#event(EVENT_KIND_ABORTED, this.#owed.oldest.sequence, code)
    this.#owed.clear()
    this.#gate?.detach()
    this.#host.deadlines.remove(this.clock)
    this.#host.gone(this)
  }

  /** Closes without another answer: staged (CLOSE-3), or at once where nobody listens any more. */
  shut(): void {
    if (this.lingering) return
    this.lingering = true
    this.#sealed = true
    this.#host.deadlines.remove(this.clock)
    if (this.#peerEnded || this.#plainClose) this.#closeSocket()
    else linger(this.socket, this.#host.deadlines)
    this.#host.settled(this)
  }

  /** Resets the connection; whoever is owed an answer learns it. */
  cut(byServer = false): void {
    this.#cutByServer = byServer
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
