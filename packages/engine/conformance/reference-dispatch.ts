// The suite's own dispatch: records in, plain objects out; answers through ResponseWriter. Core is not involved.
import { isMainThread, threadId } from 'node:worker_threads'
import type { BatchMemory, Dispatch, Engine } from '@celeris/engine'
import { readEvents, readRequests, type SeenEvent, type SeenRequest } from './batch-reader.ts'
import { type AnswerParts, type RequestName, ResponseWriter } from './response-writer.ts'

export interface Reference {
  readonly dispatch: Dispatch
  readonly write: ResponseWriter
  /** Every request, in the order of dispatch. */
  readonly requests: SeenRequest[]
  readonly events: SeenEvent[]
  /** Counts of every call: [requests, events]. */
  readonly calls: [requests: number, events: number][]
  /** First broken promise of the contract; thrown again when the case ends. */
  readonly broken: Error[]
  /** Writes answers outside dispatch, and sends them where the engine does not do so by itself. */
  late(write: (writer: ResponseWriter) => void): void
  /** Resolves once `requests` holds `count`. */
  seen(count: number): Promise<SeenRequest>
  /** Resolves with the first event, past or to come, that satisfies the condition. */
  event(condition: (event: SeenEvent) => boolean): Promise<SeenEvent>
  /** Resolves with the next call of dispatch. */
  nextCall(): Promise<void>
}

export interface Handlers {
  /** Runs inside dispatch, once per request. */
  readonly onRequest?: ((request: SeenRequest, write: ResponseWriter) => void) | undefined
  readonly onEvent?: ((event: SeenEvent, write: ResponseWriter) => void) | undefined
  /** Runs inside dispatch after all records of a call. */
  readonly onCall?: ((requests: number, events: number) => void) | undefined
}

/** The answer of every case that does not care: the request's own path. */
export function answerPath(
  request: SeenRequest,
  write: ResponseWriter,
  parts: AnswerParts = {},
): void {
  write.answer(request, { body: request.path, omitBody: request.method === 'HEAD', ...parts })
}

export function createReference(
  engine: Engine,
  memory: BatchMemory,
  handlers: Handlers,
  signal: AbortSignal,
): Reference {
  const write = new ResponseWriter(memory, () => engine.flush())
  const requests: SeenRequest[] = []
  const events: SeenEvent[] = []
  const calls: [number, number][] = []
  const broken: Error[] = []
  const waiting = new Set<() => void>()
  let running = false

  const dispatch: Dispatch = (base, requestCount, eventCount) => {
    if (running) broken.push(new Error('C1: dispatch was called while it ran'))
    running = true
    try {
      calls.push([requestCount, eventCount])
      let seen: SeenRequest[] = []
      let happened: SeenEvent[] = []
      try {
        happened = readEvents(memory, base, eventCount)
        seen = readRequests(memory, base, requestCount, calls.length - 1)
      } catch (error) {
        broken.push(error as Error)
      }
      events.push(...happened)
      requests.push(...seen)
      for (const event of happened) handlers.onEvent?.(event, write)
      for (const request of seen) (handlers.onRequest ?? answerPath)(request, write)
      handlers.onCall?.(requestCount, eventCount)
    } finally {
      running = false
      const all = [...waiting]
      waiting.clear()
      for (const resume of all) resume()
    }
  }
  const nextCall = (): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error)
      const onAbort = (): void => {
        waiting.delete(done)
        reject(signal.reason as Error)
      }
      const done = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      signal.addEventListener('abort', onAbort, { once: true })
      waiting.add(done)
    })

  return {
    dispatch,
    write,
    requests,
    events,
    calls,
    broken,
    nextCall,
    late(fill) {
      fill(write)
      if (!engine.flushesItself) engine.flush()
    },
    async seen(count) {
      while (requests.length < count) await nextCall()
      return requests[count - 1] as SeenRequest
    },
    async event(condition) {
      for (;;) {
        const found = events.find(condition)
        if (found !== undefined) return found
        await nextCall()
      }
    },
  }
}

/** Which thread runs this code: dispatch must run on the one that called `listen` (C1). */
export const currentThread = (): string => `${isMainThread ? 'main' : 'worker'} ${threadId}`

/** True when an event or a request belongs to the same connection. */
export const sameConnection = (a: RequestName, b: RequestName): boolean =>
  a.slot === b.slot && a.generation === b.generation
