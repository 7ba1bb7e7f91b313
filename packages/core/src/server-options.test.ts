import { createBatchMemory, type ListenOptions } from '@celeris/engine'
import { describe, expect, it } from 'vitest'
import { ConfigError } from './errors.ts'
import { toListenOptions } from './listen-options.ts'
import { stderrLogger } from './logger.ts'
import type { ServerConfig } from './server-config.ts'
import { CONFIG_NAMES, isDevelopment, resolveConfig } from './server-options.ts'

function problemsOf(config: unknown): { path: string; message: string }[] {
  try {
    resolveConfig(config as ServerConfig)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).problems.map(({ path, message }) => ({ path, message }))
  }
  return []
}

/** An engine's worth of methods. */
const engine = {
  type: 'mine',
  flushesItself: true,
  listen: async () => ({ address: '', port: 0 }),
  flush: () => {},
  peer: () => null,
  pauseAccept: () => {},
  resumeAccept: () => {},
  close: async () => ({ drained: 0, cut: 0, elapsedMs: 0 }),
  metrics: () => ({}),
}

describe('resolveConfig', () => {
  it('has the defaults of the reference', () => {
    expect(resolveConfig()).toEqual({
      port: 3_000,
      host: '::',
      engine: 'auto',
      workers: 0,
      workload: 'unspecified',
      eventLoop: 'native',
      spinUs: 'auto',
      readTimeoutMs: 60_000,
      readHeaderTimeoutMs: 10_000,
      writeTimeoutMs: 60_000,
      idleTimeoutMs: 600_000,
      maxHeaderBytes: 32_768,
      maxHeaders: 200,
      maxRequestBodySize: 104_857_600,
      bufferedBodySize: 1_048_576,
      maxFormSize: 33_554_432,
      maxConnections: 65_536,
      bufferSize: undefined,
      socketRecvBuffer: undefined,
      socketSendBuffer: undefined,
      backlog: 4_096,
      reusePort: false,
      disableKeepAlive: false,
      memoryLimitBytes: 0,
      disableMetrics: false,
      tls: undefined,
      trustProxy: null,
      onExpectContinue: undefined,
      onConnect: undefined,
      onDisconnect: undefined,
      logger: stderrLogger,
    })
    expect(resolveConfig({ port: undefined, tls: undefined })).toEqual(resolveConfig())
  })

  it('lists every problem in one error, with the nearest name of an unknown one (K-1)', () => {
    const config = {
      port: 70_000,
      host: '',
      engine: 'epol',
      workers: 1.5,
      workload: 'huge',
      spinUs: 'yes',
      readTimeoutMs: Number.NaN,
      maxHeaderBytes: 4_095,
      maxRequestBodySize: -1,
      bufferedBodySize: Number.POSITIVE_INFINITY,
      backlog: '5',
      reusePort: 1,
      tls: { cert: 'x' },
      trustProxy: ['10.0.0.0/33', 'loopback', 'proxy.example'],
      onConnect: 'x',
      logger: { warn() {} },
      maxHeaderByte: 1,
      zzz: 1,
    }
    const problems = problemsOf(config)
    expect(problems.map(({ path }) => path)).toEqual([
      'port',
      'host',
      'engine',
      'workers',
      'workload',
      'spinUs',
      'readTimeoutMs',
      'maxHeaderBytes',
      'maxRequestBodySize',
      'bufferedBodySize',
      'backlog',
      'reusePort',
      'tls',
      'trustProxy[0]',
      'trustProxy[2]',
      'onConnect',
      'logger',
      'maxHeaderByte',
      'zzz',
    ])
    const messages = Object.fromEntries(problems.map(({ path, message }) => [path, message]))
    expect(messages.port).toBe('must be an integer from 0 to 65535, not 70000')
    expect(messages.engine).toMatch("did you mean 'epoll'?")
    expect(messages.maxHeaderByte).toMatch("did you mean 'maxHeaderBytes'?")
    expect(messages.zzz).toMatch('remove it')
    expect(messages.logger).toMatch('it lacks error(), info(), debug()')
    expect(messages.tls).toMatch('needs cert and key')
  })

  it.each([
    ['port', 0, 65_535],
    ['workers', 0, 256],
    ['spinUs', 0, 1_000],
    ['readTimeoutMs', 0, 2 ** 31 - 1],
    ['readHeaderTimeoutMs', 0, 2 ** 31 - 1],
    ['writeTimeoutMs', 0, 2 ** 31 - 1],
    ['idleTimeoutMs', 0, 2 ** 31 - 1],
    ['maxHeaderBytes', 4_096, 65_535],
    ['maxHeaders', 1, 10_000],
    ['maxRequestBodySize', 0, 2 ** 53 - 1],
    ['bufferedBodySize', 0, 64 * 2 ** 20],
    ['maxFormSize', 0, 2 ** 53 - 1],
    ['maxConnections', 1, 65_536],
    ['bufferSize', 4_096, 262_144],
    ['socketRecvBuffer', 1, 2 ** 31 - 1],
    ['socketSendBuffer', 1, 2 ** 31 - 1],
    ['backlog', 1, 65_535],
    ['memoryLimitBytes', 0, 2 ** 53 - 1],
  ])('%s is an integer from %d to %d', (name, min, max) => {
    for (const good of [min, max]) expect(problemsOf({ [name]: good })).toEqual([])
    for (const bad of [min - 1, max + 1, min + 0.5, Number.NaN, '1', null, -Infinity]) {
      expect(problemsOf({ [name]: bad })).toHaveLength(1)
    }
  })

  it('takes Infinity for maxRequestBodySize only, as 2^53-1', () => {
    expect(resolveConfig({ maxRequestBodySize: Infinity }).maxRequestBodySize).toBe(2 ** 53 - 1)
    for (const name of CONFIG_NAMES.filter((other) => other !== 'maxRequestBodySize')) {
      expect(problemsOf({ [name]: Infinity })).toHaveLength(1)
    }
  })

  it('fits the limits inside a body to that of the body', () => {
    const { bufferedBodySize, maxFormSize } = resolveConfig({ maxRequestBodySize: 1_000 })
    expect({ bufferedBodySize, maxFormSize }).toEqual({
      bufferedBodySize: 1_000,
      maxFormSize: 1_000,
    })
  })

  it('refuses trustProxy: true and says why (Q-5)', () => {
    expect(problemsOf({ trustProxy: true })).toMatchObject([
      { path: 'trustProxy', message: expect.stringMatching('every client choose its address') },
    ])
    expect(problemsOf({ trustProxy: { proxies: true, header: 'via', x: 1 } })).toMatchObject([
      { path: 'trustProxy.x' },
      { path: 'trustProxy.header' },
      { path: 'trustProxy.proxies' },
    ])
  })

  it.each([
    '10.0.0.0/8',
    '::1',
    'fe80::/10',
    'loopback, 10.0.0.0/8',
    ['loopback', 'linklocal', 'uniquelocal', 'unix'],
    0,
    255,
    () => true,
    { proxies: 1, header: 'forwarded' },
  ])('takes trustProxy %j', (trustProxy) => {
    expect(problemsOf({ trustProxy })).toEqual([])
  })

  it.each([
    '',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10/8',
    '012.0.0.1',
    '::/129',
    'a',
    '1.2.3.4/08',
    -1,
    1.5,
  ])('refuses trustProxy %j', (trustProxy) => {
    expect(problemsOf({ trustProxy })).toHaveLength(1)
  })

  it('takes an engine of its own, if it has the methods', () => {
    expect(problemsOf({ engine })).toEqual([])
    expect(problemsOf({ engine: { type: 'x', listen() {} } })).toHaveLength(1)
    expect(problemsOf({ engine: { ...engine, type: 1 } })).toHaveLength(1)
  })

  it('refuses what is no object', () => {
    for (const config of [null, 5, 'x', []]) expect(problemsOf(config)).toHaveLength(1)
  })
})

