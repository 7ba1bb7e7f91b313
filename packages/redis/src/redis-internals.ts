import type { Duplex } from 'node:stream'
import type { RedisOptions as IoredisOptions } from 'ioredis'
import type { Condition, Deque, QueuedCommand, QueueItem } from './ioredis-internals.ts'
import type { FastPathOptions } from './redis-options.ts'
import type { Transport } from './transport.ts'

/** Key under which a client keeps the transport of its connection. */
export const TRANSPORT: unique symbol = Symbol('celeris.redis.transport')

/** Whether a client uses the fast path. */
export interface FastPathState {
  readonly active: boolean
  /** Why it is not active. */
  readonly reason?: string
}

/** A client seen from inside: the members of ioredis's Redis that are private in its types. */
export interface RedisInternals {
  options: IoredisOptions & FastPathOptions
  status: string
  stream: Duplex
  condition: Condition | null
  prevCondition: Condition | null | undefined
  commandQueue: Deque<QueueItem>
  prevCommandQueue: Deque<QueueItem> | null | undefined
  offlineQueue: Deque<QueueItem>
  retryAttempts: number
  socketTimeoutTimer: NodeJS.Timeout | undefined
  /** With sentinels and `failoverDetector` it listens to them. */
  readonly connector: { readonly failoverDetector?: { cleanup(): void } | null }
  readonly fastPath: FastPathState
  readonly isCluster: boolean
  readonly scriptsSet: Record<string, unknown>
  readonly addedBuiltinSet: ReadonlySet<string>
  [TRANSPORT]?: Transport | undefined
  setStatus(status: string, detail?: unknown): void
  sendCommand(command: QueuedCommand, stream?: unknown): Promise<unknown>
  setSocketTimeout(): void
  resetCommandQueue(): void
  resetOfflineQueue(): void
  manuallyClosing: boolean
  reconnectTimeout: NodeJS.Timeout | null
  disconnect(reconnect?: boolean): void
  silentEmit(event: string, ...args: unknown[]): unknown
  flushQueue(error: Error, options?: { offlineQueue?: boolean; commandQueue?: boolean }): void
  _getDescription(): string
}
