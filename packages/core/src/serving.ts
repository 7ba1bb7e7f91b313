import type { Duplex } from 'node:stream'
import type { CelerisError, Engine, PeerAddress } from '@celeris/engine'
import type { Context } from './context.ts'
import type { Logger } from './logger.ts'
import type { MetricsCollector } from './metrics-collector.ts'
import type { RouteEntry } from './route-entry.ts'
import type { SealedRoutes } from './route-table.ts'
import type { ClientAddress } from './trusted-client.ts'

/** The peer of a connection, with the generation it belongs to. */
export interface KnownPeer extends PeerAddress {
  readonly generation: number
}

/** What dispatch and contexts share while a server serves through one engine. */
export interface Serving {
  readonly engine: Engine
  readonly routes: SealedRoutes
  /** Answers 400 for a path that cannot be decoded. */
  readonly badPath: RouteEntry
  /** The chain of `pre()` middleware, which routes by itself. */
  readonly preEntry: RouteEntry
  readonly collector: MetricsCollector | null
  readonly logger: Logger
  /** Derives client address, scheme and host behind trusted proxies; null when none are trusted. */
  readonly client: ClientAddress | null
  readonly scheme: 'http' | 'https'
  readonly maxRequestBodySize: number
  readonly bufferedBodySize: number
  /** `NODE_ENV` is development or test: contexts are never reused, misuse is warned about. */
  readonly development: boolean
  /** Contexts with a running handler or a body in progress, by slot; chained through `nextPending`. */
  readonly pending: (Context | null)[]
  /** Decides about `Expect: 100-continue`; null: always go on. */
  readonly onExpectContinue: ((c: Context) => boolean | Promise<boolean>) | null
  /** Peer addresses by slot, asked for once per connection. */
  readonly peers: (KnownPeer | undefined)[]
  /** Their number, and that of those whose method is not safe. */
  pendingCount: number
  unsafePending: number
  /** Requests held back behind others of their connection (PIP-2). */
  held: number
  /** Sockets that were hijacked and are still open. */
  readonly sockets: Set<Duplex>
  /** Bytes that buffered bodies may take together (BODY-5). */
  bufferedBytes: number
  /** Encodes and hands over the answer of a context that took a request over; set by dispatch. */
  conclude: (c: Context) => void
  /** A writer writes its first bytes: hooks run, then the head is written; set by dispatch. */
  openStream: (c: Context) => void
  /** An answer in parts has ended; set by dispatch. */
  streamEnded: (c: Context) => void
  /** Keeps a context beyond its batch; set by dispatch. */
  stay: (c: Context) => void
  /** A detached context is done; set by dispatch. */
  detachedDone: (c: Context) => void
  /** Ends a detached context whose client sends no more; set by dispatch. */
  endDetached: (c: Context, reason: CelerisError) => void
  /** Rejects a `hijack()` that has not been decided; set by dispatch. */
  refuseSocket: (c: Context, reason: unknown) => void
  /** What the signals of detached contexts fire with once the server closes; null before. */
  draining: CelerisError | null
  /** Hears of connections, when the configuration asks for it. */
  readonly connectionEvent: ((kind: number, slot: number, generation: number) => void) | null
}
