import type { TlsOptions } from 'node:tls'
import type { Engine, PeerAddress } from '@celeris/engine'
import type { Context, Env } from './context.ts'
import { ConfigError } from './errors.ts'
import { type Logger, stderrLogger } from './logger.ts'
import {
  boolean,
  type Check,
  callback,
  createProblems,
  integer,
  nearest,
  objectWith,
  oneOf,
  shown,
} from './option-checks.ts'
import { checkTrustProxy, type ProxyPolicy } from './proxy-trust.ts'
import type { EngineName, ServerConfig } from './server-config.ts'

const MAX_32 = 0x7fffffff
const KIB = 1_024
const MIB = 1_024 * KIB

/** Configuration with every default filled in and every limit fitted to the others. */
export interface ResolvedConfig {
  readonly port: number
  readonly host: string
  readonly engine: EngineName | Engine
  readonly workers: number
  readonly workload: 'unspecified' | 'low' | 'high'
  readonly eventLoop: 'native' | 'libuv'
  readonly spinUs: number | 'auto'
  readonly readTimeoutMs: number
  readonly readHeaderTimeoutMs: number
  readonly writeTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
  /** Infinity has become 2^53-1. */
  readonly maxRequestBodySize: number
  /** At most `maxRequestBodySize`. */
  readonly bufferedBodySize: number
  /** At most `maxRequestBodySize`. */
  readonly maxFormSize: number
  readonly maxConnections: number
  readonly bufferSize: number | undefined
  readonly socketRecvBuffer: number | undefined
  readonly socketSendBuffer: number | undefined
  readonly backlog: number
  readonly reusePort: boolean
  readonly disableKeepAlive: boolean
  readonly memoryLimitBytes: number
  readonly disableMetrics: boolean
  readonly tls: TlsOptions | undefined
  /** Null: forwarded fields are not looked at. */
  readonly trustProxy: ProxyPolicy | null
  readonly onExpectContinue: ((c: Context) => boolean | Promise<boolean>) | undefined
  readonly onConnect: ((peer: PeerAddress) => void) | undefined
  readonly onDisconnect: ((peer: PeerAddress) => void) | undefined
  readonly logger: Logger
}

interface Field<T> {
  readonly fallback: T
  readonly check: Check<T>
}

const field = <T>(fallback: T, check: Check<T>): Field<T> => ({ fallback, check })
const optional = <T>(check: Check<T>): Field<T | undefined> =>
  field<T | undefined>(undefined, check)

const checkEngine: Check<EngineName | Engine> = (value, note) => {
  if (typeof value === 'object' && value !== null) {
    const methods = ['listen', 'flush', 'peer', 'pauseAccept', 'resumeAccept', 'close', 'metrics']
    const engine = objectWith<Engine>('an Engine', methods)(value, note)
    if (engine !== undefined && typeof engine.type !== 'string') {
      note('must be an Engine; its type is no string')
    }
    return engine ?? 'auto'
  }
  return oneOf('auto', 'adaptive', 'iouring', 'epoll', 'node')(value, note)
}

const checkHost: Check<string> = (value, note) => {
  if (typeof value === 'string' && value !== '' && !/[\0\s/]/.test(value)) return value
  note(`must be an address or host name, not ${shown(value)}`)
  return '::'
}

const checkSpin: Check<number | 'auto'> = (value, note) =>
  value === 'auto' ? 'auto' : integer(0, 1_000, "microseconds, or 'auto'")(value, note)

const checkBodySize: Check<number> = (value, note) =>
  value === Number.POSITIVE_INFINITY
    ? Number.MAX_SAFE_INTEGER
    : integer(0, Number.MAX_SAFE_INTEGER, 'bytes, or Infinity')(value, note)

const checkTls: Check<TlsOptions | undefined> = (value, note) => {
  const options = objectWith<TlsOptions>('an object of options for tls.createServer', [])(
    value,
    note,
  )
  if (options === undefined) return undefined
  const pair = options.cert !== undefined && options.key !== undefined
  if (!pair && options.pfx === undefined && options.SNICallback === undefined) {
    note('needs cert and key, or pfx, or SNICallback')
  }
  return options
}

const timeout = integer(0, MAX_32, 'milliseconds, 0 is off')
const size = integer(0, Number.MAX_SAFE_INTEGER, 'bytes')

