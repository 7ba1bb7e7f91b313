export type { BatchMemory } from './batch-memory.ts'
export { createBatchMemory } from './batch-memory.ts'
export type {
  Dispatch,
  DrainReport,
  Engine,
  EngineCapabilities,
  EngineMetrics,
  ListenAddress,
  ListenOptions,
  LiteralPath,
  PeerAddress,
  ProbeResult,
} from './engine.ts'
export {
  brand,
  CelerisError,
  EngineStateError,
  EngineUnavailableError,
  ListenError,
} from './errors.ts'
export { listenFailure } from './listen-failure.ts'
