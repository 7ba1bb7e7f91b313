export {
  type CutOptions,
  type FaultProxy,
  type FaultProxyTarget,
  type ProxyDirection,
  type ProxyRecord,
  startFaultProxy,
} from './fault-proxy.ts'
export {
  type FuzzBudget,
  fuzzBudget,
  fuzzTimeoutMs,
  type PropertyParameters,
  propertyParameters,
} from './fuzz-budget.ts'
export { askRedis, type RedisEndpoint, type RedisReply } from './redis-ask.ts'
export {
  type OpenSlot,
  type RedisCluster,
  type RedisClusterOptions,
  startRedisCluster,
} from './redis-cluster.ts'
export { redisAvailable } from './redis-process.ts'
export {
  type RedisSentinel,
  type RedisSentinelOptions,
  startRedisSentinel,
} from './redis-sentinel.ts'
export { type RedisServer, type RedisServerOptions, startRedis } from './redis-server.ts'
export type { Failover, FailoverCause } from './redis-topology.ts'
export { type UntilOptions, until } from './until.ts'
