import {
  type DrainReport,
  type Engine,
  type EngineMetrics,
  EngineUnavailableError,
  type PeerAddress,
} from '@celeris/engine'
import { EVENT_KIND_OPENED } from '@celeris/engine/layout'
import { evict, tenantNumber } from './arena.ts'
import { type Env, reserveParams } from './context.ts'
import { badPathEntry, defaultAnswers, internalEntry } from './default-answers.ts'
import { createDispatch } from './dispatch.ts'
import { announceDrain, closeSockets } from './draining.ts'
import { ServerStateError } from './errors.ts'
import { compose } from './handler-chain.ts'
import { lazily } from './lazily.ts'
import { toListenOptions } from './listen-options.ts'
import { refusedTarget } from './listen-target.ts'
import { guarded, type Logger } from './logger.ts'
import { memory } from './memory.ts'
import { MetricsCollector } from './metrics-collector.ts'
import { preRun } from './pre-routing.ts'
import { type MemoryEngine, memoryEngine } from './request-without-socket.ts'
import { type EngineCandidate, type EngineChoice, resolveEngine } from './resolve-engine.ts'
import {
  compileRoutes,
  routesRevision,
  type SealedRoutes,
  sealRoutes,
  type TableParts,
} from './route-table.ts'
import { Router } from './router.ts'
import type { ServerConfig } from './server-config.ts'
import { isDevelopment, type ResolvedConfig, resolveConfig } from './server-options.ts'
import type { Serving } from './serving.ts'
import { CloseDeadline, closeMiddlewares, runHooks, type ShutdownHook } from './shutdown.ts'
import { type ClientAddress, createClientAddress } from './trusted-client.ts'

/** Where and on what a server listens. */
export interface Listening {
  /** IP address as bound, or the path of a unix socket. */
  readonly address: string
  /** TCP port as bound; 0 for a unix socket. */
  readonly port: number
  /** Type of the engine in use. */
  readonly engine: string
}

/** The engine in use and why. */
export interface EngineInfo {
  /** `'epoll'`, `'node'`, …; `''` before `listen()`. */
  readonly type: string
  /** Why this engine was taken, in one sentence. */
  readonly reason: string
  /** What was considered, in order, each with its reason. */
  readonly candidates: readonly EngineCandidate[]
  /** Counters of the engine; null before `listen()`. */
  readonly metrics: EngineMetrics | null
}

/** What `close()` did. */
export interface CloseReport extends DrainReport {
  /** What `onShutdown` hooks threw; logged too. */
  readonly hookErrors: readonly unknown[]
  /** What the `close` functions of installed middleware resolved with. */
  readonly middlewares: readonly unknown[]
}

/**
 * Where to listen instead of the configured address: a descriptor, as `inheritedFds()` gives them, or the
 * path of a unix socket, whose permission bits are `mode` (as the umask leaves them without).
 */
export type ListenTarget =
  | { readonly fd: number }
  | { readonly path: string; readonly mode?: number | undefined }

type State = 'new' | 'opening' | 'listening' | 'draining' | 'closed'

const cluster = lazily<typeof import('node:cluster')>('node:cluster')

/** The module is loaded only in a process that has a channel to its parent, as every worker has. */
const isClusterWorker = (): boolean =>
  process.send !== undefined && (cluster() as unknown as { isWorker: boolean }).isWorker

const CLOSE_TIMEOUT_MS = 30_000
/** Longest time of a timer in an engine. */
const TIMER_MAX_MS = 2 ** 31 - 1

/**
 * An HTTP server: routes, middleware, configuration, and the engine that serves them.
 * Making one does no I/O and starts no timer.
 * @throws ConfigError `CELERIS_CONFIG`, with every problem of the configuration at once.
 * @example
 * const app = new Server({ port: 3000 })
 * app.get('/users/:id', (c) => c.json({ id: c.param('id') }))
 * const { port, engine } = await app.listen()
 */
export class Server<E extends Env = Env> extends Router<E> {
  readonly #config: ResolvedConfig
  readonly #logger: Logger
  readonly #client: ClientAddress | null
  readonly #hooks: ShutdownHook[] = []
  /** Counters of this server; null only with `disableMetrics: true`. */
  readonly collector: MetricsCollector | null
  #state: State = 'new'
  #choice: EngineChoice | null = null
  #routes: SealedRoutes | null = null
  #paused = false
  /** From the call of its `listen()` on. */
  #engine: Engine | null = null
  #opening: Promise<Listening> | null = null
  /** What the engine in use serves. */
  #live: Serving | null = null
  #closing: Promise<CloseReport> | null = null
  readonly #deadline = new CloseDeadline()
  #inProcess: { engine: MemoryEngine; revision: number } | null = null

  constructor(config: ServerConfig<E> = {}) {
    super()
    this.#config = resolveConfig(config)
    this.#logger = guarded(this.#config.logger)
    this.#client =
      this.#config.trustProxy === null ? null : createClientAddress(this.#config.trustProxy)
    this.collector = this.#config.disableMetrics ? null : new MetricsCollector()
  }

