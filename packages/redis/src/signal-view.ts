// `withSignal`: a client's commands with an AbortSignal.
import { type RedisCommander, Redis as StockRedis } from 'ioredis'
import { defineBuiltins, defineMethod } from './builtin-methods.ts'
import type { Scalar } from './command-encoder.ts'
import { type CommandSpec, commandTable, specOf } from './command-table.ts'
import { argumentsOf, leanTransport, prefixed } from './eligibility.ts'
import type { QueuedCommand } from './ioredis-internals.ts'
import type { RedisInternals } from './redis-internals.ts'
import { BYTES, type Decoding, TEXT } from './reply-parser.ts'
import { abandon } from './sendings.ts'
import { callWith } from './signal-command.ts'
import { type SignalWatch, watchOf } from './signal-watch.ts'

type ReplyMappingMode = 'legacy' | 'resp3'

/** Commands, pipelines and transactions of a client that end when a signal aborts: `withSignal`. */
export type SignalView<Mapping extends ReplyMappingMode = 'legacy'> = RedisCommander<{
  type: 'default'
  mapping: Mapping extends 'resp3' ? 'resp3' : 'resp2'
}> &
  Pick<StockRedis<Mapping>, 'pipeline' | 'multi'>

type Method = (this: View, ...args: unknown[]) => unknown
type Callback = (error: unknown, value?: unknown) => void

/** What a view needs of a client: a Redis or a Cluster. */
interface Client {
  readonly options: { readonly enableAutoPipelining?: boolean | undefined }
  readonly scriptsSet: object
  readonly addedBuiltinSet: ReadonlySet<string>
  sendCommand(command: QueuedCommand, ...rest: unknown[]): Promise<unknown>
  pipeline(...args: unknown[]): Pipeline
  multi(...args: unknown[]): Pipeline
}

interface Pipeline {
  readonly _queue: QueuedCommand[]
  exec(callback?: Callback): Promise<unknown>
}

/** A command of ioredis, before a client has seen it. */
type NewCommand = QueuedCommand & { readonly callback?: unknown }

const commander = Object.getPrototypeOf(StockRedis.prototype) as Record<string, Method>
const ignore = (): void => {}

/** A callback hears of the end of a promise as with ioredis; then nobody has to await that. */
function callBack(promise: Promise<unknown>, callback: unknown): Promise<unknown> {
  if (typeof callback === 'function') {
    promise.then(
      (value) => process.nextTick(callback as Callback, null, value),
      (error: unknown) => process.nextTick(callback as Callback, error),
    )
  }
  return promise
}

class View {
  readonly client: Client
  readonly signal: AbortSignal
  readonly watch: SignalWatch

  constructor(client: Client, signal: AbortSignal) {
    this.client = client
    this.signal = signal
    this.watch = watchOf(signal)
  }

  /** What ioredis's commands read. They are not collected in pipelines of ioredis's making. */
  get options(): object {
    const { options } = this.client
    if (!options.enableAutoPipelining) return options
    return Object.create(options, { enableAutoPipelining: { value: false } }) as object
  }

  /** Where the commands of ioredis come to. */
  sendCommand(command: NewCommand, ...rest: unknown[]): Promise<unknown> {
    const { client, signal, watch } = this
    // Below what the client and its scripts do about errors: the reason arrives as it is.
    const { reject } = command
    const tell = (reason: unknown): void => {
      const error = reason instanceof Error ? reason : new Error('Aborted', { cause: reason })
      command.promise.catch(ignore)
      reject.call(command, error)
    }
    let promise: Promise<unknown>
    if (signal.aborted) {
      tell(signal.reason)
      promise = Promise.reject(signal.reason)
    } else {
      promise = watch.race(client.sendCommand(command, ...rest), (reason) => {
        tell(reason)
        abandon([command])
      })
    }
    if (typeof command.callback === 'function') promise.catch(ignore)
    return promise
  }

  pipeline(...args: unknown[]): Pipeline {
    return this.#withSignal(this.client.pipeline(...args))
  }

