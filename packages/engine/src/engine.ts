import type { Duplex } from 'node:stream'
import type { BatchMemory } from './batch-memory.ts'

/** Where a server listens. Address fields are empty strings and port 0 for a unix socket. */
export interface ListenAddress {
  /** IP address as bound, or the path of a unix socket. */
  readonly address: string
  /** TCP port as bound; 0 for a unix socket. */
  readonly port: number
}

/** What `close()` did with the connections that were open when it was called. */
export interface DrainReport {
  /** Connections that ended by themselves after their last answer. */
  readonly drained: number
  /** Connections that were reset when the time was up. */
  readonly cut: number
  /** Milliseconds from the call to the end. */
  readonly elapsedMs: number
}

/** Address of the other end of a connection. */
export interface PeerAddress {
  /** IPv4 or IPv6 address in text form, v4-mapped addresses as IPv4; `''` for a unix socket. */
  readonly address: string
  /** TCP port; 0 for a unix socket. */
  readonly port: number
}

/** A path without parameters that an engine may match by bytes (request field LITERAL_ID). */
export interface LiteralPath {
  /** The path exactly as it stands in a request target, percent-encoded where needed. */
  readonly path: string
  /** Positive id, unique in the list. */
  readonly id: number
}

/** Everything an engine needs to serve. Core resolves and validates all of it before. */
export interface ListenOptions {
  /** The batch block of this isolate; lent to the engine until it has closed. */
  readonly memory: BatchMemory
  /**
   * Number of the engine among those that share the block. Response records are drained only while
   * CONTROL_TENANT holds it. @defaultValue 0
   */
  readonly tenant?: number | undefined
  /** TCP port, 0 for a free one. */
  readonly port: number
  /** Address to bind. `'::'` is dual-stack and falls back to `'0.0.0.0'` where IPv6 is missing. */
  readonly host: string
  /** A bound stream socket to use instead of binding; the engine owns it from then on. */
  readonly fd?: number | undefined
  /** Path of a unix socket to bind instead. */
  readonly path?: string | undefined
  /** Permission bits of that socket; undefined leaves them to the umask. */
  readonly mode?: number | undefined
  /** Native I/O threads; 0 runs the loop on the JS thread. */
  readonly workers: number
  /** Expected load, a hint for the adaptive engine. */
  readonly workload: 'unspecified' | 'low' | 'high'
  /** Where an inline engine blocks: its own wait that holds libuv's descriptor, or libuv's. */
  readonly eventLoop: 'native' | 'libuv'
  /** Spin before blocking, microseconds; 0 off; `'auto'` is 50 unless the process has one CPU. */
  readonly spinUs: number | 'auto'
  /** Body timeout, ms; 0 off. */
  readonly readTimeoutMs: number
  /** Head timeout, ms, from the first byte; 0 off. */
  readonly readHeaderTimeoutMs: number
  /** Stalled output timeout, ms; 0 off. */
  readonly writeTimeoutMs: number
  /** Idle connection timeout, ms; 0 off. */
  readonly idleTimeoutMs: number
  /** Longest request head, bytes. */
  readonly maxHeaderBytes: number
  /** Most header lines in a head. */
  readonly maxHeaders: number
  /** Longest request body, bytes. */
  readonly maxRequestBodySize: number
  /** Bodies with content-length up to this are complete before their request is dispatched. */
  readonly bufferedBodySize: number
  /** Most connections of one worker. */
  readonly maxConnections: number
  /** Receive buffer size, bytes; undefined leaves it to the engine. */
  readonly bufferSize?: number | undefined
  /** SO_RCVBUF of accepted sockets; undefined leaves the system's. */
  readonly socketRecvBuffer?: number | undefined
  /** SO_SNDBUF of accepted sockets; undefined leaves the system's. */
  readonly socketSendBuffer?: number | undefined
  /** Backlog of the listening socket. */
  readonly backlog: number
  /** Share the port with other processes (SO_REUSEPORT). */
  readonly reusePort: boolean
  /** Close every connection after one answer. */
  readonly disableKeepAlive: boolean
  /** Soft ceiling of process memory, bytes; 0 off. */
  readonly memoryLimitBytes: number
  /** Options of `node:tls`; only an engine with the capability `tls` accepts them. */
  readonly tls?: object | undefined
  /** Requests with `Expect: 100-continue` wait for a CONTINUE command. */
  readonly expectHook: boolean
  /** Report OPENED and CLOSED events. */
  readonly connectionEvents: boolean
  /** Paths the engine may match by bytes. */
  readonly literals: readonly LiteralPath[]
  /** Receives a one-line warning for the operator. */
  readonly warn: (message: string) => void
}

/**
 * Takes one batch from an engine. Called on the JS thread once per loop turn, never re-entrantly.
 * `base` is the byte offset of the batch block in the memory, the counts are numbers of records.
 * A call with both counts 0 ends a turn whose CONTROL_PENDING_HEADS was not 0: request bytes are
 * about to be reused, copy what is still needed.
 */
export type Dispatch = (base: number, requests: number, events: number) => void

/** Things not every engine offers; absence means no. */
export interface EngineCapabilities {
  readonly workers?: boolean
  readonly sendfile?: boolean
  readonly hijack?: boolean
  readonly unixSocket?: boolean
  readonly inheritFd?: boolean
  readonly tls?: boolean
}

/** Counters of an engine since `listen`; gauges where the name says so (active, queuedBytes, …). */
export type EngineMetrics = {
  [Name in typeof import('./layout.generated.ts').COUNTER_NAMES[number]]: number
}

/**
 * An HTTP engine: sockets and protocol below, batches of requests above.
 * States: idle, listening, paused, closing, closed. A failed `listen` returns to idle.
 * Anything that satisfies this and passes `engineConformance()` can serve a `Server`.
 */
export interface Engine {
  /** Short name: `'epoll'`, `'node'`, or a user's own. */
  readonly type: string
  readonly capabilities?: EngineCapabilities
  /** True when answers written outside `dispatch` leave by themselves at the end of the turn. */
  readonly flushesItself: boolean
  /**
   * Binds and serves.
   * @throws EngineStateError `CELERIS_ENGINE_STATE` unless idle.
   * @throws EngineUnavailableError `CELERIS_ENGINE_UNAVAILABLE` where it cannot run.
   * @throws ListenError with the system's code when the address cannot be bound.
   */
  listen(options: ListenOptions, dispatch: Dispatch): Promise<ListenAddress>
  /** Sends what stands in the response records now, and empties records and output arena. */
  flush(): void
  /** Address of the peer of a connection; null when the connection is gone. */
  peer(slot: number, generation: number): PeerAddress | null
  /**
   * Gives up the socket of a connection after its HIJACKED event; what was received behind the request is
   * delivered first (UPG-2). Null when it cannot be taken. Only with the capability `hijack`.
   */
  takeSocket?(slot: number, generation: number): Duplex | null
  /** Stops accepting within one turn; idempotent; before `listen` it means "start paused". */
  pauseAccept(): void
  /** Accepts again; idempotent. */
  resumeAccept(): void
  /**
   * Drains and closes, cutting what is left after `timeoutMs`. Later calls return the first promise, and
   * cut earlier if their `timeoutMs` ends earlier.
   */
  close(options: { timeoutMs: number }): Promise<DrainReport>
  /** Counters; never throws, in any state. */
  metrics(): EngineMetrics
}

/** Whether an engine can run here, and why not. */
export interface ProbeResult {
  readonly available: boolean
  /** One sentence for people. */
  readonly reason: string
}
