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
export { redisAvailable } from './redis-process.ts'
export { type RedisServer, type RedisServerOptions, startRedis } from './redis-server.ts'
export { type UntilOptions, until } from './until.ts'
