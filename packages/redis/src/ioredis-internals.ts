// What we use of ioredis beyond its exports. Each is loaded by its own `require`, which bundlers
// see, and may be missing in another 6.x: guard.ts then leaves the fast path off.
import { Command } from 'ioredis'

/** A command that waits for its reply, as ioredis queues it. */
export interface QueueItem {
  readonly command: QueuedCommand
  /** Database it runs in. */
  select: number
  readonly stream: unknown
}

/** What ioredis calls on a command in a queue. */
export interface QueuedCommand {
  readonly name: string
  readonly args: readonly unknown[]
  readonly replyEncoding?: string | null | undefined
  isSettled?: boolean
  readonly pipelineIndex?: number | undefined
  /** Where the call was made, with `showFriendlyErrorStack`. */
  errorStack?: { readonly stack?: string | undefined } | undefined
  promise: Promise<unknown>
  resolve(value: unknown): unknown
  reject(error: Error): void
}

/** The methods of `denque` that are called here. */
export interface Deque<T> {
  readonly length: number
  push(item: T): unknown
  shift(): T | undefined
  pop(): T | undefined
  peekFront(): T | undefined
  peekBack(): T | undefined
  peekBack(): T | undefined
  peekAt(index: number): T | undefined
  remove(index: number, count: number): unknown
}

/** State of a connection, as ioredis keeps it. */
export interface Condition {
  select: number
  readonly subscriber: unknown
  readonly protocol: 2 | 3
  readonly replyMapping: 'legacy' | 'resp3'
  readonly handshake: boolean
}

/** ioredis's way to hand a decoded reply to the command, subscription or monitor it belongs to. */
export interface DataHandler {
  redis: unknown
  returnReply(reply: unknown): void
  returnError(error: Error): void
  returnPush(reply: unknown): void
  returnFatalError(error: Error): void
}

/** Changes the arguments, or the decoded reply, of the command of that name. */
export interface Transformers {
  readonly argument: Record<string, ((args: unknown[]) => unknown[]) | undefined>
  readonly reply: Record<string, ((reply: unknown, context: object) => unknown) | undefined>
}

interface Utilities {
  toArg(value: unknown): string
  convertBufferToString(value: unknown, encoding: string): unknown
  defaults(target: object, ...sources: unknown[]): object
  Debug(namespace: string): { readonly enabled: boolean }
}

export type ErrorClass = new (message: string) => Error

function load<T>(from: () => unknown): T | undefined {
  try {
    return from() as T
  } catch {
    return undefined
  }
}

/** Members of ioredis that are not exported; `undefined` where this version has none. */
export const internals: {
  readonly connectionPool: object | undefined
  readonly dataHandler: DataHandler | undefined
  readonly replyErrors: { SimpleError: ErrorClass; BlobError: ErrorClass } | undefined
  readonly transformers: Transformers | undefined
  readonly utilities: Utilities | undefined
  /** Commands that auto-pipelining leaves alone. */
  readonly neverAutomatic: readonly string[]
} = {
  connectionPool: load(() => require('ioredis/built/cluster/ConnectionPool').default.prototype),
  dataHandler: load(() => require('ioredis/built/DataHandler').default.prototype),
  replyErrors: load(() => require('ioredis/built/resp/errors')),
  transformers: (Command as unknown as { _transformer?: Transformers })._transformer,
  utilities: load(() => require('ioredis/built/utils')),
  neverAutomatic:
    load(() => require('ioredis/built/autoPipelining').notAllowedAutoPipelineCommands) ?? [],
}

const errors = require('redis-errors') as { ReplyError: ErrorClass; AbortError: ErrorClass }

/** What the server answered: an error reply. */
export const ReplyError: ErrorClass = errors.ReplyError

/** A command was given up. */
export const AbortError: ErrorClass = errors.AbortError
