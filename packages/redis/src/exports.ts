// `require('@celeris/redis')` is the constructor, and every export a property of it.
import {
  AbstractConnector,
  Command,
  Pipeline,
  print,
  ReplyError,
  ScanStream,
  SentinelConnector,
  SentinelIterator,
} from 'ioredis'
import { Cluster } from './cluster.ts'
import { QueueFullError, RedisOptionError } from './errors.ts'
import { Redis } from './redis.ts'

const exported = {
  AbstractConnector,
  Cluster,
  Command,
  Pipeline,
  print,
  QueueFullError,
  Redis,
  RedisOptionError,
  ReplyError,
  ScanStream,
  SentinelConnector,
  SentinelIterator,
  default: Redis,
}

/** Defines what ioredis has as read-only properties of its class on ours. */
export function defineExports(): void {
  // Bundlers rename classes that name themselves; tools look at `constructor.name`.
  Object.defineProperty(Redis, 'name', { value: 'Redis', configurable: true })
  Object.defineProperty(Cluster, 'name', { value: 'Cluster', configurable: true })
  for (const [name, value] of Object.entries(exported)) {
    Object.defineProperty(Redis, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
}
