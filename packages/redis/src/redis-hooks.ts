// Where ioredis calls itself: the methods of its Redis that the fast path looks into.
import { Redis as StockRedis } from 'ioredis'
import { redirected } from './cluster-redirect.ts'
import { describe, noteConnectionError } from './failures.ts'
import { hideOurFrames } from './friendly-stack.ts'
import { AbortError, type QueuedCommand } from './ioredis-internals.ts'
import { offlineQueueOf } from './offline-queue.ts'
import { refusalOfCommand } from './queue-bounds.ts'
import { type RedisInternals, TRANSPORT } from './redis-internals.ts'
import { resolveOptions } from './redis-options.ts'
import { isAccepted, isObsolete, noteSending, noteWaiting } from './sendings.ts'
import { Transport } from './transport.ts'

const stock = StockRedis.prototype as unknown as RedisInternals

const ABORTED = 'Command aborted due to connection close'
const CLOSED = 'Connection is closed.'

/** Methods that take the place of ioredis's on the prototype of our class. */
export const hooks = {
  setStatus(this: RedisInternals, status: string, detail?: unknown): void {
    if (this.fastPath.active) beforeStatus(this, status)
    stock.setStatus.call(this, status, detail)
  },

  sendCommand(this: RedisInternals, command: QueuedCommand, stream?: unknown): Promise<unknown> {
    if (isObsolete(command)) return command.promise
    if (command.errorStack !== undefined) hideOurFrames(command)
    if (!this.fastPath.active) return stock.sendCommand.call(this, command, stream)
    if (!isMade(command)) return refuseUnmade(this, command, stream)
    if (!isAccepted(command)) {
      const refusal = refusalOfCommand(this, command, stream)
      if (refusal !== undefined) {
        command.reject(describe(refusal, this, command))
        return command.promise
      }
    }
    noteSending(this, command)
    const answer = redirected(command)?.takeAnswer(this)
    if (answer !== undefined) {
      command.reject(answer)
      return command.promise
    }
    const before = this.offlineQueue.length
    const promise = stock.sendCommand.call(this, command, stream)
    if (this.offlineQueue.length > before) noteWaiting(this, command)
    return promise
  },

  /** Our own watch begins with the bytes. */
  setSocketTimeout(this: RedisInternals): void {
    if (this[TRANSPORT] === undefined) stock.setSocketTimeout.call(this)
  },

  /** A client that waits to connect again has no connection whose end would end it. */
  disconnect(this: RedisInternals, reconnect = false): void {
    const waits = this.status === 'reconnecting' && this.reconnectTimeout !== null
    stock.disconnect.call(this, reconnect)
    if (!waits || reconnect || !this.fastPath.active) return
    this.manuallyClosing = false
    this.setStatus('end')
    this.flushQueue(new Error(CLOSED))
  },

  /** What was not sent is not sent any more, and what the last connection left is told, too. */
  flushQueue(
    this: RedisInternals,
    error: Error,
    options?: { offlineQueue?: boolean; commandQueue?: boolean },
  ): void {
    // ioredis's own tests call it on an object that is no client.
    if (this.fastPath?.active && options?.commandQueue !== false) {
      this[TRANSPORT]?.discard()
      if (error.name === 'MaxRetriesPerRequestError') rejectUnfulfilled(this, error)
    }
    stock.flushQueue.call(this, error, options)
  },

  silentEmit(this: RedisInternals, event: string, ...args: unknown[]): unknown {
    const [error] = args
    if (event === 'error' && error instanceof Error && this.fastPath.active) {
      // Commands of a handshake that was cut off: nobody's error.
      if (error instanceof AbortError && error.message === ABORTED) return false
      noteConnectionError(this, error)
    }
    return stock.silentEmit.call(this, event, ...args)
  },

  resetOfflineQueue(this: RedisInternals): void {
    offlineQueueOf(this).reset()
    stock.resetOfflineQueue.call(this)
  },
}

/** Not if an argument threw when it was made into text: then ioredis has rejected the promise. */
function isMade(command: QueuedCommand): boolean {
  return typeof command.reject === 'function'
}

/** ioredis would send it without being able to settle it. A pipeline is written whole, or not. */
function refuseUnmade(
  redis: RedisInternals,
  command: QueuedCommand,
  stream: unknown,
): Promise<unknown> {
  if (!(stream as { isPipeline?: boolean } | undefined)?.isPipeline) return command.promise
  for (const queue of [redis.commandQueue, redis.offlineQueue]) {
    while (queue.peekBack()?.stream === stream) queue.pop()
  }
  throw new TypeError(`An argument of ${command.name} cannot be made into text.`)
}

function beforeStatus(redis: RedisInternals, status: string): void {
  switch (status) {
    case 'connect':
      redis[TRANSPORT] = new Transport(redis, resolveOptions(redis.options))
      break
    case 'ready':
      noteConnectionError(redis, undefined)
      offlineQueueOf(redis).beforeReady()
      redis[TRANSPORT]?.ready()
      break
    case 'close':
      redis[TRANSPORT]?.close()
      if (redis.status !== 'ready') abortUnready(redis)
      break
    case 'reconnecting':
      if (redis.options.autoResendUnfulfilledCommands === false) abortUnfulfilled(redis)
      break
    case 'end':
      rejectUnfulfilled(redis, new Error(CLOSED))
      // ioredis does so in `disconnect` only: after `quit` the sentinels' connections would stay.
      redis.connector.failoverDetector?.cleanup()
      break
  }
}

function abortAll(queue: RedisInternals['commandQueue']): void {
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    item.command.reject(new AbortError(ABORTED))
  }
}

/** ioredis forgets what was written before the connection was ready, and never settles it. */
function abortUnready({ commandQueue, prevCommandQueue }: RedisInternals): void {
  if (commandQueue !== prevCommandQueue) abortAll(commandQueue)
}

/** Commands that will not be sent again settle now; ioredis leaves their promises pending. */
function abortUnfulfilled({ prevCommandQueue }: RedisInternals): void {
  if (prevCommandQueue) abortAll(prevCommandQueue)
}

/** ioredis forgets what was to be sent again when the client ends before it is ready again. */
function rejectUnfulfilled({ commandQueue, prevCommandQueue }: RedisInternals, error: Error): void {
  if (!prevCommandQueue || prevCommandQueue === commandQueue) return
  for (let item = prevCommandQueue.shift(); item; item = prevCommandQueue.shift()) {
    item.command.reject(error)
  }
}
