// What waits in a client for its connection: how much, and what of it nobody awaits any more.
import type { Condition, QueuedCommand, QueueItem } from './ioredis-internals.ts'
import type { RedisInternals } from './redis-internals.ts'

/** Weight of a command that waits for a connection: ioredis's own objects are larger than ours. */
export const OFFLINE_WEIGHT_BYTES = 1_280

/** Bytes of arguments as they stand: strings by their characters. */
export function bytesOf(args: readonly unknown[]): number {
  let bytes = 0
  for (let i = 0; i < args.length; i++) bytes += (args[i] as string | Buffer).length
  return bytes
}

const givenUp = new WeakSet<QueuedCommand>()

/** Whether its caller gave it up: it is not sent (again). */
export function isGivenUp(command: QueuedCommand): boolean {
  return givenUp.has(command)
}

/** Parts of a pipeline are sent together or not at all. */
export function isPart(command: QueuedCommand): boolean {
  return (command as { pipelineIndex?: number }).pipelineIndex !== undefined
}

/** Whether nobody awaits a command that no server has seen: then it need not be sent. */
export function isMoot(command: QueuedCommand): boolean {
  return givenUp.has(command) || (command.isSettled === true && !isPart(command))
}

/** The account of one client's offline queue. */
class OfflineQueue {
  readonly #redis: RedisInternals
  /** Bytes of the arguments of its commands. */
  #bytes = 0
  /** Commands in it that are moot. */
  #moot = 0
  /** Database that was selected while it was not empty. */
  #database: number | undefined

  constructor(redis: RedisInternals) {
    this.#redis = redis
  }

  get bytes(): number {
    return this.#redis.offlineQueue.length === 0 ? 0 : this.#bytes
  }

  /** Commands that will be sent. */
  get length(): number {
    return Math.max(0, this.#redis.offlineQueue.length - this.#moot)
  }

  /** ioredis has made a new queue, or will now empty it. */
  reset(): void {
    this.#bytes = 0
    this.#moot = 0
    this.#database = undefined
  }

  /** A command was added. */
  added(command: QueuedCommand): void {
    if (this.#redis.offlineQueue.length === 1) this.reset()
    this.#bytes += bytesOf(command.args)
    this.#follow(command)
  }

  /**
   * Each command runs in the database that was selected before it, in the order of the calls. ioredis
   * forgets that with each attempt to connect, and goes back to the database of its options.
   */
  #follow({ name, args }: QueuedCommand): void {
    const redis = this.#redis
    const item = redis.offlineQueue.peekBack() as QueueItem
    if (name === 'select' && /^\d+$/.test(`${args[0]}`)) this.#database = Number(args[0])
    else item.select = this.#database ?? redis.prevCondition?.select ?? item.select
  }

  /** Called before ioredis empties it: the last database that was selected stays so. */
  beforeReady(): void {
    const redis = this.#redis
    const database = this.#database
    if (database === undefined || redis.offlineQueue.length === 0) return
    if (redis.prevCondition) redis.prevCondition.select = database
    else redis.prevCondition = { ...(redis.condition as Condition), select: database }
  }

  /** A command in it is moot from now on. Such commands are taken out when they are half of it. */
  isMoot(command: QueuedCommand): void {
    this.#bytes -= bytesOf(command.args)
    this.#moot++
    const queue = this.#redis.offlineQueue
    if (this.#moot * 2 < queue.length) return
    for (let left = queue.length; left > 0; left--) {
      const item = queue.shift() as QueueItem
      if (!isMoot(item.command)) queue.push(item)
    }
    this.#moot = 0
  }
}

const queues = new WeakMap<RedisInternals, OfflineQueue>()

export function offlineQueueOf(redis: RedisInternals): OfflineQueue {
  let queue = queues.get(redis)
  if (queue === undefined) {
    queue = new OfflineQueue(redis)
    queues.set(redis, queue)
  }
  return queue
}

/** Its caller wants no reply any more. What the server may have of it stays in its queue. */
export function giveUp(command: QueuedCommand): void {
  givenUp.add(command)
}