  multi(...args: unknown[]): unknown {
    const options = args.length > 1 || Array.isArray(args[0]) ? args[1] : args[0]
    const { pipeline } = (options ?? {}) as { pipeline?: boolean }
    if (pipeline === false) return commander.multi?.call(this)
    return this.#withSignal(this.client.multi(...args))
  }

  #withSignal(pipeline: Pipeline): Pipeline {
    const { signal, watch } = this
    const { exec } = pipeline
    let isRunning = false
    pipeline.exec = (callback) => {
      // ioredis calls it, too: once more after a redirection.
      if (isRunning) return exec.call(pipeline, callback)
      isRunning = true
      if (signal.aborted) return callBack(Promise.reject(signal.reason), callback)
      const all = (): QueuedCommand[] => pipeline._queue
      return callBack(
        watch.race(exec.call(pipeline), () => abandon(all())),
        callback,
      )
    }
    return pipeline
  }
}

Object.setPrototypeOf(View.prototype, commander)

/** A call of a built-in command: lean if the client's own would be. */
function call(
  view: View,
  spec: CommandSpec | undefined,
  decoding: Decoding,
  args: readonly unknown[],
): Promise<unknown> | undefined {
  if (spec === undefined || view.signal.aborted) return undefined
  const transport = leanTransport(view.client as unknown as RedisInternals, spec)
  const all: Scalar[] | undefined = transport && argumentsOf(spec, args)
  if (transport === undefined || all === undefined) return undefined
  if (transport.keyPrefix !== undefined) {
    if (all.length === 0) return undefined
    all[0] = prefixed(transport.keyPrefix, all[0])
  }
  return callWith(view.watch, transport, spec, decoding, all)
}

function builtin(spec: CommandSpec, decoding: Decoding, name: string): Method {
  return function (...args) {
    return call(this, spec, decoding, args) ?? commander[name]?.apply(this, args)
  }
}

defineBuiltins(View.prototype, commandTable.values(), builtin)
for (const [name, decoding] of [
  ['call', TEXT],
  ['callBuffer', BYTES],
] as const) {
  defineMethod(View.prototype, name, function (this: View, ...args: unknown[]) {
    const [command, ...rest] = args
    const spec = typeof command === 'string' ? specOf(command) : undefined
    return call(this, spec, decoding, rest) ?? commander[name]?.apply(this, args)
  })
}
// The results of EXEC are as those of the client.
defineMethod(
  View.prototype,
  'exec',
  (StockRedis.prototype as unknown as Record<string, Method>).exec,
)

/** A custom command of the client as it is when it is called. */
function custom(name: string): Method {
  return function (...args) {
    const method = (this.client as unknown as Record<string, Method>)[name] as Method
    const result = method.apply(this, args) as Promise<unknown>
    if (typeof args.at(-1) === 'function') result.catch(ignore)
    return result
  }
}

/** For each client the class of its views: it has the client's custom commands. */
const classes = new WeakMap<Client, typeof View>()

function classOf(client: Client): typeof View {
  let ViewOfClient = classes.get(client)
  if (ViewOfClient === undefined) {
    ViewOfClient = class extends View {}
    classes.set(client, ViewOfClient)
  }
  const { prototype } = ViewOfClient
  for (const name of [...Object.keys(client.scriptsSet), ...client.addedBuiltinSet]) {
    if (Object.hasOwn(prototype, name)) continue
    defineMethod(prototype, name, custom(name))
    defineMethod(prototype, `${name}Buffer`, custom(`${name}Buffer`))
  }
  return ViewOfClient
}

/**
 * A view of `client` whose commands end when `signal` aborts.
 * @throws TypeError if `signal` is not an AbortSignal.
 */
export function viewOf(client: unknown, signal: AbortSignal): unknown {
  if (typeof signal !== 'object' || signal === null || !('aborted' in signal)) {
    throw new TypeError(`withSignal takes an AbortSignal, not ${String(signal)}`)
  }
  const ViewOfClient = classOf(client as Client)
  return new ViewOfClient(client as Client, signal)
}
