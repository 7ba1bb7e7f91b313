// L3: pipelines whose commands write straight into the result array, without a promise each.
import { Pipeline as StockPipeline } from 'ioredis'
import { defineBuiltins, defineMethod } from './builtin-methods.ts'
import { isScalar, type Scalar } from './command-encoder.ts'
import { type CommandSpec, commandTable } from './command-table.ts'
import { argumentsOf, isPlain, openTransport, prefixed } from './eligibility.ts'
import type { QueueFullError } from './errors.ts'
import { describe } from './failures.ts'
import { LeanCommand } from './lean-command.ts'
import { refusalOf } from './queue-bounds.ts'
import type { RedisInternals } from './redis-internals.ts'
import type { Decoding } from './reply-parser.ts'
import type { Transport } from './transport.ts'

/** A pipeline seen from inside: the members of ioredis's Pipeline that are private in its types. */
interface PipelineInternals {
  readonly redis: RedisInternals
  readonly promise: Promise<unknown>
  readonly options: RedisInternals['options']
  readonly _queue: (LeanCommand | object)[]
  readonly _transactions: number
  replyPending: number
  nodeifiedPromise?: boolean
  reject(error: Error): void
  fillResult(result: [unknown, unknown?], position: number): void
}

type Method = (this: PipelineInternals, ...args: unknown[]) => unknown

const stock = StockPipeline.prototype as unknown as Record<string, Method>

/** The result of one command of a pipeline, for whoever follows it; nobody has to. */
class OwnPromise {
  readonly promise: Promise<unknown>
  declare resolve: (value: unknown) => void
  declare reject: (error: Error) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.promise.catch(() => {})
  }
}

/** A command of a pipeline: its reply is an entry of the pipeline's results. */
class PipelinedCommand extends LeanCommand {
  readonly spec: CommandSpec
  readonly pipelineIndex: number
  inTransaction: boolean
  readonly #pipeline: PipelineInternals
  #own: OwnPromise | undefined

  constructor(
    pipeline: PipelineInternals,
    spec: CommandSpec,
    decoding: Decoding,
    count: number,
    first: Scalar,
    second: Scalar,
    all: readonly Scalar[] | undefined,
  ) {
    super(spec.head, decoding, count, first, second, all)
    this.spec = spec
    this.pipelineIndex = pipeline._queue.length
    this.inTransaction = pipeline._transactions > 0
    this.#pipeline = pipeline
    this.#own = undefined
  }

  /** Its own only if ioredis asks before the reply: tracing channels tell each command's result. */
  get promise(): Promise<unknown> {
    if (this.isSettled && this.#own === undefined) return this.#pipeline.promise
    this.#own ??= new OwnPromise()
    return this.#own.promise
  }

  protected get redis(): RedisInternals {
    return this.#pipeline.redis
  }

  protected override fulfil(value: unknown): void {
    this.#own?.resolve(value)
    // A reply transformer of the user may be asynchronous.
    if (value instanceof Promise) this.#fillLater(value)
    else this.#pipeline.fillResult([null, value], this.pipelineIndex)
  }

  protected override fail(error: Error): void {
    this.#own?.reject(error)
    this.#pipeline.fillResult([error], this.pipelineIndex)
  }

  #fillLater(value: Promise<unknown>): void {
    value.then(
      (result) => this.#pipeline.fillResult([null, result], this.pipelineIndex),
      (error: unknown) => this.#pipeline.fillResult([error], this.pipelineIndex),
    )
  }
}

/** The connection that can take the whole pipeline at once; undefined if ioredis has to. */
function transportFor(pipeline: PipelineInternals): Transport | undefined {
  const transport = openTransport(pipeline.redis)
  if (transport === undefined || pipeline._transactions > 0) return undefined
  for (const command of pipeline._queue) {
    if (!(command instanceof PipelinedCommand)) return undefined
    if (command.spec.blocking && !transport.blockingMayBeLean) return undefined
  }
  return transport
}

/** Tells the whole pipeline why nothing of it was taken. */
function refuse(
  pipeline: PipelineInternals,
  refusal: QueueFullError,
  callback: unknown,
): Promise<unknown> {
  const { promise, redis } = pipeline
  pipeline.reject(describe(refusal, redis, { name: 'pipeline', args: [] }))
  if (typeof callback === 'function') {
    promise.catch((error: unknown) => process.nextTick(callback as () => void, error))
  }
  return promise
}

