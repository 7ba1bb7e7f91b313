/** Stable codes of the errors that are ours; the rest keep ioredis's classes and messages. */
export type RedisErrorCode = 'CELERIS_REDIS_QUEUE_FULL' | 'CELERIS_REDIS_OPTIONS'

/**
 * A new command was refused because more waits than the client may hold
 * (`maxQueuedBytes`, `maxQueuedCommands`). Nothing of it was sent; what was accepted before stays.
 */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError'
  readonly code = 'CELERIS_REDIS_QUEUE_FULL'
  /** No byte of the command reached the server. */
  readonly mayHaveRun = false
  /** The option whose limit is reached. */
  readonly option: 'maxQueuedBytes' | 'maxQueuedCommands'
  /** What waits now, in the unit of `limit`. */
  readonly queued: number
  readonly limit: number

  constructor(option: 'maxQueuedBytes' | 'maxQueuedCommands', queued: number, limit: number) {
    const unit = option === 'maxQueuedBytes' ? 'bytes' : 'commands'
    super(
      `${queued} ${unit} wait for Redis and ${option} is ${limit}: the server does not keep up. ` +
        `Send less, retry later, or raise ${option}.`,
    )
    this.option = option
    this.queued = queued
    this.limit = limit
  }
}

/** An option of ours has a value it cannot have; the message says which and what is allowed. */
export class RedisOptionError extends Error {
  override readonly name = 'RedisOptionError'
  readonly code = 'CELERIS_REDIS_OPTIONS'
}

/** What errors of commands that got no reply tell beside class and message, which are ioredis's. */
export interface FailureDetails {
  /** Name and arguments of the command. Not enumerable: loggers skip it. */
  readonly command: { readonly name: string; readonly args: readonly unknown[] }
  /** `host:port` or path of the server. */
  readonly address: string
  /** Status of the client when the command failed. */
  readonly state: string
  readonly attempts: number
  /** False only if no byte of the command reached the kernel: it has not run. */
  readonly mayHaveRun: boolean
}
