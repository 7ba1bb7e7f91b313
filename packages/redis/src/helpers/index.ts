export type { Key } from './check.ts'
export { RedisHelperError, type RedisHelperErrorCode } from './errors.ts'
export {
  type GetAndTouchClient,
  type GetAndTouchPipeline,
  getAndTouch,
  getAndTouchBuffer,
} from './get-and-touch.ts'
export type { LimitPolicy } from './limit-policy.ts'
export { type LuaScript, luaScript, runScript, type ScriptClient } from './lua-script.ts'
export { type PutMode, type PutWithTtlClient, putWithTtl } from './put-with-ttl.ts'
export { type RemoveClient, remove } from './remove.ts'
export { type SlidingWindowOptions, slidingWindow } from './sliding-window.ts'
export type { LimitDecision, PolicyDecision, UnitsDecision } from './take-by-rules.ts'
export { refundUnits, type TakeUnitsOptions, takeUnits } from './take-units.ts'
export { type TokenBucketOptions, tokenBucket } from './token-bucket.ts'
