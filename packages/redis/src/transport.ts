// Hot path, L1: one write a turn and one parser for everything that goes over a connection.
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { CalledCommand } from './called-command.ts'
import { CommandDeadlines } from './command-deadlines.ts'
import { encode0, encode1, encode2, encodeAll, type Scalar } from './command-encoder.ts'
import type { CommandSpec } from './command-table.ts'
import { QueueFullError } from './errors.ts'
import { describe, hideCommand, noteConnectionError } from './failures.ts'
import { type Flushable, flushOnImmediate, flushOnNextTick } from './flush-schedule.ts'
import {
  type Condition,
  type DataHandler,
  type ErrorClass,
  internals,
} from './ioredis-internals.ts'
import { LeanCommand } from './lean-command.ts'
import { isReadablePush } from './push-shape.ts'
import type { RedisInternals } from './redis-internals.ts'
import type { ResolvedOptions } from './redis-options.ts'
import {
  BYTES,
  type Decoding,
  ParserError,
  ReplyParser,
  type ReplyReceiver,
  TEXT,
} from './reply-parser.ts'
import { SocketWatch } from './socket-watch.ts'
import { SEGMENT_BYTES, WriteBuffer } from './write-buffer.ts'

/** Weight of a command that waits for its reply: about what its objects take, measured. */
export const COMMAND_WEIGHT_BYTES = 512

const ENDED = 'The server closed the connection.'

type Write = (chunk: Uint8Array | string, ...rest: unknown[]) => boolean

/** Sockets of Node itself are done with a buffer once `writableLength` is 0. */
function isPlain(stream: Duplex): boolean {
  const kind: unknown = stream.constructor
  return kind === Socket || kind === TLSSocket
}

/** One connection of one client: from its `connect` status to its `close`. */
export class Transport implements ReplyReceiver, Flushable {
  readonly redis: RedisInternals
  readonly limits: ResolvedOptions
  readonly out: WriteBuffer = new WriteBuffer()
  readonly watch: SocketWatch
  /** How often bytes were handed to the socket. */
  flushes = 0
  /** ioredis takes up its work: it subscribes and sends what waited. */
  isResuming = false
  /** Lean commands may be queued: set when ready, cleared when the stream ends. */
  open = false
  keyPrefix: string | undefined
  blockingMayBeLean = true
  #deadlines: CommandDeadlines | undefined
  readonly #stream: Duplex
  readonly #handler: DataHandler
  readonly #parser: ReplyParser
  readonly #plain: boolean
  readonly #write: Write
  #current: LeanCommand | undefined
  /** Commands whose bytes were handed over and whose replies are not there. */
  #sent = 0
  #scheduled = false
  #full = false
  /** Nothing is read any more. */
  #done = false

