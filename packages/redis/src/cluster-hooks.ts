// Where ioredis calls itself: the methods of its Cluster that the fast path looks into.
import { Cluster as StockCluster } from 'ioredis'
import type { ClusterInternals, PipelineNode, RedirectionHandlers } from './cluster-internals.ts'
import { type RedirectedCommand, redirected } from './cluster-redirect.ts'
import { slotOf } from './cluster-slot.ts'
import { QueueFullError } from './errors.ts'
import { describe, failureOf } from './failures.ts'
import { type QueuedCommand, ReplyError } from './ioredis-internals.ts'
import { bytesOf, OFFLINE_WEIGHT_BYTES } from './offline-queue.ts'
import { resolveOptions } from './redis-options.ts'
import { mayHaveRun } from './sendings.ts'

interface WithKeys {
  getKeys(): (string | Buffer)[]
}
/** A pipeline seen from inside: members of ioredis's Pipeline that are private in its types. */
interface PipelineInternals {
  readonly _queue: readonly WithKeys[]
  reject(error: Error): void
}
type ClusterMethods = ClusterInternals & {
  pipeline(...args: unknown[]): PipelineInternals
  multi(...args: unknown[]): PipelineInternals
}

const stock = StockCluster.prototype as unknown as ClusterMethods

/** A seed as `host:port`; a URL may have a password, which goes into no error. */
function addressOf(seed: unknown): string {
  if (typeof seed === 'number') return `127.0.0.1:${seed}`
  if (typeof seed === 'string') return URL.canParse(seed) ? new URL(seed).host : seed
  const { host = '127.0.0.1', port = 6379 } = seed as { host?: string; port?: number }
  return `${host}:${port}`
}

/** Commands that tell in their error what became of them. */
const described = new WeakSet<QueuedCommand>()
/** Bytes of the arguments in a client's offline queue, since it was last empty. */
const offlineBytes = new WeakMap<ClusterInternals, number>()

/** Distinct slots of keys: what an error of keys that do not belong together tells. */
function slotsOf(keys: readonly (string | Buffer)[]): number[] {
  return [...new Set(keys.map(slotOf))].sort((a, b) => a - b)
}

function detailsOf(cluster: ClusterInternals, command: QueuedCommand, error: unknown): unknown {
  if (error instanceof ReplyError) {
    if (!error.message.startsWith('CROSSSLOT')) return error
    const keys = (command as QueuedCommand & WithKeys).getKeys()
    return Object.assign(error, { slots: slotsOf(keys) })
  }
  if (!(error instanceof Error) || 'mayHaveRun' in error) return error
  return failureOf(error, cluster, command, mayHaveRun(command))
}

/** Below what ioredis does about errors: only the last one of a command comes here. */
function describeFailures(cluster: ClusterInternals, command: QueuedCommand): void {
  const { reject } = command
  command.reject = (error) => reject.call(command, detailsOf(cluster, command, error) as Error)
  described.add(command)
}

/** Why a command cannot wait for the cluster; undefined if it can, or need not wait. */
function refusalOf(cluster: ClusterInternals, command: QueuedCommand): QueueFullError | undefined {
  const { status, offlineQueue, options } = cluster
  if (status === 'ready' || status === 'end' || command.name === 'cluster') return undefined
  const { maxQueuedBytes } = resolveOptions(options.redisOptions ?? {})
  const waiting = offlineQueue.length
  const arguments_ = waiting === 0 ? 0 : (offlineBytes.get(cluster) ?? 0)
  const bytes = arguments_ + waiting * OFFLINE_WEIGHT_BYTES
  if (bytes >= maxQueuedBytes) return new QueueFullError('maxQueuedBytes', bytes, maxQueuedBytes)
  offlineBytes.set(cluster, arguments_ + bytesOf(command.args))
  return undefined
}

/** A command may be sent twice only if that was allowed, or if it was not sent. */
function staysUnsent(cluster: ClusterInternals, error: Error): boolean {
  if (cluster.options.redisOptions?.autoResendUnfulfilledCommands !== false) return false
  if (error.message !== 'Connection is closed.') return false
  // Of a pipeline ioredis gives name and message only.
  return !(error instanceof Error) || ('mayHaveRun' in error && error.mayHaveRun === true)
}

/** ioredis refuses keys of several nodes without a word about them. */
function namesSlots(pipeline: PipelineInternals): PipelineInternals {
  const { reject } = pipeline
  pipeline.reject = (error) => {
    const known = error instanceof Error && error.message.startsWith('All ')
    const keys = known ? pipeline._queue.flatMap((command) => command.getKeys()) : []
    reject(known ? Object.assign(error, { slots: slotsOf(keys) }) : error)
  }
  return pipeline
}

/** Methods that take the place of ioredis's on the prototype of our class. */
export const clusterHooks = {
  sendCommand(
    this: ClusterInternals,
    command: QueuedCommand,
    stream?: unknown,
    node?: PipelineNode,
  ): Promise<unknown> {
    if (node === undefined && this.fastPath.active && !described.has(command)) {
      const refusal = redirected(command) ? undefined : refusalOf(this, command)
      if (refusal !== undefined) {
        command.reject(describe(refusal, this, command))
        return command.promise
      }
      describeFailures(this, command)
    }
    return stock.sendCommand.call(this, command, stream, node)
  },

  handleError(
    this: ClusterInternals,
    error: Error,
    ttl: object,
    handlers: RedirectionHandlers,
  ): void {
    if (this.fastPath.active && staysUnsent(this, error)) handlers.defaults()
    else stock.handleError.call(this, error, ttl, handlers)
  },

  pipeline(this: ClusterInternals, ...args: unknown[]): PipelineInternals {
    const pipeline = stock.pipeline.apply(this as ClusterMethods, args)
    return this.fastPath.active ? namesSlots(pipeline) : pipeline
  },

  multi(this: ClusterInternals, ...args: unknown[]): PipelineInternals {
    const pipeline = stock.multi.apply(this as ClusterMethods, args)
    return this.fastPath.active && 'isPipeline' in pipeline ? namesSlots(pipeline) : pipeline
  },

  _getDescription(this: ClusterInternals): string {
    return this.startupNodes.map(addressOf).join(',')
  },
}

/** Lets ioredis go on with a lean command. */
export function resend(cluster: ClusterInternals, command: RedirectedCommand): Promise<unknown> {
  const promise = clusterHooks.sendCommand.call(cluster, command as unknown as QueuedCommand)
  command.forgetAnswer()
  return promise
}
