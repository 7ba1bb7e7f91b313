// The built-in engine on node:http: runs everywhere, and gives the same records as a native engine.
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
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
  COUNTER_ACCEPTED,
  COUNTER_ACTIVE,
  COUNTER_BAD_RECORDS,
  COUNTER_BATCH_MAX,
  COUNTER_BYTES_WRITTEN,
  COUNTER_CLOSED,
  COUNTER_RELEASED,
  COUNTER_REQUESTS,
  COUNTER_STALE_WRITES,
  COUNTER_TURNS,
  EVENT_KIND_CLOSED,
  EVENT_KIND_OPENED,
} from '@celeris/engine/layout'
import { openRecord } from '../arena.ts'
import { lazily } from '../lazily.ts'
import { type Acceptor, openAcceptor } from './acceptor.ts'
import { BatchTurns } from './batch-turns.ts'
import { Connection } from './connection.ts'
import type { ConnectionHost } from './connection-host.ts'
import { Counters } from './counters.ts'
import { Deadlines } from './deadlines.ts'
import { drainConnections } from './drain.ts'
import { type PreparedRequest, RecordWriter } from './record-writer.ts'
import { ResponseReader } from './response-reader.ts'
import { makeRoom } from './room.ts'
import { SlotTable } from './slot-table.ts'

const http = lazily<typeof import('node:http')>('node:http')

type State = 'idle' | 'starting' | 'listening' | 'closing' | 'closed'

const LISTEN_HINTS: Readonly<Record<State, string>> = {
  idle: '',
  starting: 'it is starting already',
  listening: 'it listens already',
  closing: 'it is closing; make a new engine',
  closed: 'it is closed; make a new engine',
}

/** Everything that exists only while the engine listens. */
interface Serving extends ConnectionHost<Connection> {
  readonly reader: ResponseReader
  readonly parser: HttpServer
  draining: boolean
}

class NodeEngine implements Engine {
  readonly type = 'node'
  readonly flushesItself = false
  readonly capabilities = { hijack: true, unixSocket: true, inheritFd: true, tls: true }
  readonly #counters = new Counters()
  readonly #connections = new SlotTable<Connection>()
  /** Adopted in one go: what they have sent has not been looked at. */
  readonly #newcomers = new Set<Connection>()
  #adoptionDue = false
  readonly #bySocket = new WeakMap<Socket, Connection>()
  /** Accepted while paused: unread until accepting goes on. */
  readonly #waiting = new Set<Socket>()
  #state: State = 'idle'
  #serving: Serving | null = null
  #acceptor: Acceptor | null = null
  #starting: Promise<unknown> = Promise.resolve()
  #paused = false
  #closing: Promise<DrainReport> | null = null
  #onSettled: () => void = () => undefined
  #closeBy = Number.POSITIVE_INFINITY
  #hasten: (timeoutMs: number) => void = () => undefined

