import { type Callback, type Pipeline, Redis as StockRedis } from 'ioredis'
import { defineCommands } from './command-methods.ts'
import { unusable } from './guard.ts'
import { internals } from './ioredis-internals.ts'
import { LeanPipeline } from './lean-pipeline.ts'
import { queuedOf } from './queue-bounds.ts'
import { hooks } from './redis-hooks.ts'
import { type FastPathState, type RedisInternals, TRANSPORT } from './redis-internals.ts'
import { isSwitchedOff, type RedisOptions, resolveOptions } from './redis-options.ts'
import { type SignalView, viewOf } from './signal-view.ts'

/** What waits in a client. */
export interface Queued {
  /** What `maxQueuedBytes` counts. */
  readonly bytes: number
  /** Commands whose reply is outstanding. */
  readonly commands: number
  /** Commands that wait for the connection. */
  readonly offline: number
}

type ReplyMappingMode = 'legacy' | 'resp3'
type Mapped<Mapping extends ReplyMappingMode> = RedisOptions & { replyMapping?: Mapping }
/** The mapping that options ask for, else the one there was. */
type MappingOf<Options, Otherwise extends ReplyMappingMode> = Options extends {
  replyMapping: infer Mapping extends ReplyMappingMode
}
  ? Mapping
  : Otherwise

/**
 * A client for one Redis server or a Sentinel group: ioredis's `Redis`, with the same options,
 * methods, events and errors, whose commands cost a fraction. See ioredis for what is not said here.
 * @throws RedisOptionError `CELERIS_REDIS_OPTIONS` if an option of ours has a value it cannot have.
 * @example
 * ```js
 * import Redis from '@celeris/redis'
 *
 * const redis = new Redis()
 * await redis.set('greeting', 'hello', 'EX', 60)
 * console.log(await redis.get('greeting'))
 * await redis.quit()
 * ```
 */
export class Redis<Mapping extends ReplyMappingMode = 'legacy'> extends StockRedis<Mapping> {
  declare options: RedisOptions

  constructor(port: number, host: string, options: Mapped<Mapping>)
  constructor(path: string, options: Mapped<Mapping>)
  constructor(port: number, options: Mapped<Mapping>)
  constructor(port: number, host: string)
  constructor(options: Mapped<Mapping>)
  constructor(port: number)
  constructor(path: string)
  constructor()
  constructor(...args: unknown[]) {
    super(...(args as [RedisOptions & { replyMapping?: Mapping }]))
    try {
      resolveOptions(this.options)
    } catch (error) {
      this.disconnect()
      throw error
    }
    if (this.fastPath.active) ignoreAutoPipelining(this.options)
  }

  /** The same as `new Redis()`. */
  static override createClient(...args: ConstructorParameters<typeof Redis>): Redis {
    return new Redis(...args)
  }

  /** Another client with the same options, and those of `override` in their place. */
  override duplicate<Override extends Partial<RedisOptions> | undefined = undefined>(
    override?: Override,
  ): Redis<MappingOf<Override, Mapping>> {
    return new Redis({ ...this.options, ...override } as Mapped<MappingOf<Override, Mapping>>)
  }

  /** A new client that emits `monitor` for every request the server gets; it is of our class. */
  override monitor(callback?: Callback<Redis>): Promise<Redis> {
    return super.monitor(callback as Callback<StockRedis>) as Promise<Redis>
  }

  /** Whether commands take the fast path, and if not, why: then this is plain ioredis. */
  get fastPath(): FastPathState {
    if (unusable !== undefined) return { active: false, reason: unusable }
    return isSwitchedOff(this.options.fastPath)
      ? { active: false, reason: 'option fastPath is false' }
      : ACTIVE
  }

  /**
   * With `enableAutoPipelining`: commands that wait to be sent. Here they wait for the one write of
   * this turn, whose replies resolve one by one as they arrive.
   */
  override get autoPipelineQueueSize(): number {
    return super.autoPipelineQueueSize + autoPipelineQueueSize(this as unknown as RedisInternals)
  }

  /** What waits in this client now: bytes, commands, commands in the offline queue. */
  get queued(): Queued {
    return queuedOf(this as unknown as RedisInternals)
  }

  /**
   * A view of this client whose commands, pipelines and transactions reject with `signal.reason` when
   * `signal` aborts; called after that, they reject at once and nothing is sent. What waits for a
   * connection then is never sent; what was sent may run, its reply is dropped. The client and its
   * other views go on. A view costs little: make one for each request.
   * @throws TypeError if `signal` is not an AbortSignal.
   */
  withSignal(signal: AbortSignal): SignalView<Mapping> {
    return viewOf(this, signal) as SignalView<Mapping>
  }

  /**
   * Hands all commands that were called to the kernel now, not at the end of this turn of the event
   * loop: for code that is about to block the thread.
   */
  flush(): void {
    ;(this as unknown as RedisInternals)[TRANSPORT]?.flushNow()
  }
}

const ACTIVE: FastPathState = Object.freeze({ active: true })

function hide(target: object, members: object): void {
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true })
  }
}

if (unusable === undefined) {
  hide(Redis.prototype, hooks)
  defineCommands(Redis.prototype, hooks.sendCommand)
  hide(Redis.prototype, {
    pipeline(this: RedisInternals, commands?: unknown[][]): object {
      if (!this.fastPath.active) return StockRedis.prototype.pipeline.call(this as never, commands)
      const pipeline = new LeanPipeline(this)
      if (Array.isArray(commands)) (pipeline as unknown as Pipeline).addBatch(commands)
      return pipeline
    },
  })
}

/**
 * Our one write a turn is what auto-pipelining is for. ioredis would hold back the calls that are its
 * own until the next turn, and lean ones would overtake them: it is told to ignore every command.
 */
function ignoreAutoPipelining(options: RedisOptions): void {
  const ignored = [...(options.autoPipeliningIgnoredCommands ?? [])]
  options.autoPipeliningIgnoredCommands = Object.defineProperty(ignored, 'includes', {
    value: () => true,
  })
}

/**
 * With auto-pipelining: commands that wait for the connection or for the write of this turn, less
 * those it ignores.
 */
function autoPipelineQueueSize(redis: RedisInternals): number {
  const { commandQueue, offlineQueue } = redis
  const { enableAutoPipelining, autoPipeliningIgnoredCommands } = redis.options
  if (!enableAutoPipelining) return 0
  const unsent = redis[TRANSPORT]?.unsentCommands ?? 0
  const ignored = new Set([...internals.neverAutomatic, ...(autoPipeliningIgnoredCommands ?? [])])
  const isCounted = (queue: RedisInternals['commandQueue'], index: number): boolean => {
    const command = queue.peekAt(index)?.command
    return command?.pipelineIndex === undefined && !ignored.has(command?.name ?? '')
  }
  let size = 0
  for (let i = 0; i < offlineQueue.length; i++) if (isCounted(offlineQueue, i)) size++
  for (let i = commandQueue.length - unsent; i < commandQueue.length; i++) {
    if (isCounted(commandQueue, i)) size++
  }
  return size
}
