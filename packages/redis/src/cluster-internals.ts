import type { ClusterOptions } from './cluster-options.ts'
import type { Deque, QueuedCommand } from './ioredis-internals.ts'
import type { FastPathState, RedisInternals } from './redis-internals.ts'

/** Where a pipeline of ioredis goes: all its commands to one node. */
export interface PipelineNode {
  readonly slot: number
  redis: RedisInternals | undefined
}

/** Connections of a cluster client, by `host:port`. */
export interface ConnectionPool {
  readonly redisOptions: ClusterOptions['redisOptions']
  readonly clusterNodeRetryStrategy: unknown
  readonly hooks: {
    onCreate?(redis: unknown, readOnly: boolean | undefined): void
  }
  readonly nodes: { readonly all: Record<string, RedisInternals | undefined> }
  createRedisFromOptions(node: object, readOnly: boolean | undefined): unknown
}

/** A cluster client seen from inside: members of ioredis's Cluster that are private in its types. */
export interface ClusterInternals {
  readonly options: ClusterOptions
  readonly status: string
  /** For each hash slot the `host:port` of its nodes, the master's first. */
  readonly slots: (string[] | undefined)[]
  readonly startupNodes: readonly unknown[]
  readonly connectionPool: ConnectionPool
  readonly offlineQueue: Deque<{ readonly command: QueuedCommand }>
  readonly retryAttempts: number
  readonly fastPath: FastPathState
  _getDescription(): string
  sendCommand(command: QueuedCommand, stream?: unknown, node?: PipelineNode): Promise<unknown>
  handleError(error: Error, ttl: object, handlers: RedirectionHandlers): void
}

/** What ioredis does about the error of a command, by its kind. */
export interface RedirectionHandlers {
  readonly defaults: () => void
}