  async listen(options: ListenOptions, dispatch: Dispatch): Promise<ListenAddress> {
    if (this.#state !== 'idle')
      throw new EngineStateError(`the node engine cannot listen: ${LISTEN_HINTS[this.#state]}`)
    this.#state = 'starting'
    this.#serving = this.#makeServing(options, dispatch)
    const opening = openAcceptor(options, (socket) => this.#onSocket(socket))
    this.#starting = opening.catch(() => undefined)
    try {
      this.#acceptor = await opening
    } catch (error) {
      this.#serving = null
      if (this.#state === 'starting') this.#state = 'idle'
      throw error
    }
    if (this.#state === 'starting') this.#state = 'listening'
    return this.#acceptor.address
  }

  #makeServing(options: ListenOptions, dispatch: Dispatch): Serving {
    const writer = new RecordWriter(options.memory, options.literals)
    const limits = { ...options, secure: options.tls !== undefined }
    const turns = new BatchTurns(options.memory, writer, dispatch, {
      drain: () => {
        // The block may hold answers for another engine of this isolate: those leave first.
        openRecord(this)
        this.flush()
      },
      onThrow: (batch) => this.#onThrow(batch),
      onBatch: (requests) => {
        this.#counters.add(COUNTER_TURNS)
        this.#counters.add(COUNTER_REQUESTS, requests)
        this.#counters.raise(COUNTER_BATCH_MAX, requests)
      },
    })
    return {
      options,
      limits,
      counters: this.#counters,
      turns,
      deadlines: new Deadlines(),
      draining: false,
      bodies: { heldBytes: 0 },
      reader: new ResponseReader(options.memory),
      parser: this.#makeParser(options),
      gone: (connection) => this.#onGone(connection),
      settled: () => this.#onSettled(),
    }
  }

  /** node's server never listens: it parses the sockets it is handed, and times nothing. */
  #makeParser(options: ListenOptions): HttpServer {
    const parser = http().createServer({
      insecureHTTPParser: false,
      // Host is checked with the other fields: node would answer in its own words.
      requireHostHeader: false,
      maxHeaderSize: options.maxHeaderBytes,
      keepAliveTimeout: 0,
      headersTimeout: 0,
      requestTimeout: 0,
      ...(options.bufferSize === undefined ? {} : { highWaterMark: options.bufferSize }),
    })
    // Lines are counted by us: node would drop the surplus in silence.
    parser.maxHeadersCount = 0
    // Otherwise a FIN would end the socket before the answers that are owed (EOF-1).
    ;(parser as { httpAllowHalfOpen?: boolean }).httpAllowHalfOpen = true
    const onRequest = (message: IncomingMessage, response: ServerResponse): void =>
      this.#bySocket.get(message.socket)?.onRequest(message, response)
    parser.on('request', onRequest)
    parser.on('checkContinue', onRequest)
    parser.on('checkExpectation', onRequest)
    parser.on('connect', (message: IncomingMessage) =>
      this.#bySocket.get(message.socket)?.onConnectMethod(message),
    )
    parser.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) =>
      this.#bySocket.get(socket)?.onParserError(error),
    )
    return parser
  }

  #onSocket(socket: Socket): void {
    // At the cap newcomers wait behind the input of the turn: who has just asked for something is not idle (BP-3).
    const full = this.#connections.count >= (this.#serving?.options.maxConnections ?? 0)
    if (full && !this.#paused) this.#adoptLater()
    if (this.#paused || full) {
      socket.pause()
      socket.on('error', () => undefined)
      socket.once('close', () => this.#waiting.delete(socket))
      this.#waiting.add(socket)
    } else {
      this.#adopt(socket)
      this.#newcomers.clear()
    }
  }

  #adoptLater(): void {
    if (this.#adoptionDue) return
    this.#adoptionDue = true
    setImmediate(() => {
      this.#adoptionDue = false
      if (!this.#paused) this.#adoptWaiting()
    })
  }

  #adoptWaiting(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const socket of waiting) this.#adopt(socket)
    this.#newcomers.clear()
  }

  #adopt(socket: Socket): void {
    const serving = this.#serving
    if (serving === null || socket.destroyed) return void socket.destroy()
    const spared = this.#newcomers
    if (!makeRoom(this.#connections, serving.options, this.#counters, spared))
      return void socket.destroy()
    const connection = this.#connections.add(
      (slot, generation) => new Connection(serving, socket, slot, generation),
    )
    spared.add(connection)
    this.#bySocket.set(socket, connection)
    this.#counters.add(COUNTER_ACCEPTED)
    this.#counters.add(COUNTER_ACTIVE)
    serving.parser.emit('connection', socket)
    connection.attach()
    if (serving.options.connectionEvents) this.#report(connection, EVENT_KIND_OPENED)
    socket.resume()
  }

  #report(connection: Connection, kind: number): void {
    const { slot, generation } = connection
    this.#serving?.turns.pushEvent({ slot, generation, sequence: 0, kind, code: 0, bytes: null })
  }

