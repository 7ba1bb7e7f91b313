// Collects requests and events, and hands them to dispatch as one batch per turn of the event loop.
import { AsyncResource } from 'node:async_hooks'
import type { BatchMemory, Dispatch } from '@celeris/engine'
import {
  CONTROL_PENDING_HEADS,
  CONTROL_TIME_HIGH,
  CONTROL_TIME_LOW,
  CONTROL_TURN_MICROSECONDS,
  EVENT_KIND_ABORTED,
} from '@celeris/engine/layout'
import { guardResource } from '../async-stores.ts'
import type { PreparedEvent, PreparedRequest, RecordWriter } from './record-writer.ts'

/** An event, and what happens once its bytes are in the batch. */
export interface QueuedEvent extends PreparedEvent {
  readonly onWritten?: (() => void) | undefined
}

export interface TurnHooks {
  /** Takes the answers that stand in the shared block. */
  readonly drain: () => void
  /** Dispatch threw: the requests of its batch that are still unanswered will not be. */
  readonly onThrow: (batch: readonly PreparedRequest[]) => void
  /** Tells how many requests a batch brought. */
  readonly onBatch: (requests: number) => void
}

export class BatchTurns {
  readonly #memory: BatchMemory
  readonly #writer: RecordWriter
  readonly #dispatch: Dispatch
  readonly #hooks: TurnHooks
  #requests: PreparedRequest[] = []
  #events: QueuedEvent[] = []
  #scheduled = false
  #running = false
  #stopped = false
  /** Where batches run: not in the context of whoever scheduled the turn. */
  readonly #resource = new AsyncResource('celeris.turn')
  /** How long the turn before took. */
  #turnMicroseconds = 0

  constructor(memory: BatchMemory, writer: RecordWriter, dispatch: Dispatch, hooks: TurnHooks) {
    this.#memory = memory
    this.#writer = writer
    this.#dispatch = dispatch
    this.#hooks = hooks
    guardResource(this.#resource)
  }

  pushRequest(request: PreparedRequest): void {
    this.#requests.push(request)
    this.#schedule()
  }

  pushEvent(event: QueuedEvent): void {
    // Events stand before requests in a batch: a request of this connection would never hear that it has ended.
    if (event.kind === EVENT_KIND_ABORTED)
      this.#requests = this.#requests.filter(
        ({ slot, generation }) => slot !== event.slot || generation !== event.generation,
      )
    this.#events.push(event)
    this.#schedule()
  }

  /** No batch starts any more. */
  stop(): void {
    this.#stopped = true
  }

  /** True when every request and event has been dispatched. */
  get idle(): boolean {
    return !this.#running && this.#requests.length === 0 && this.#events.length === 0
  }

  /** A turn of its own: never inside a batch of another engine, to which the memory may be lent just now. */
  #schedule(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    setImmediate(() => this.#run())
  }

  #run(): void {
    this.#scheduled = false
    if (this.#stopped) return
    // Answers that were settled between turns leave before the batch that would overwrite them.
    this.#end()
    const start = performance.now()
    this.#writer.begin()
    this.#writeClock()
    const events = this.#take(this.#events, (event) => this.#writer.writeEvent(event))
    const requests = this.#take(this.#requests, (request) => this.#writer.writeRequest(request))
    this.#events = this.#events.slice(events.length)
    this.#requests = this.#requests.slice(requests.length)
    if (events.length + requests.length === 0) return
    for (const event of events) event.onWritten?.()
    this.#hooks.onBatch(requests.length)
    this.#call(requests, events.length)
    // Behind every microtask of this turn: handlers whose promises have settled by then are answered in it.
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#end()
        this.#turnMicroseconds = Math.ceil((performance.now() - start) * 1000)
      }),
    )
    if (this.#requests.length + this.#events.length > 0) this.#schedule()
  }

  /** When this batch came, and how long the one before took: what is measured is read from there. */
  #writeClock(): void {
    const { words } = this.#memory
    const now = Date.now()
    words[CONTROL_TIME_LOW] = now | 0
    words[CONTROL_TIME_HIGH] = Math.floor(now / 0x1_0000_0000)
    words[CONTROL_TURN_MICROSECONDS] = this.#turnMicroseconds
  }

  #take<T>(queue: readonly T[], write: (item: T) => boolean): readonly T[] {
    let count = 0
    while (count < queue.length && write(queue[count] as T)) count++
    return queue.slice(0, count)
  }

  #call(requests: readonly PreparedRequest[], events: number): void {
    this.#running = true
    try {
      this.#resource.runInAsyncScope(this.#dispatch, undefined, 0, requests.length, events)
      this.#running = false
      this.#hooks.drain()
    } catch (error) {
      this.#running = false
      this.#hooks.drain()
      this.#hooks.onThrow(requests)
      queueMicrotask(() => {
        throw error
      })
    }
  }

  /** End of a turn: answers go out, and whoever still reads request bytes copies them before they are reused. */
  #end(): void {
    this.#hooks.drain()
    if (this.#memory.words[CONTROL_PENDING_HEADS] !== 0 && !this.#stopped) this.#call([], 0)
  }
}
