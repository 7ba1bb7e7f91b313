// Whether the parts of ioredis that the fast path stands on are as it expects them.
import { Cluster, Command, Pipeline, Redis } from 'ioredis'
import { internals } from './ioredis-internals.ts'

const REDIS_METHODS = [
  'connect',
  'disconnect',
  'duplicate',
  'flushQueue',
  'handleReconnection',
  'recoverFromFatalError',
  'resetCommandQueue',
  'resetOfflineQueue',
  'sendCommand',
  'setSocketTimeout',
  'setStatus',
  'silentEmit',
] as const
const CLUSTER_METHODS = ['duplicate', 'handleError', 'multi', 'pipeline', 'sendCommand'] as const
const HANDLER_METHODS = ['returnReply', 'returnError', 'returnPush', 'returnFatalError'] as const
const COMMAND_METHODS = ['toWritable', 'setReplyContext', 'getKeys', 'transformReply'] as const
const PIPELINE_METHODS = ['exec', 'fillResult', 'sendCommand', 'addBatch'] as const

function missing(owner: string, methods: readonly string[], from: object | undefined): string[] {
  const members = (from ?? {}) as Record<string, unknown>
  return methods.filter((name) => typeof members[name] !== 'function').map((m) => `${owner}.${m}`)
}

/** The fields of a pipeline; ours are made without ioredis's constructor. */
const PIPELINE_FIELDS =
  '_queue _result _shaToScript _transactions addedBuiltinSet isCluster isPipeline options promise redis reject replyPending resolve scriptsSet'

function pipelineFields(): string {
  const client = { options: {}, scriptsSet: {}, addedBuiltinSet: new Set(), constructor: Redis }
  return Object.keys(new Pipeline(client as unknown as Redis))
    .sort()
    .join(' ')
}

/** What this version of ioredis lacks or does otherwise; empty if the fast path can stand on it. */
function unexpected(): string[] {
  const { connectionPool, dataHandler, replyErrors, transformers, utilities } = internals
  return [
    ...missing('Redis', REDIS_METHODS, Redis.prototype),
    ...missing('Cluster', CLUSTER_METHODS, Cluster.prototype),
    ...missing('ConnectionPool', ['createRedisFromOptions'], connectionPool),
    ...missing('DataHandler', HANDLER_METHODS, dataHandler),
    ...missing('Command', COMMAND_METHODS, Command.prototype),
    ...missing('Pipeline', PIPELINE_METHODS, Pipeline.prototype),
    ...missing('errors', ['SimpleError', 'BlobError'], replyErrors),
    ...missing('utils', ['toArg', 'convertBufferToString', 'defaults', 'Debug'], utilities),
    ...(pipelineFields() === PIPELINE_FIELDS ? [] : ["Pipeline's fields"]),
    ...(transformers?.argument && transformers.reply ? [] : ['Command._transformer']),
  ]
}

function probe(): string | undefined {
  if (process.env.CELERIS_REDIS_FASTPATH === '0') return 'CELERIS_REDIS_FASTPATH is 0'
  const lacking = unexpected()
  if (lacking.length === 0) return undefined
  const reason = `this version of ioredis has no ${lacking.join(', ')} as expected`
  process.emitWarning(
    `@celeris/redis works as plain ioredis: ${reason}. Install ioredis 6.0 or a newer @celeris/redis.`,
    { code: 'CELERIS_REDIS_FASTPATH' },
  )
  return reason
}

/** Why no client of this process can use the fast path; undefined if they can. */
export const unusable: string | undefined = probe()

/** `sendCommand` of ioredis as it was when this was loaded. */
export const stockSendCommand: unknown = Redis.prototype.sendCommand

/** Tracing tools wrap `sendCommand`, perhaps before we are loaded: their copy has other source text. */
const looksStock = String(stockSendCommand).includes('setReplyContext')

/** Whether ioredis's own `sendCommand` still stands: else every command has to go through it. */
export function sendCommandIsStock(): boolean {
  return looksStock && Redis.prototype.sendCommand === stockSendCommand
}

const stockClusterSendCommand: unknown = Cluster.prototype.sendCommand
const clusterLooksStock = String(stockClusterSendCommand).includes('tryConnection')

/** The same of ioredis's Cluster, through which every command goes that is not lean. */
export function clusterSendCommandIsStock(): boolean {
  return clusterLooksStock && Cluster.prototype.sendCommand === stockClusterSendCommand
}
