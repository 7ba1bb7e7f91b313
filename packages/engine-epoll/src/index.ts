export type { EpollEngineOptions } from './epoll-engine.ts'
export { epollEngine } from './epoll-engine.ts'
export { probe } from './probe.ts'
