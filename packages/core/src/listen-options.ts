import type { BatchMemory, ListenOptions, LiteralPath } from '@celeris/engine'
import type { ResolvedConfig } from './server-options.ts'

/** What an engine gets besides the configuration. */
export interface ListenExtra {
  readonly memory: BatchMemory
  readonly literals: readonly LiteralPath[]
  /** The engine's number among those that share the memory. */
  readonly tenant: number
  /** Port and host of this call of `listen()`, instead of the configured ones. */
  readonly port?: number | undefined
  readonly host?: string | undefined
  /** An inherited descriptor. */
  readonly fd?: number | undefined
  /** Path of a unix socket. */
  readonly path?: string | undefined
  /** Permission bits of that socket. */
  readonly mode?: number | undefined
  /** A native engine in a `node:cluster` worker: workers share the port among themselves (L-8). */
  readonly clusterWorker?: boolean | undefined
}

type UnionToIntersection<U> = (U extends unknown ? (part: U) => void : never) extends (
  part: infer All,
) => void
  ? All
  : never

function merge<T extends Record<string, object>>(parts: T): UnionToIntersection<T[keyof T]> {
  return Object.assign({}, ...Object.values(parts)) as UnionToIntersection<T[keyof T]>
}

/** For options that core uses itself. */
const stays = {}

/**
 * What an engine receives of a configuration. A new option does not compile until it stands here:
 * mapped, or said to stay in core (K-2).
 */
export function toListenOptions(config: ResolvedConfig, extra: ListenExtra): ListenOptions {
  const { logger } = config
  const mapped = {
    port: { port: extra.port ?? config.port },
    host: { host: extra.host ?? config.host },
    engine: stays,
    workers: { workers: config.workers },
    workload: { workload: config.workload },
    eventLoop: { eventLoop: config.eventLoop },
    spinUs: { spinUs: config.spinUs },
    readTimeoutMs: { readTimeoutMs: config.readTimeoutMs },
    readHeaderTimeoutMs: { readHeaderTimeoutMs: config.readHeaderTimeoutMs },
    writeTimeoutMs: { writeTimeoutMs: config.writeTimeoutMs },
    idleTimeoutMs: { idleTimeoutMs: config.idleTimeoutMs },
    maxHeaderBytes: { maxHeaderBytes: config.maxHeaderBytes },
    maxHeaders: { maxHeaders: config.maxHeaders },
    maxRequestBodySize: { maxRequestBodySize: config.maxRequestBodySize },
    bufferedBodySize: { bufferedBodySize: config.bufferedBodySize },
    maxFormSize: stays,
    maxConnections: { maxConnections: config.maxConnections },
    bufferSize: { bufferSize: config.bufferSize },
    socketRecvBuffer: { socketRecvBuffer: config.socketRecvBuffer },
    socketSendBuffer: { socketSendBuffer: config.socketSendBuffer },
    backlog: { backlog: config.backlog },
    reusePort: { reusePort: config.reusePort || extra.clusterWorker === true },
    disableKeepAlive: { disableKeepAlive: config.disableKeepAlive },
    memoryLimitBytes: { memoryLimitBytes: config.memoryLimitBytes },
    disableMetrics: stays,
    tls: { tls: config.tls },
    trustProxy: stays,
    onExpectContinue: { expectHook: config.onExpectContinue !== undefined },
    // Either hook needs both events from the engine.
    onConnect: {
      connectionEvents: config.onConnect !== undefined || config.onDisconnect !== undefined,
    },
    onDisconnect: stays,
    logger: { warn: (message: string): void => logger.warn({}, message) },
  } satisfies Record<keyof ResolvedConfig, Partial<ListenOptions>>
  return {
    ...merge(mapped),
    memory: extra.memory,
    literals: extra.literals,
    tenant: extra.tenant,
    fd: extra.fd,
    path: extra.path,
    mode: extra.mode,
  }
}