  #onGone(connection: Connection): void {
    this.#counters.add(COUNTER_CLOSED)
    this.#forget(connection)
  }

  #forget(connection: Connection): void {
    this.#connections.remove(connection)
    this.#counters.add(COUNTER_ACTIVE, -1)
    this.#counters.add(COUNTER_BYTES_WRITTEN, connection.socket.bytesWritten)
    if (this.#serving?.options.connectionEvents === true)
      this.#report(connection, EVENT_KIND_CLOSED)
    this.#onSettled()
  }

  #onThrow(batch: readonly PreparedRequest[]): void {
    for (const { slot, generation, sequence } of batch) {
      const connection = this.#connections.get(slot, generation)
      if (connection?.owes(sequence) === true) connection.fail()
    }
  }

  flush(): void {
    this.#serving?.reader.drain((slot, generation, sequence, read) => {
      const connection = this.#connections.get(slot, generation)
      if (connection === null || !connection.owes(sequence))
        return this.#counters.add(COUNTER_STALE_WRITES)
      if (read !== null && connection.take(sequence, read)) return
      this.#counters.add(COUNTER_BAD_RECORDS)
      connection.fail()
    })
  }

  peer(slot: number, generation: number): PeerAddress | null {
    const socket = this.#connections.get(slot, generation)?.socket
    if (socket === undefined || socket.destroyed) return null
    const address = socket.remoteAddress ?? ''
    return {
      address: address.startsWith('::ffff:') ? address.slice(7) : address,
      port: socket.remotePort ?? 0,
    }
  }

  takeSocket(slot: number, generation: number): Socket | null {
    const serving = this.#serving
    const connection = this.#connections.get(slot, generation)
    const socket = serving === null ? null : (connection?.takeSocket(serving.parser) ?? null)
    if (connection === null || socket === null) return null
    this.#bySocket.delete(socket)
    this.#counters.add(COUNTER_RELEASED)
    this.#forget(connection)
    return socket
  }

  pauseAccept(): void {
    this.#paused = true
  }

  resumeAccept(): void {
    this.#paused = false
    this.#adoptWaiting()
  }

  close(options: { timeoutMs: number }): Promise<DrainReport> {
    this.#closeBy = Math.min(this.#closeBy, performance.now() + options.timeoutMs)
    this.#hasten(options.timeoutMs)
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<DrainReport> {
    const wasIdle = this.#state === 'idle'
    this.#state = 'closing'
    if (this.#serving !== null) this.#serving.draining = true
    await this.#starting
    const serving = this.#serving
    const acceptor = this.#acceptor
    if (wasIdle || serving === null || acceptor === null) {
      this.#state = 'closed'
      return { drained: 0, cut: 0, elapsedMs: 0 }
    }
    const report = await drainConnections({
      timeoutMs: Math.max(0, this.#closeBy - performance.now()),
      onHasten: (listener) => {
        this.#hasten = listener
      },
      acceptor,
      connections: () => this.#connections.all(),
      takeWaiting: () => this.resumeAccept(),
      onSettled: (listener) => {
        this.#onSettled = listener
      },
      turnsDone: () => serving.turns.idle,
    })
    serving.turns.stop()
    this.#state = 'closed'
    return report
  }

  metrics(): EngineMetrics {
    const counted = this.#counters.metrics()
    const sockets = this.#connections.all().map(({ socket }) => socket)
    return {
      ...counted,
      bytesWritten: sockets.reduce(
        (bytes, socket) => bytes + socket.bytesWritten,
        counted.bytesWritten,
      ),
      queuedBytes: sockets.reduce((bytes, socket) => bytes + socket.writableLength, 0),
      tableSlots: this.#connections.capacity,
    }
  }
}

/** The engine on node:http: available everywhere, the only one with TLS. */
export function nodeEngine(): Engine {
  return new NodeEngine()
}
