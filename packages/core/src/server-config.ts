import type { TlsOptions } from 'node:tls'
import type { Engine, PeerAddress } from '@celeris/engine'
import type { Context, Env } from './context.ts'
import type { Logger } from './logger.ts'
import type { TrustProxy } from './proxy-trust.ts'

/** Engines that can be asked for by name. */
export type EngineName = 'auto' | 'adaptive' | 'iouring' | 'epoll' | 'node'

/**
 * Options of a server. Every one has a default; `undefined` is the default. All are checked when
 * the server is made, and one `ConfigError` (`CELERIS_CONFIG`) names every problem.
 */
export interface ServerConfig<E extends Env = Env> {
  /** TCP port to listen on, 0 … 65 535; 0 takes a free one. @defaultValue 3000 */
  readonly port?: number | undefined
  /**
   * Address to bind. `'::'` serves IPv4 and IPv6, and falls back to `'0.0.0.0'` where IPv6 is
   * missing; `'127.0.0.1'` serves this machine only.
   * @defaultValue '::'
   */
  readonly host?: string | undefined
  /**
   * What serves the sockets. `'auto'` takes the first that is installed and runs here: adaptive
   * (if epoll and io_uring both run), iouring, epoll, node; `engineInfo()` says why. A name takes
   * that one or fails with `EngineUnavailableError`. An object is used as it is.
   * @defaultValue 'auto'
   */
  readonly engine?: EngineName | Engine | undefined
  /**
   * Native I/O threads, 0 … 256. 0 runs the loop on the JS thread, the fastest choice for one core;
   * with n threads handlers still run on the JS thread. The node engine has none.
   * @defaultValue 0
   */
  readonly workers?: number | undefined
  /** Expected load, a hint for the adaptive engine. @defaultValue 'unspecified' */
  readonly workload?: 'unspecified' | 'low' | 'high' | undefined
  /**
   * Where an inline native engine waits. `'native'`: in its own call, which holds libuv's
   * descriptor too; `performance.eventLoopUtilization()` then reads 1. `'libuv'`: in libuv, a
   * little slower, and that figure stays meaningful.
   * @defaultValue 'native'
   */
  readonly eventLoop?: 'native' | 'libuv' | undefined
  /**
   * Microseconds to spin before blocking when few connections are open, 0 … 1 000; trades CPU for
   * latency. 0 is off. `'auto'` is 50, and off where the process has a single CPU.
   * @defaultValue 'auto'
   */
  readonly spinUs?: number | 'auto' | undefined
  /**
   * Body timeout, milliseconds, 0 … 2^31-1: the window in which 8 bytes per second of its length
   * or the rest must arrive, else 408. 0 is off.
   * @defaultValue 60_000
   */
  readonly readTimeoutMs?: number | undefined
  /**
   * Head timeout, milliseconds, 0 … 2^31-1, from the first byte of a request to the end of its
   * head; more bytes do not extend it. Then 408. 0 is off.
   * @defaultValue 10_000
   */
  readonly readHeaderTimeoutMs?: number | undefined
  /**
   * Output timeout, milliseconds, 0 … 2^31-1: a client that takes nothing of a pending answer for
   * that long is reset and `c.signal` fires. 0 is off.
   * @defaultValue 60_000
   */
  readonly writeTimeoutMs?: number | undefined
  /**
   * Idle timeout, milliseconds, 0 … 2^31-1: a connection without a request is closed after it.
   * Keep it above that of a load balancer in front. 0 is off.
   * @defaultValue 600_000
   */
  readonly idleTimeoutMs?: number | undefined
  /**
   * Longest request head, bytes, 4 096 … 65 535: request line and all fields. Longer: 431, close
   * (RFC 6585 §5). It bounds what a hostile client can make the server hold per connection.
   * @defaultValue 32_768
   */
  readonly maxHeaderBytes?: number | undefined
  /** Most header lines of a request, 1 … 10 000. More: 431, close. @defaultValue 200 */
  readonly maxHeaders?: number | undefined
  /**
   * Longest request body, bytes, 0 … 2^53-1 or Infinity. Longer: 413 (RFC 9110 §15.5.14). Readers
   * take a smaller `limit` per call.
   * @defaultValue 104_857_600 (100 MiB)
   */
  readonly maxRequestBodySize?: number | undefined
  /**
   * Bodies with a content-length up to this, bytes, 0 … 67 108 864, are complete before the handler
   * runs; larger and chunked ones are streamed to it with backpressure. Never more than
   * `maxRequestBodySize`.
   * @defaultValue 1_048_576 (1 MiB)
   */
  readonly bufferedBodySize?: number | undefined
  /**
   * Longest body that `c.form()` takes into memory, bytes, 0 … 2^53-1; never more than
   * `maxRequestBodySize`. Longer: 413.
   * @defaultValue 33_554_432 (32 MiB)
   */
  readonly maxFormSize?: number | undefined
  /**
   * Most connections per worker, 1 … 65 536. At the limit the longest idle one makes room; when
   * none is idle the newcomer is closed.
   * @defaultValue 65_536
   */
  readonly maxConnections?: number | undefined
  /**
   * Size of a receive buffer, bytes, 4 096 … 262 144. Idle connections have none.
   * @defaultValue the engine's choice
   */
  readonly bufferSize?: number | undefined
  /** SO_RCVBUF of connections, bytes, 1 … 2^31-1. @defaultValue the system's */
  readonly socketRecvBuffer?: number | undefined
  /** SO_SNDBUF of connections, bytes, 1 … 2^31-1. @defaultValue the system's */
  readonly socketSendBuffer?: number | undefined
  /** Connections the system holds before they are accepted, 1 … 65 535. @defaultValue 4_096 */
  readonly backlog?: number | undefined
  /**
   * Shares the port with other processes (SO_REUSEPORT); the system spreads connections. Without
   * it a second server on the port fails with EADDRINUSE.
   * @defaultValue false, true in a `node:cluster` worker with a native engine
   */
  readonly reusePort?: boolean | undefined
  /** Closes every connection after one answer. @defaultValue false */
  readonly disableKeepAlive?: boolean | undefined
  /**
   * Soft ceiling for the memory of the whole process, bytes, 0 … 2^53-1; 0 changes nothing. It
   * trades collections and pacing for a lower peak, and never refuses or cuts a connection. Never
   * derived from the environment; `deriveMemoryLimit()` gives a value to start with.
   * @defaultValue 0
   */
  readonly memoryLimitBytes?: number | undefined
  /** Leaves the collector out: `server.collector` is null. @defaultValue false */
  readonly disableMetrics?: boolean | undefined
  /**
   * Serves https with options of `tls.createServer`: `cert` and `key`, or `pfx`, or `SNICallback`.
   * Served by the node engine only.
   * @defaultValue undefined, plain http
   */
  readonly tls?: TlsOptions | undefined
  /**
   * Which proxies in front may say who the client is; see `TrustProxy`. `false` ignores forwarded
   * fields. `true` is refused: it would let every client choose its address.
   * @defaultValue false
   */
  readonly trustProxy?: TrustProxy | undefined
  /**
   * Decides on a request with `Expect: 100-continue` before its body is sent; false or a throw is
   * 417 and close (RFC 9110 §10.1.1). Limits have been checked before.
   * @defaultValue undefined, every body is welcome
   */
  readonly onExpectContinue?: ((c: Context<E>) => boolean | Promise<boolean>) | undefined
  /** Called for connections that were opened, gathered per turn of the loop. */
  readonly onConnect?: ((peer: PeerAddress) => void) | undefined
  /** Called for connections that are gone, gathered per turn of the loop. */
  readonly onDisconnect?: ((peer: PeerAddress) => void) | undefined
  /**
   * Receives what an operator should know; pino fits. Never headers, bodies, query strings or
   * cookies. What it throws is ignored.
   * @defaultValue warnings and errors, one line each, on stderr
   */
  readonly logger?: Logger | undefined
}
