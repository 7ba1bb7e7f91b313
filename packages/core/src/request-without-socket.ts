// Runs requests through dispatch without a socket: the records, checks and framing of the node engine, in memory.
import {
  CelerisError,
  type Dispatch,
  type DrainReport,
  type Engine,
  type EngineMetrics,
  EngineStateError,
  type ListenAddress,
  type ListenOptions,
  type PeerAddress,
} from '@celeris/engine'
import {
  COMMAND_ABORT,
  COMMAND_CONTINUE,
  COMMAND_PULL,
  COMMAND_READ_OFF,
  COMMAND_READ_ON,
  COUNTER_ACCEPTED,
  COUNTER_ACTIVE,
  COUNTER_BAD_RECORDS,
  COUNTER_CLOSED,
  COUNTER_REQUESTS,
  COUNTER_STALE_WRITES,
  COUNTER_TURNS,
  EVENT_KIND_ABORTED,
  EVENT_KIND_BODY_BYTES,
  EVENT_KIND_BODY_END,
  EVENT_KIND_BODY_ERROR,
  EVENT_KIND_WRITABLE,
  INLINE_BODY_BYTES_MAX,
} from '@celeris/engine/layout'
import { openRecord } from './arena.ts'
import { BatchTurns } from './node-http/batch-turns.ts'
import { Counters } from './node-http/counters.ts'
import { errorAnswer } from './node-http/exchange.ts'
import { RecordWriter } from './node-http/record-writer.ts'
import { checkHead } from './node-http/request-check.ts'
import {
  type Answer,
  type AnswerState,
  type ReadResponse,
  ResponseReader,
} from './node-http/response-reader.ts'
import { SlotTable } from './node-http/slot-table.ts'
import { BodyStream } from './web-body-stream.ts'
import { headOfRequest, responseOf, WebBody } from './web-exchange.ts'

/** Largest piece of a streamed body in one event. */
const PIECE_BYTES = 65_536

/** An engine without sockets. */
export interface MemoryEngine extends Engine {
  /**
   * Runs one request as if it had come over a connection of its own.
   * Rejects with the reason of `request.signal`, or when the connection would have been cut.
   */
  fetch(request: Request): Promise<Response>
}

/** One request in flight; it has a slot, as a connection would. */
class InFlight {
  readonly slot: number
  readonly generation: number
  readonly sequence = 0
  readonly method: string
  readonly body: WebBody
  readonly resolve: (response: Response) => void
  readonly reject: (error: unknown) => void
  reading = false
  wanted = false
  receivedBytes = 0
  /** The body of an answer in parts, once its head is there. */
  stream: BodyStream | null = null
  /** Ends the watch over the signal of the request. */
  unwatch: () => void = () => undefined
  constructor(
    slot: number,
    generation: number,
    method: string,
    body: WebBody,
    resolve: (response: Response) => void,
    reject: (error: unknown) => void,
  ) {
    this.slot = slot
    this.generation = generation
    this.method = method
    this.body = body
    this.resolve = resolve
    this.reject = reject
  }
}

interface Serving {
  readonly options: ListenOptions
  readonly turns: BatchTurns
  readonly reader: ResponseReader
}

class SocketlessEngine implements MemoryEngine {
  readonly type = 'memory'
  readonly flushesItself = false
  readonly #counters = new Counters()
  readonly #inFlight = new SlotTable<InFlight>()
  #serving: Serving | null = null
  #state: 'idle' | 'listening' | 'closing' = 'idle'
  #closing: Promise<DrainReport> | null = null
  #onEmpty: () => void = () => undefined