  /**
   * Binds and serves. Registrations end here. A failed call leaves nothing open and may be repeated.
   * @param port TCP port instead of the configured one, or `{ fd }` for an inherited socket, or `{ path }` for a unix socket.
   * @param host address instead of the configured one.
   * @throws ListenError with the system's code (`EADDRINUSE`, `EACCES` and others).
   * @throws EngineUnavailableError `CELERIS_ENGINE_UNAVAILABLE` when the engine asked for cannot run here.
   * @throws ServerStateError `CELERIS_SERVER_LISTENING`, `CELERIS_SERVER_CLOSED`.
   */
  listen(port?: number | ListenTarget, host?: string): Promise<Listening> {
    if (this.#state === 'draining' || this.#state === 'closed') {
      return Promise.reject(
        new ServerStateError(
          'CELERIS_SERVER_CLOSED',
          'listen() came after close(); make a new Server',
        ),
      )
    }
    if (this.#state !== 'new') {
      return Promise.reject(
        new ServerStateError(
          'CELERIS_SERVER_LISTENING',
          'the server listens already; one Server has one listen()',
        ),
      )
    }
    if (typeof port === 'number' && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
      return Promise.reject(new RangeError(`listen(${port}): a port is an integer from 0 to 65535`))
    }
    const refused = typeof port === 'object' ? refusedTarget(port) : undefined
    if (refused !== undefined) return Promise.reject(refused)
    this.#state = 'opening'
    this.#opening = this.#open(port, host)
    return this.#opening
  }