const FIELDS: { readonly [K in keyof ResolvedConfig]: Field<ResolvedConfig[K]> } = {
  port: field(3_000, integer(0, 65_535)),
  host: field('::', checkHost),
  engine: field('auto', checkEngine),
  workers: field(0, integer(0, 256)),
  workload: field('unspecified', oneOf('unspecified', 'low', 'high')),
  eventLoop: field('native', oneOf('native', 'libuv')),
  spinUs: field('auto', checkSpin),
  readTimeoutMs: field(60_000, timeout),
  readHeaderTimeoutMs: field(10_000, timeout),
  writeTimeoutMs: field(60_000, timeout),
  idleTimeoutMs: field(600_000, timeout),
  maxHeaderBytes: field(32 * KIB, integer(4_096, 65_535, 'bytes')),
  maxHeaders: field(200, integer(1, 10_000)),
  maxRequestBodySize: field(100 * MIB, checkBodySize),
  bufferedBodySize: field(MIB, integer(0, 64 * MIB, 'bytes')),
  maxFormSize: field(32 * MIB, size),
  maxConnections: field(65_536, integer(1, 65_536)),
  bufferSize: optional(integer(4 * KIB, 256 * KIB, 'bytes')),
  socketRecvBuffer: optional(integer(1, MAX_32, 'bytes')),
  socketSendBuffer: optional(integer(1, MAX_32, 'bytes')),
  backlog: field(4_096, integer(1, 65_535)),
  reusePort: field(false, boolean),
  disableKeepAlive: field(false, boolean),
  memoryLimitBytes: field(0, size),
  disableMetrics: field(false, boolean),
  tls: optional(checkTls),
  trustProxy: field<ProxyPolicy | null>(null, checkTrustProxy),
  onExpectContinue: optional(callback<(c: Context) => boolean | Promise<boolean>>()),
  onConnect: optional(callback<(peer: PeerAddress) => void>()),
  onDisconnect: optional(callback<(peer: PeerAddress) => void>()),
  logger: field(stderrLogger, (value, note) => {
    const methods = ['error', 'warn', 'info', 'debug']
    return objectWith<Logger>('a logger such as pino', methods)(value, note) ?? stderrLogger
  }),
}

/** Names of all options. */
export const CONFIG_NAMES: readonly string[] = Object.keys(FIELDS)

/**
 * Checks a configuration and fills in defaults.
 * @throws ConfigError `CELERIS_CONFIG` with every problem: unknown names, types, ranges.
 */
export function resolveConfig<E extends Env = Env>(config: ServerConfig<E> = {}): ResolvedConfig {
  const problems = createProblems()
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    problems.note('config', `must be an object of options, not ${shown(config)}`, config)
    throw new ConfigError(problems.list)
  }
  const given = config as Readonly<Record<string, unknown>>
  const resolved: Record<string, unknown> = {}
  for (const [name, { fallback, check }] of Object.entries<Field<unknown>>(FIELDS)) {
    const value = given[name]
    resolved[name] =
      value === undefined
        ? fallback
        : check(value, (message, path = '') => problems.note(`${name}${path}`, message, value))
  }
  for (const name of Object.keys(given)) {
    if (CONFIG_NAMES.includes(name)) continue
    const near = nearest(name, CONFIG_NAMES)
    const hint = near === undefined ? 'remove it' : `did you mean '${near}'?`
    problems.note(name, `is no option of a server; ${hint}`, given[name])
  }
  if (problems.list.length > 0) throw new ConfigError(problems.list)
  return fitLimits(resolved as unknown as ResolvedConfig)
}

/** No limit inside a body is above that of the body. */
function fitLimits(config: ResolvedConfig): ResolvedConfig {
  const { maxRequestBodySize, bufferedBodySize, maxFormSize } = config
  return {
    ...config,
    bufferedBodySize: Math.min(bufferedBodySize, maxRequestBodySize),
    maxFormSize: Math.min(maxFormSize, maxRequestBodySize),
  }
}

/** Whether this is development or a test: misuse is warned about, contexts are never reused. */
export function isDevelopment(nodeEnv: string | undefined = process.env.NODE_ENV): boolean {
  return nodeEnv === 'development' || nodeEnv === 'test'
}