  constructor(redis: RedisInternals, limits: ResolvedOptions) {
    const stream = redis.stream as Duplex
    const errors = internals.replyErrors as { SimpleError: ErrorClass; BlobError: ErrorClass }
    this.redis = redis
    this.limits = limits
    this.watch = new SocketWatch(redis)
    this.#stream = stream
    this.#plain = isPlain(stream)
    this.#write = stream.write.bind(stream) as Write
    this.#handler = Object.create(internals.dataHandler as DataHandler) as DataHandler
    this.#handler.redis = redis
    this.#parser = new ReplyParser(this, {
      mapping: this.condition.replyMapping,
      stringNumbers: redis.options.stringNumbers === true,
      maxReplyBytes: limits.maxReplyBytes,
      maxReplyElements: limits.maxReplyElements,
      SimpleError: errors.SimpleError,
      BlobError: errors.BlobError,
    })
    this.#shadow(stream)
    stream.on('drain', () => {
      this.#full = false
      this.#send()
    })
    stream.once('end', () => {
      this.open = false
      if (!redis.manuallyClosing) noteConnectionError(redis, new Error(ENDED))
    })
  }

  get condition(): Condition {
    return this.redis.condition as Condition
  }

  /** Takes over what ioredis does with the stream; the stream's class stays as it is. */
  #shadow(stream: Duplex): void {
    const { end, destroy, prependListener } = stream
    const shadows = {
      write: (chunk: Uint8Array | string, ...rest: unknown[]) => this.#takeWrite(chunk, rest),
      end: (...args: unknown[]) => {
        this.open = false
        this.#sendAll()
        return Reflect.apply(end, stream, args)
      },
      destroy: (error?: Error) => {
        this.open = false
        // What was called before is in the kernel with ioredis.
        if (error === undefined) this.#sendAll()
        return destroy.call(stream, error)
      },
      // Its data handler is built right after this: our parser takes the place of its decoder.
      prependListener: (event: string, listener: (...args: unknown[]) => void) => {
        if (event !== 'data') return prependListener.call(stream, event, listener)
        Reflect.deleteProperty(stream, 'prependListener')
        return prependListener.call(stream, event, (chunk: Buffer) => this.#read(chunk))
      },
    }
    Object.assign(stream, shadows)
  }

  /** Commands may be lean from now on, if nothing in the options forbids it. */
  ready(): void {
    const { options } = this.redis
    this.isResuming = true
    queueMicrotask(() => {
      this.isResuming = false
    })
    this.open =
      !options.showFriendlyErrorStack &&
      !options.monitor &&
      !((options.keyPrefix as unknown) instanceof Buffer) &&
      !options.himportFieldsets?.length
    this.keyPrefix = options.keyPrefix || undefined
    this.blockingMayBeLean = !(Number(options.blockingTimeout) > 0)
    if (typeof options.commandTimeout === 'number') {
      this.#deadlines = new CommandDeadlines(this.redis, options.commandTimeout)
    }
  }

  /** Nothing more will be sent or read. */
  close(): void {
    this.open = false
    this.#done = true
    this.out.take()
    this.#deadlines?.close()
  }

  /** Forgets what was not handed to the socket: its commands were told that they did not run. */
  discard(): void {
    this.out.take()
  }

  /** Bytes the kernel has not taken. */
  get queuedBytes(): number {
    // A user's stream may not tell.
    return this.#stream.destroyed ? 0 : this.out.length + (this.#stream.writableLength || 0)
  }

  /** Commands not handed to the socket yet. */
  get unsentCommands(): number {
    return Math.max(0, this.redis.commandQueue.length - this.#sent)
  }

  /** Why one more command cannot be taken; undefined if it can. */
  refusal(): QueueFullError | undefined {
    const { maxQueuedBytes, maxQueuedCommands } = this.limits
    const waiting = this.redis.commandQueue.length
    const bytes = this.queuedBytes + waiting * COMMAND_WEIGHT_BYTES
    if (bytes >= maxQueuedBytes) return new QueueFullError('maxQueuedBytes', bytes, maxQueuedBytes)
    if (waiting < maxQueuedCommands) return undefined
    return new QueueFullError('maxQueuedCommands', waiting, maxQueuedCommands)
  }

  /** Encodes a command and queues it for its reply: L2. `all` has the arguments if more than two. */
  call(
    spec: CommandSpec,
    decoding: Decoding,
    count: number,
    first: Scalar,
    second: Scalar,
    all: readonly Scalar[] | undefined,
  ): Promise<unknown> {
    const refusal = this.refusal()
    if (refusal !== undefined) {
      const args = all ?? [first, second].slice(0, count)
      return Promise.reject(describe(refusal, this.redis, { name: spec.name, args }))
    }
    const command = new CalledCommand(spec.head, decoding, this, count, first, second, all)
    this.enqueue(spec, command)
    return command.promise
  }

  /** Encodes a command and queues it for its reply. */
  enqueue(spec: CommandSpec, command: LeanCommand): void {
    const { out } = this
    const { count, all } = command
    const { borrowBuffers } = this.limits
    const { bytes, position, segments } = out
    try {
      if (all !== undefined) encodeAll(out, spec.head, all, borrowBuffers)
      else if (count === 1) encode1(out, spec.head, command.first, borrowBuffers)
      else if (count === 2) encode2(out, spec.head, command.first, command.second, borrowBuffers)
      else encode0(out, spec.head)
    } catch (error) {
      // No memory, or what says that it is a Buffer is none.
      out.takeBack(bytes, position, segments)
      command.reject(error as Error)
      return
    }
    command.queuedOn(this)
    if (this.#deadlines !== undefined) this.#deadlines.add(command)
    if (this.watch.timeoutMs !== undefined) this.watch.sent()
    this.redis.commandQueue.push(command)
    this.#schedule()
  }

  #schedule(): void {
    if (this.out.length >= SEGMENT_BYTES) {
      this.#send()
    } else if (!this.#scheduled) {
      this.#scheduled = true
      if (this.#sent === 0) flushOnNextTick(this)
      else flushOnImmediate(this)
    }
  }

  /** ioredis writes one command, or one pipeline, a call: it joins the bytes of this turn. */
  #takeWrite(chunk: Uint8Array | string, rest: readonly unknown[]): boolean {
    if (rest.length > 0 || (typeof chunk !== 'string' && !(chunk instanceof Uint8Array))) {
      this.#sendAll()
      return this.#write(chunk, ...rest)
    }
    if (this.watch.timeoutMs !== undefined) this.watch.sent()
    if (typeof chunk === 'string') this.out.appendText(chunk)
    else this.out.appendBytes(chunk)
    this.#schedule()
    return !this.#full
  }

  /** Flushable. */
  flush(): void {
    this.#scheduled = false
    this.#send()
  }

  /** Hands over what waits, even to a stream that has enough: it keeps the order. */
  flushNow(): void {
    this.#sendAll()
  }

  #send(): void {
    if (!this.#full) this.#sendAll()
  }

  /** Hands all bytes to the stream, which keeps what the kernel does not take. */
  #sendAll(): void {
    const { out } = this
    if (out.length === 0) return
    const stream = this.#stream
    if (stream.destroyed || stream.writableEnded) {
      out.take()
      return
    }
    this.flushes++
    this.#sent = this.redis.commandQueue.length
    try {
      if (this.#plain && out.isOne) {
        this.#write(out.only())
        if (stream.writableLength === 0) out.reuse()
        else out.giveAway()
      } else {
        this.#writeSegments(out.take())
      }
    } catch (error) {
      // A stream of the user: its clients reconnect, all others go on.
      stream.destroy(error as Error)
    }
    // After a large write Node asks to wait for 'drain' even if the kernel took all of it.
    this.#full = stream.writableNeedDrain && stream.writableLength > 0
    this.watch.wrote()
  }

  /** They are out of the buffer by now: the stream of a user may reply, and call, inside `write`. */
  #writeSegments(segments: readonly Uint8Array[]): void {
    const stream: Partial<Pick<Duplex, 'cork' | 'uncork'>> = this.#stream
    stream.cork?.()
    for (const segment of segments) this.#write(segment)
    stream.uncork?.()
  }

  #read(chunk: Buffer): void {
    if (this.#done) return
    this.watch.received()
    try {
      this.#parser.parse(chunk)
    } catch (error) {
      this.#fail(error as Error)
    }
    const waiting = this.redis.commandQueue.length
    if (waiting < this.#sent) this.#sent = waiting
    if (waiting === 0) {
      this.#deadlines?.idle()
      this.watch.idle()
    }
  }

  /** ReplyReceiver: the head of the queue says how its reply is decoded. */
  decoding(): Decoding {
    const { condition } = this
    const head =
      condition.subscriber && condition.protocol !== 3
        ? undefined
        : this.redis.commandQueue.peekFront()
    if (head instanceof LeanCommand) {
      this.#current = head
      return head.decoding
    }
    this.#current = undefined
    // ioredis turns Buffers into such text, nothing else.
    return head?.command.replyEncoding === 'utf8' ? TEXT : BYTES
  }

  /** ReplyReceiver. */
  reply(value: unknown): void {
    const command = this.#current
    if (command === undefined) {
      // ioredis prints a reply without a command, as if it could not be null.
      const isOrphan = value === null && this.redis.commandQueue.length === 0
      this.#dispatch('returnReply', isOrphan ? 'null' : value)
    } else {
      this.redis.commandQueue.shift()
      command.settle(value)
    }
  }

  /** ReplyReceiver. */
  error(error: Error): void {
    hideCommand(error)
    this.#dispatch('returnError', error)
  }

  /** ReplyReceiver. */
  push(value: unknown[]): void {
    if (isReadablePush(value)) this.#dispatch('returnPush', value)
    else this.#fail(new ParserError('A push has no type, or no channel'))
  }

  /** The peer does not speak RESP: what is in flight rejects, and the client connects again. */
  #fail(error: Error): void {
    this.#done = true
    this.#parser.stop()
    this.#handler.returnFatalError(error)
  }

  /** What a listener or transformer of the user throws is not an error of the connection. */
  #dispatch(method: 'returnReply' | 'returnError' | 'returnPush', value: unknown): void {
    try {
      this.#handler[method](value as never)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}