  async #open(
    port: number | ListenTarget | undefined,
    host: string | undefined,
  ): Promise<Listening> {
    try {
      const choice = await resolveEngine(this.#config.engine, {
        tls: this.#config.tls !== undefined,
      })
      const { engine } = choice
      if (this.#config.workers > 0 && engine.capabilities?.workers !== true) {
        throw new EngineUnavailableError(
          `workers: ${this.#config.workers} needs an engine with native I/O threads; engine '${engine.type}' runs its loop on the JS thread: leave workers at 0`,
        )
      }
      const target = typeof port === 'object' ? port : { port, host }
      const asked = 'port' in target ? (target.port ?? this.#config.port) : -1
      const clusterWorker = isClusterWorker() && engine.type !== 'node'
      if (clusterWorker && asked === 0) {
        throw new ServerStateError(
          'CELERIS_CLUSTER_PORT',
          'workers of a cluster bind the port themselves: choose one instead of 0',
        )
      }
      const routes = sealRoutes(this as unknown as Router, this.#parts())
      this.#routes = routes
      const serving = this.#serving(engine, routes)
      this.#live = serving
      const options = toListenOptions(this.#config, {
        memory,
        literals: routes.literals,
        tenant: tenantNumber(engine),
        clusterWorker,
        ...target,
      })
      this.#engine = engine
      if (this.#paused) engine.pauseAccept()
      const bound = await engine.listen(options, createDispatch(serving))
      this.#choice = choice
      this.collector?.attach(engine)
      this.collector?.list(routes.functions)
      this.#state = 'listening'
      const { type } = engine
      this.#logger.info(
        { engine: type, reason: choice.reason, address: bound.address, port: bound.port },
        'listening',
      )
      return { address: bound.address, port: bound.port, engine: type }
    } catch (error) {
      this.#engine = null
      this.#state = 'new'
      this.#opening = null
      throw error
    }
  }

  #parts(): TableParts {
    return { compose, unmatched: defaultAnswers }
  }

  #serving(engine: Engine, routes: SealedRoutes): Serving {
    if (isDevelopment()) for (const warning of routes.warnings) this.#logger.warn({}, warning)
    reserveParams(routes.maxParams)
    const badPath = badPathEntry()
    return {
      engine,
      routes,
      badPath,
      preEntry: internalEntry(
        routes.pre.length === 0 ? undefined : preRun(routes, badPath),
        routes.unmatched.notFound.onError,
      ),
      collector: this.collector,
      logger: this.#logger,
      client: this.#client,
      scheme: this.#config.tls === undefined ? 'http' : 'https',
      maxRequestBodySize: this.#config.maxRequestBodySize,
      bufferedBodySize: this.#config.bufferedBodySize,
      development: isDevelopment(),
      pending: [],
      pendingCount: 0,
      unsafePending: 0,
      held: 0,
      sockets: new Set(),
      bufferedBytes: 0,
      peers: [],
      conclude: () => {},
      openStream: () => {},
      streamEnded: () => {},
      stay: () => {},
      detachedDone: () => {},
      endDetached: () => {},
      refuseSocket: () => {},
      draining: null,
      onExpectContinue: this.#config.onExpectContinue ?? null,
      connectionEvent: this.#connectionEvents(engine),
    }
  }

  /** `onConnect` and `onDisconnect` with the peer's address, which is gone by the time a connection has ended. */
  #connectionEvents(engine: Engine): Serving['connectionEvent'] {
    const { onConnect, onDisconnect } = this.#config
    if (onConnect === undefined && onDisconnect === undefined) return null
    const peers = new Map<number, PeerAddress>()
    const call = (hook: ((peer: PeerAddress) => void) | undefined, peer: PeerAddress): void => {
      try {
        hook?.(peer)
      } catch (error) {
        this.#logger.error({ error }, 'a connection hook failed')
      }
    }
    return (kind, slot, generation) => {
      if (kind === EVENT_KIND_OPENED) {
        const peer = engine.peer(slot, generation) ?? { address: '', port: 0 }
        peers.set(slot, peer)
        call(onConnect, peer)
      } else {
        const peer = peers.get(slot) ?? { address: '', port: 0 }
        peers.delete(slot)
        call(onDisconnect, peer)
      }
    }
  }

  /**
   * Registers a function to run when the server closes, after its requests have ended. Hooks run one by one, in order.
   * @throws ServerStateError `CELERIS_SERVER_CLOSED` once `close()` was called.
   */
  onShutdown(hook: ShutdownHook): this {
    if (this.#closing !== null)
      throw new ServerStateError('CELERIS_SERVER_CLOSED', 'onShutdown() came after close()')
    this.#hooks.push(hook)
    return this
  }

  /**
   * Stops accepting, lets running requests finish, closes middleware, runs `onShutdown` hooks, and cuts what is left when
   * the time is up. Later calls return the first promise; one whose time ends earlier brings the end forward,
   * so `close({ timeoutMs: 0 })` cuts at once.
   * @param options `timeoutMs`: milliseconds until connections are cut, 30 000 by default.
   */
  close(options: { timeoutMs?: number } = {}): Promise<CloseReport> {
    const timeoutMs = options.timeoutMs ?? CLOSE_TIMEOUT_MS
    if (!(timeoutMs >= 0))
      return Promise.reject(
        new RangeError(`close(): timeoutMs is ${timeoutMs}, give milliseconds from 0`),
      )
    const within = Math.min(timeoutMs, TIMER_MAX_MS)
    this.#deadline.atMost(within)
    if (this.#state === 'draining') void this.#engine?.close({ timeoutMs: within })
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<CloseReport> {
    if (this.#state === 'opening') await this.#opening?.catch(() => {})
    this.#state = 'draining'
    const engine = this.#engine
    const drain: DrainReport =
      engine === null ? { drained: 0, cut: 0, elapsedMs: 0 } : await this.#drain(engine)
    if (engine !== null) evict(engine)
    const functions = this.#routes?.functions ?? this.#current().functions
    const middlewares = await closeMiddlewares(functions, this.#deadline, this.#logger)
    const hookErrors = await runHooks(this.#hooks, this.#deadline, this.#logger)
    if (this.#inProcess !== null) await this.#inProcess.engine.close({ timeoutMs: 0 })
    this.#state = 'closed'
    return { ...drain, hookErrors, middlewares }
  }

  async #drain(engine: Engine): Promise<DrainReport> {
    const serving = this.#live
    if (serving !== null) announceDrain(serving)
    const drained = engine.close({ timeoutMs: this.#deadline.leftMs() })
    if (serving !== null) await closeSockets(serving, this.#deadline)
    return await drained
  }

  /** Calls `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Stops accepting connections; those that are open are served on. Idempotent; before `listen()` it means "start paused". */
  pauseAccept(): void {
    this.#paused = true
    this.#engine?.pauseAccept()
  }

  /** Accepts again. Idempotent. */
  resumeAccept(): void {
    this.#paused = false
    this.#engine?.resumeAccept()
  }

  /** The engine in use, why it was taken, and what else was considered. */
  engineInfo(): EngineInfo {
    if (this.#choice === null)
      return { type: '', reason: 'not listening yet', candidates: [], metrics: null }
    const { engine, reason, candidates } = this.#choice
    return { type: engine.type, reason, candidates, metrics: engine.metrics() }
  }

  #current(): SealedRoutes {
    return compileRoutes(this as unknown as Router, this.#parts())
  }

  /** An engine without a socket, on the routes as they stand. */
  async #memoryEngine(): Promise<MemoryEngine> {
    const revision = routesRevision(this as unknown as Router)
    if (this.#inProcess !== null && this.#inProcess.revision === revision)
      return this.#inProcess.engine
    const engine = memoryEngine()
    const routes = this.#routes ?? this.#current()
    const options = toListenOptions(this.#config, {
      memory,
      literals: routes.literals,
      tenant: tenantNumber(engine),
    })
    const opened = engine.listen(options, createDispatch(this.#serving(engine, routes)))
    this.collector?.list(routes.functions)
    this.#inProcess = { engine, revision }
    await opened
    return engine
  }

  /**
   * Runs a request through the whole chain without a socket, for tests. Works before `listen()`.
   * @param input a path such as `'/users/1'`, a URL, or a web `Request`.
   * @returns a web `Response`.
   */
  async request(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const target =
      typeof input === 'string' && input.startsWith('/') ? `http://localhost${input}` : input
    return this.fetch(new Request(target, init))
  }

  /** The server as a web-standard handler. */
  async fetch(request: Request): Promise<Response> {
    const engine = await this.#memoryEngine()
    return engine.fetch(request)
  }
}