  async listen(options: ListenOptions, dispatch: Dispatch): Promise<ListenAddress> {
    if (this.#state !== 'idle') {
      throw new EngineStateError(`the memory engine cannot listen: it is ${this.#state} already`)
    }
    this.#state = 'listening'
    const writer = new RecordWriter(options.memory, options.literals)
    const turns = new BatchTurns(options.memory, writer, dispatch, {
      drain: () => {
        // The block may hold answers for another engine of this isolate: those leave first.
        openRecord(this)
        this.flush()
      },
      onThrow: (batch) => {
        for (const { slot, generation } of batch)
          this.#fail(this.#inFlight.get(slot, generation), cut('dispatch failed'))
      },
      onBatch: (requests) => {
        this.#counters.add(COUNTER_TURNS)
        this.#counters.add(COUNTER_REQUESTS, requests)
      },
    })
    this.#serving = { options, turns, reader: new ResponseReader(options.memory) }
    return { address: '', port: 0 }
  }

  async fetch(request: Request): Promise<Response> {
    const serving = this.#serving
    if (serving === null || this.#state !== 'listening') {
      throw new EngineStateError(`the memory engine takes no request: it is ${this.#state}`)
    }
    request.signal.throwIfAborted()
    const { options } = serving
    const body = new WebBody(request)
    const inlineMax = Math.min(options.bufferedBodySize, INLINE_BODY_BYTES_MAX)
    await body.readAhead(Math.min(inlineMax, options.maxRequestBodySize))
    const head = headOfRequest(request, body)
    const verdict = checkHead(head, { ...options, secure: false })
    if (verdict.status !== 0)
      return responseOf(errorAnswer(verdict.status, head.method === 'HEAD'), head.method)
    return await new Promise((resolve, reject) => {
      const flight = this.#inFlight.add(
        (slot, generation) => new InFlight(slot, generation, head.method, body, resolve, reject),
      )
      this.#counters.add(COUNTER_ACCEPTED)
      this.#counters.add(COUNTER_ACTIVE)
      const { slot, generation, sequence } = flight
      const onAbort = (): void => this.#abort(flight, request.signal.reason)
      request.signal.addEventListener('abort', onAbort, { once: true })
      flight.unwatch = () => request.signal.removeEventListener('abort', onAbort)
      serving.turns.pushRequest({ slot, generation, sequence, head, verdict, body: body.collected })
    })
  }

  /** The client has gone: whoever answers learns it. */
  #abort(flight: InFlight, reason: unknown): void {
    if (this.#inFlight.get(flight.slot, flight.generation) !== flight) return
    this.#event(flight, EVENT_KIND_ABORTED)
    this.#fail(flight, reason)
  }

  #fail(flight: InFlight | null, reason: unknown): void {
    if (flight === null) return
    this.#end(flight)
    // One of the two has an effect: behind the head only the body can fail.
    flight.stream?.fail(reason)
    flight.reject(reason)
  }

  #end(flight: InFlight): void {
    this.#inFlight.remove(flight)
    this.#counters.add(COUNTER_CLOSED)
    this.#counters.add(COUNTER_ACTIVE, -1)
    flight.body.cancel()
    flight.unwatch()
    if (this.#inFlight.count === 0) this.#onEmpty()
  }

  flush(): void {
    this.#serving?.reader.drain((slot, generation, sequence, read) => {
      const flight = this.#inFlight.get(slot, generation)
      if (flight === null || sequence !== flight.sequence) this.#counters.add(COUNTER_STALE_WRITES)
      else if (read === null || !this.#take(flight, read)) {
        this.#counters.add(COUNTER_BAD_RECORDS)
        this.#fail(flight, cut('its answer is not valid'))
      }
    })
  }

  #take(flight: InFlight, read: ReadResponse): boolean {
    if (read.kind === 'answer') return this.#begin(flight, read)
    if (read.kind === 'interim') return flight.stream === null
    if (read.kind === 'part') return this.#write(flight, read.bytes, read.state)
    return this.#command(flight, read.command)
  }

  /** The head is there: the Response can be had, its body follows. */
  #begin(flight: InFlight, answer: Answer): boolean {
    if (flight.stream !== null) return false
    if (answer.state === 'whole') {
      this.#end(flight)
      flight.resolve(responseOf(answer, flight.method))
      return true
    }
    flight.stream = new BodyStream({
      onRoom: () => this.#event(flight, EVENT_KIND_WRITABLE),
      onCancel: (reason) => this.#abort(flight, reason),
    })
    flight.resolve(responseOf(answer, flight.method, flight.stream.readable))
    return this.#write(flight, answer.body, answer.state)
  }

  #write(flight: InFlight, bytes: Uint8Array, state: AnswerState): boolean {
    // An answer may be cut before it has begun.
    if (flight.stream === null && (state === 'more' || state === 'whole')) return false
    flight.stream?.write(bytes)
    if (state === 'more') return true
    if (state === 'whole') {
      this.#end(flight)
      flight.stream?.close()
    } else this.#fail(flight, cut('its body was cut short'))
    return true
  }

  #command(flight: InFlight, command: number): boolean {
    if (command === COMMAND_READ_ON || command === COMMAND_CONTINUE) {
      flight.wanted = true
      this.#deliver(flight).catch((error: unknown) => this.#abort(flight, error))
    } else if (command === COMMAND_PULL) {
      // Before there is a head, nothing is unread.
      if (flight.stream === null) this.#event(flight, EVENT_KIND_WRITABLE)
      else flight.stream.pull()
    } else if (command === COMMAND_READ_OFF) flight.wanted = false
    else if (command === COMMAND_ABORT) this.#fail(flight, cut('the server reset it'))
    else return false
    return true
  }

  /** Delivers a streamed body while it is wanted; one piece is under way at a time. */
  async #deliver(flight: InFlight): Promise<void> {
    if (flight.reading) return
    flight.reading = true
    while (flight.wanted && this.#inFlight.get(flight.slot, flight.generation) === flight) {
      const bytes = await flight.body.next()
      flight.receivedBytes += bytes?.byteLength ?? 0
      if (flight.receivedBytes > (this.#serving?.options.maxRequestBodySize ?? 0)) {
        this.#event(flight, EVENT_KIND_BODY_ERROR, 413)
        return
      }
      if (bytes === null) {
        this.#event(flight, EVENT_KIND_BODY_END)
        return
      }
      for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
        await this.#bytesTaken(flight, bytes.subarray(at, at + PIECE_BYTES))
      }
    }
    flight.reading = false
  }

  #bytesTaken(flight: InFlight, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#event(flight, EVENT_KIND_BODY_BYTES, 0, bytes, resolve))
  }

  #event(
    flight: InFlight,
    kind: number,
    code = 0,
    bytes: Uint8Array | null = null,
    onWritten?: () => void,
  ): void {
    const { slot, generation, sequence } = flight
    this.#serving?.turns.pushEvent({ slot, generation, sequence, kind, code, bytes, onWritten })
  }

  peer(slot: number, generation: number): PeerAddress | null {
    return this.#inFlight.get(slot, generation) === null ? null : { address: '', port: 0 }
  }

  pauseAccept(): void {}

  resumeAccept(): void {}

  close(options: { timeoutMs: number }): Promise<DrainReport> {
    this.#closing ??= this.#close(options.timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<DrainReport> {
    const start = performance.now()
    this.#state = 'closing'
    const open = this.#inFlight.count
    if (open > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs)
        this.#onEmpty = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    const left = this.#inFlight.all()
    for (const flight of left) this.#abort(flight, cut('the server closed'))
    return { drained: open - left.length, cut: left.length, elapsedMs: performance.now() - start }
  }

  metrics(): EngineMetrics {
    return this.#counters.metrics()
  }
}

function cut(why: string): CelerisError {
  return new CelerisError('CELERIS_CLIENT_ABORTED', `the request ended without an answer: ${why}`)
}

/** An engine for `app.request()` and `app.fetch()`: no socket, the same records. */
export function memoryEngine(): MemoryEngine {
  return new SocketlessEngine()
}
