import type { BatchMemory, ListenOptions } from '@celeris/engine'

/** What a case may change about the server it runs against. */
export type Overrides = Partial<Omit<ListenOptions, 'memory'>>

/** The defaults of `Server`, on a free port of the loopback. */
export function listenOptions(memory: BatchMemory, overrides: Overrides = {}): ListenOptions {
  return {
    memory,
    port: 0,
    host: '127.0.0.1',
    workers: 0,
    workload: 'unspecified',
    eventLoop: 'native',
    spinUs: 0,
    readTimeoutMs: 60_000,
    readHeaderTimeoutMs: 10_000,
    writeTimeoutMs: 60_000,
    idleTimeoutMs: 600_000,
    maxHeaderBytes: 32_768,
    maxHeaders: 200,
    maxRequestBodySize: 100 * 1024 * 1024,
    bufferedBodySize: 1024 * 1024,
    maxConnections: 65_536,
    backlog: 4096,
    reusePort: false,
    disableKeepAlive: false,
    memoryLimitBytes: 0,
    expectHook: false,
    connectionEvents: false,
    literals: [],
    warn: () => undefined,
    ...overrides,
  }
}