describe('toListenOptions (K-2)', () => {
  /** Every option with a value that is not its default. */
  const everything = {
    port: 4_000,
    host: '127.0.0.1',
    engine: 'node',
    workers: 3,
    workload: 'high',
    eventLoop: 'libuv',
    spinUs: 7,
    readTimeoutMs: 1,
    readHeaderTimeoutMs: 2,
    writeTimeoutMs: 3,
    idleTimeoutMs: 4,
    maxHeaderBytes: 5_000,
    maxHeaders: 6,
    maxRequestBodySize: 7_000_000,
    bufferedBodySize: 8_000,
    maxFormSize: 9_000,
    maxConnections: 10,
    bufferSize: 11_000,
    socketRecvBuffer: 12,
    socketSendBuffer: 13,
    backlog: 14,
    reusePort: true,
    disableKeepAlive: true,
    memoryLimitBytes: 15,
    disableMetrics: true,
    tls: { cert: 'c', key: 'k' },
    trustProxy: 1,
    onExpectContinue: () => true,
    onConnect: () => {},
    onDisconnect: () => {},
    logger: { error() {}, warn() {}, info() {}, debug() {} },
  } satisfies Required<ServerConfig>

  const memory = createBatchMemory()
  const literals = [{ path: '/', id: 1 }]

  it('maps every option to what the engine receives', () => {
    expect(Object.keys(everything).sort()).toEqual([...CONFIG_NAMES].sort())
    const defaults = resolveConfig() as unknown as Record<string, unknown>
    const resolved = resolveConfig(everything)
    for (const [name, value] of Object.entries(resolved))
      expect(value, name).not.toEqual(defaults[name])

    const { warn, ...received } = toListenOptions(resolved, { memory, literals, tenant: 7 })
    expect(received).toEqual({
      memory,
      literals,
      tenant: 7,
      port: 4_000,
      host: '127.0.0.1',
      fd: undefined,
      path: undefined,
      workers: 3,
      workload: 'high',
      eventLoop: 'libuv',
      spinUs: 7,
      readTimeoutMs: 1,
      readHeaderTimeoutMs: 2,
      writeTimeoutMs: 3,
      idleTimeoutMs: 4,
      maxHeaderBytes: 5_000,
      maxHeaders: 6,
      maxRequestBodySize: 7_000_000,
      bufferedBodySize: 8_000,
      maxConnections: 10,
      bufferSize: 11_000,
      socketRecvBuffer: 12,
      socketSendBuffer: 13,
      backlog: 14,
      reusePort: true,
      disableKeepAlive: true,
      memoryLimitBytes: 15,
      tls: { cert: 'c', key: 'k' },
      expectHook: true,
      connectionEvents: true,
    } satisfies Omit<ListenOptions, 'warn'>)
  })

  it('sends warnings of the engine to the logger', () => {
    const lines: unknown[] = []
    const logger = { ...everything.logger, warn: (...line: unknown[]) => lines.push(line) }
    toListenOptions(resolveConfig({ logger }), { memory, literals, tenant: 7 }).warn('careful')
    expect(lines).toEqual([[{}, 'careful']])
  })

  it('asks for connection events for either hook, and for none without', () => {
    const asked = (config: ServerConfig): boolean =>
      toListenOptions(resolveConfig(config), { memory, literals, tenant: 7 }).connectionEvents
    expect(asked({})).toBe(false)
    expect(asked({ onConnect: () => {} })).toBe(true)
    expect(asked({ onDisconnect: () => {} })).toBe(true)
  })

  it('prefers what listen() was given, shares the port in cluster workers (L-8)', () => {
    const extra = {
      memory,
      literals,
      tenant: 7,
      port: 1,
      host: 'h',
      fd: 5,
      path: '/s',
      clusterWorker: true,
    }
    expect(toListenOptions(resolveConfig(), extra)).toMatchObject({
      port: 1,
      host: 'h',
      fd: 5,
      path: '/s',
      reusePort: true,
    })
  })
})

describe('isDevelopment', () => {
  it('is NODE_ENV development or test; unset is neither', () => {
    expect(['development', 'test', 'production', ''].map((env) => isDevelopment(env))).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})