function exec(this: PipelineInternals, ...args: unknown[]): unknown {
  const queue = this._queue as PipelinedCommand[]
  const [callback] = args
  if (queue.length > 0 && this.redis.fastPath.active) {
    const refusal = refusalOf(this.redis)
    if (refusal !== undefined) return refuse(this, refusal, callback)
  }
  const transport = queue.length > 0 && typeof callback !== 'function' && transportFor(this)
  if (!transport) return stockExec.apply(this, args)
  this.nodeifiedPromise = true
  this.replyPending = queue.length
  for (const command of queue) transport.enqueue(command.spec, command)
  return this.promise
}

const stockExec = stock.exec as Method

/** Adds a lean command to the pipeline. */
function add(
  pipeline: PipelineInternals,
  spec: CommandSpec,
  decoding: Decoding,
  args: ArrayLike<unknown>,
): boolean {
  const { keyPrefix, showFriendlyErrorStack } = pipeline.options
  const prefix: unknown = keyPrefix || undefined
  if (showFriendlyErrorStack || (prefix !== undefined && typeof prefix !== 'string')) return false
  if (!isPlain(spec, prefix)) return false
  const first = args[0]
  const second = args[1]
  const count = args.length
  if (
    prefix === undefined &&
    count <= 2 &&
    spec.argumentTransformer === undefined &&
    isScalar(first) &&
    isScalar(second)
  ) {
    pipeline._queue.push(
      new PipelinedCommand(pipeline, spec, decoding, count, first, second, undefined),
    )
    return true
  }
  const all = argumentsOf(spec, args)
  if (all === undefined) return false
  if (prefix !== undefined) {
    // ioredis adds the prefix to a key that is not there, too.
    if (all.length === 0) return false
    all[0] = prefixed(prefix, all[0])
  }
  pipeline._queue.push(
    new PipelinedCommand(pipeline, spec, decoding, all.length, undefined, undefined, all),
  )
  return true
}

function method(spec: CommandSpec, decoding: Decoding, name: string): Method {
  return function (this: PipelineInternals, ...args: unknown[]): unknown {
    if (add(this, spec, decoding, args)) return this
    return (stock[name] as Method).apply(this, args)
  }
}

/**
 * What `redis.pipeline()` returns. It is made as ioredis makes its pipelines but for `length`, which
 * ioredis defines on each with a closure of its own: V8 keeps that in a hidden class of the old
 * generation, and so every pipeline would survive until a full collection.
 */
export class LeanPipeline {
  readonly redis: RedisInternals
  readonly isPipeline = true
  replyPending = 0
  readonly _queue: object[] = []
  readonly _result: unknown[] = []
  readonly _transactions = 0
  readonly _shaToScript: Record<string, unknown> = {}
  readonly isCluster: boolean
  readonly options: RedisInternals['options']
  readonly scriptsSet = {}
  readonly addedBuiltinSet: Set<string> = new Set()
  readonly promise: Promise<unknown>
  resolve: ((results: unknown) => void) | undefined
  reject: ((error: Error) => void) | undefined

  constructor(redis: RedisInternals) {
    this.redis = redis
    this.isCluster = redis.isCluster
    this.options = redis.options
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    for (const name of Object.keys(redis.scriptsSet)) {
      const script = redis.scriptsSet[name] as { sha: string }
      this._shaToScript[script.sha] = script
      copyCommand(redis, this, name)
    }
    for (const name of redis.addedBuiltinSet) copyCommand(redis, this, name)
  }

  /** Number of commands in the pipeline. */
  get length(): number {
    return this._queue.length
  }
}

/** Commands a user has added are methods of the client itself. */
function copyCommand(from: object, to: object, name: string): void {
  for (const method of [name, `${name}Buffer`]) Reflect.set(to, method, Reflect.get(from, method))
}

Object.setPrototypeOf(LeanPipeline.prototype, StockPipeline.prototype)

defineBuiltins(LeanPipeline.prototype, commandTable.values(), method)
defineMethod(LeanPipeline.prototype, 'exec', exec)
Object.defineProperty(LeanPipeline, 'name', { value: 'Pipeline', configurable: true })
