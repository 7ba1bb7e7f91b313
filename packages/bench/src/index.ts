export type { Bar } from './bars/bar.ts'
export { type BarsReport, measureBars } from './bars/measure-bars.ts'
export { planComparison } from './compare/compare-plan.ts'
export {
  type CompareCase,
  type ComparePlan,
  type CompareReport,
  compareSides,
} from './compare/compare-sides.ts'
export { type SelftestRow, selftest } from './compare/selftest.ts'
export { prepareSide, type Side } from './compare/sides.ts'
export { type Check, runChecks } from './doctor/checks.ts'
export { BenchError, type BenchErrorCode, benchErrorCodes } from './errors.ts'
export { type MachineFacts, machineFacts } from './machine-facts.ts'
export type { Figures, Ratio } from './measure/figures.ts'
export { type HeapFigures, type HeapPlan, measureHeap } from './measure/heap.ts'
export {
  type InProcessFigures,
  type InProcessPlan,
  measureAllocations,
  measureInProcess,
  type NativeAllocations,
} from './measure/in-process.ts'
export { type MemoryFigures, type MemoryPlan, measureMemory } from './measure/memory.ts'
export {
  type Load,
  measurePair,
  type PairOptions,
  type PairResult,
  type Timing,
} from './measure/pair.ts'
export { measureRedis, type RedisReport } from './redis/measure-redis.ts'
export { type RedisLibrary, redisRivals } from './redis/redis-libraries.ts'
export { type RedisPlan, redisTimings } from './redis/redis-plan.ts'
export { type RedisPoint, redisPoints } from './redis/redis-points.ts'
export { type FilledDocument, fillDocument } from './report/document.ts'
export { type Report, reportMarkdown, reportSections } from './report/markdown.ts'
export { readReport } from './report/read-report.ts'
export { type CaseResult, type RunReport, runMatrix } from './run/run-matrix.ts'
export { planRun, type RunPlan, type RunSelection } from './run/run-plan.ts'
export { type Scenario, scenarios } from './scenarios/scenario-list.ts'
export { type ServerKind, type ServerOptions, serverKinds } from './servers/server-list.ts'
export type { Slice, Target } from './tools/generator.ts'
export { findPinning, type Pinning } from './tools/pinning.ts'
export { createWorkbench, type Workbench } from './workbench.ts'
