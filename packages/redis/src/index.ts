import { defineExports } from './exports.ts'

export type {
  BatchOperationContext,
  Callback,
  ChainableCommander,
  ClientContext,
  ClusterNode,
  ClusterStatus,
  CommandTraceContext,
  CommonRedisOptions,
  ConnectTraceContext,
  DNSLookupFunction,
  DNSResolveSrvFunction,
  HimportFieldset,
  NatMap,
  NodeRole,
  RedisCommander,
  RedisKey,
  RedisStatus,
  RedisValue,
  Result,
  ScanStreamOptions,
  SentinelAddress,
  SentinelConnectionOptions,
  StandaloneConnectionOptions,
} from 'ioredis'
export {
  AbstractConnector,
  Command,
  Pipeline,
  print,
  ReplyError,
  ScanStream,
  SentinelConnector,
  SentinelIterator,
} from 'ioredis'
export { Cluster } from './cluster.ts'
export type { ClusterOptions } from './cluster-options.ts'
export {
  type FailureDetails,
  QueueFullError,
  type RedisErrorCode,
  RedisOptionError,
} from './errors.ts'
export type { Queued } from './redis.ts'
// biome-ignore lint/style/noDefaultExport: ioredis has it
export { Redis, Redis as default } from './redis.ts'
export type { FastPathState } from './redis-internals.ts'
export type { FastPathOptions, RedisOptions } from './redis-options.ts'
export type { SignalView } from './signal-view.ts'

defineExports()
