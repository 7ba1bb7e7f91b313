// Hot path. Walks a batch: record -> route -> context -> handler -> answer. The only try/catch of the hot path.
import { CelerisError, type Dispatch } from '@celeris/engine'
import {
  ABORT_CODE_SERVER,
  BUFFERED_BODIES_MAX,
  CONTROL_PENDING_HEADS,
  CONTROL_TURN_MICROSECONDS,
  EVENT_GENERATION,
  EVENT_KIND_ABORTED,
  EVENT_KIND_BODY_BYTES,
  EVENT_KIND_BODY_END,
  EVENT_KIND_BODY_ERROR,
  EVENT_KIND_CODE,
  EVENT_KIND_HALF_CLOSED,
  EVENT_KIND_HIJACKED,
  EVENT_KIND_WRITABLE,
  EVENT_LENGTH,
  EVENT_OFFSET,
  EVENT_SEQUENCE,
  EVENT_SLOT,
  EVENT_WORDS,
  EVENTS_WORD,
  METHOD_OTHER,
  REQUEST_BODY_LENGTH,
  REQUEST_CONTENT_LENGTH_LOW,
  REQUEST_FLAG_CHUNKED,
  REQUEST_FLAG_EXPECT_CONTINUE,
  REQUEST_FLAG_PATH_PLAIN,
  REQUEST_HEAD_OFFSET,
  REQUEST_LITERAL_ID,
  REQUEST_METHOD_MINOR_FLAGS,
  REQUEST_PATH_OFFSET,
  REQUEST_PATH_TARGET_LENGTH,
  REQUEST_SLOT,
  REQUEST_TARGET_OFFSET,
  REQUEST_WORDS,
  REQUESTS_WORD,
} from '@celeris/engine/layout'
import { clearStores, guardRunningResource, storesEntered } from './async-stores.ts'
import { Context } from './context.ts'
import { answerError, fail } from './error-flow.ts'
import { END, isThenable } from './handler-chain.ts'
import { HttpError } from './http-errors.ts'
import { latin1 } from './latin1.ts'
import { hijacked, type Leaving, refused } from './leaving.ts'
import { matchRoute } from './match-route.ts'
import { batchClock, batchTime, bytes, nextBatch, words } from './memory.ts'
import { addPending, findPending, removePending } from './pending.ts'
import { hold, mustWait, startHeld, unhold } from './request-order.ts'
import { checkLength } from './response-length.ts'
import { cutAnswer, ResponseStream } from './response-stream.ts'
import { ANSWER_EMPTY, ANSWER_HIJACK, ANSWER_NONE, writeAnswer } from './response-writer.ts'
import type { RouteEntry } from './route-entry.ts'
import type { Serving } from './serving.ts'

/** Continuations kept for reuse. */
const CONTINUATIONS_MAX = 1024

type BeforeSend = (c: Context) => void | Promise<void>

const microsecondsSince = (startMs: number): number =>
  Math.round((performance.now() - startMs) * 1_000)

/** The two functions a promise of a handler is given; pooled, as binding them costs more than a context. */
class Continuation {
  context: Context | null = null
  readonly fulfilled: (value: unknown) => void
  readonly rejected: (error: unknown) => void
  constructor(server: Dispatcher) {
    this.fulfilled = (value) => server.settled(this, value)
    this.rejected = (error) => server.failed(this, error)
  }
}

class Dispatcher {
  readonly #serving: Serving
  /** The context of routes that stay synchronous: a handler is done before the next one starts, so one is enough. */
  #spare: Context | null = null
  #spareFree = false
  readonly #continuations: Continuation[] = []
  /** Contexts of this turn that may still read the batch. */
  readonly #unparked: Context[] = []
  /** Answers of this batch given synchronously. */
  #answered = 0
  #guarded = false

  constructor(serving: Serving) {
    this.#serving = serving
    serving.collector?.askUntimed(() => this.#answered)
  }

  dispatch(base: number, requests: number, events: number): void {
    if (requests === 0 && events === 0) {
      this.#park()
      return
    }
    const serving = this.#serving
    const { collector } = serving
    // The engine has timed the turn before; its answers are counted now.
    if (collector !== null)
      collector.observe(words[CONTROL_TURN_MICROSECONDS] as number, this.#answered)
    this.#answered = 0
    nextBatch()
    if (this.#unparked.length > 0) this.#unparked.length = 0
    if (!this.#guarded) {
      this.#guarded = true
      guardRunningResource()
    }
    const at = base >> 2
    for (let index = 0; index < events; index++) this.#event(at + EVENTS_WORD + index * EVENT_WORDS)
    const { literalTables } = serving.routes
    const direct = serving.routes.pre.length === 0
    for (let index = 0; index < requests; index++) {
      if (storesEntered) clearStores()
      const record = at + REQUESTS_WORD + index * REQUEST_WORDS
      const literal = words[record + REQUEST_LITERAL_ID] as number
      const methodId = (words[record + REQUEST_METHOD_MINOR_FLAGS] as number) & 0xff
      if (literal !== 0 && methodId !== 0 && direct) {
        const entry = (literalTables[literal] as (typeof literalTables)[number]).entries[methodId]
        if (entry !== undefined) {
          this.#start(record, entry, methodId, bytes, '')
          continue
        }
      }
      this.#route(record, methodId, direct)
    }
    if (storesEntered) clearStores()
  }

  /** A path with parameters, or one that no literal route has. */
  #route(record: number, methodId: number, direct: boolean): void {
    const { routes, badPath, preEntry } = this.#serving
    if (!direct) {
      this.#start(record, preEntry, methodId, bytes, '')
      return
    }
    const flags = (words[record + REQUEST_METHOD_MINOR_FLAGS] as number) >>> 16
    const start = words[record + REQUEST_PATH_OFFSET] as number
    const length = (words[record + REQUEST_PATH_TARGET_LENGTH] as number) & 0xffff
    const plain = (flags & REQUEST_FLAG_PATH_PLAIN) !== 0
    const name = methodId === METHOD_OTHER ? this.#methodName(record) : null
    const matched = matchRoute(routes, badPath, bytes, start, length, plain, methodId, name)
    this.#start(record, matched.entry, methodId, matched.paramBytes, matched.allow)
  }

  #methodName(record: number): string {
    const start = words[record + REQUEST_HEAD_OFFSET] as number
    return latin1(bytes, start, (words[record + REQUEST_TARGET_OFFSET] as number) - 1)
  }

  #start(
    record: number,
    entry: RouteEntry,
    methodId: number,
    paramBytes: Buffer,
    allow: string,
  ): void {
    const serving = this.#serving
    const busy =
      serving.pendingCount !== 0 &&
      (serving.pending[words[record + REQUEST_SLOT] as number] ?? null) !== null
    const bodyFollows = words[record + REQUEST_BODY_LENGTH] === -1
    let c = this.#spareFree ? this.#spare : null
    // What waits, for its body or for its turn, outlives the turn, so it is a context that nobody has seen.
    if (c === null || bodyFollows || busy || !entry.neverAsync) c = new Context(serving, entry)
    else this.#spareFree = false
    c.begin(record, entry, methodId, paramBytes)
    if (allow !== '') c.setHeader('allow', allow)
    if (bodyFollows) this.#awaitBody(c, record)
    else if (busy && mustWait(serving, c)) this.#holdBack(c)
    else this.#run(c)
  }

  /** A request behind an unsafe one, or an unsafe one behind any, waits until they have settled (PIP-2). */
  #holdBack(c: Context): void {
    this.#outlive(c)
    hold(this.#serving, c, () => this.#run(c))
  }

  /** Takes a context out of the batch at once. */
  #outlive(c: Context): void {
    c.startedAt = batchTime()
    c.startedMono = batchClock()
    addPending(this.#serving, c)
    c.park()
  }

  #inOrder(c: Context, start: () => void): void {
    if (mustWait(this.#serving, c)) hold(this.#serving, c, start)
    else start()
  }

  #run(c: Context): void {
    let result: unknown
    try {
      result = (c.entry.run as NonNullable<RouteEntry['run']>)(c, END)
      if (result !== undefined && !isThenable(result)) {
        if (!c.calledNext(0)) c.applyValue(result)
        result = undefined
      }
    } catch (error) {
      result = c.openNexts === 0 ? fail(c, error) : this.#failLater(c, error)
    }
    if (result === undefined && c.openNexts === 0) this.#finish(c)
    else this.#continueLater(c, result)
  }

  /** A body up to `bufferedBodySize` is complete before its handler runs (BODY-3). */
  #awaitBody(c: Context, record: number): void {
    const flags = (words[record + REQUEST_METHOD_MINOR_FLAGS] as number) >>> 16
    const low = (words[record + REQUEST_CONTENT_LENGTH_LOW] as number) >>> 0
    const serving = this.#serving
    this.#outlive(c)
    if ((flags & REQUEST_FLAG_EXPECT_CONTINUE) !== 0) {
      this.#inOrder(c, () => this.#askExpect(c))
      return
    }
    const length = (flags & REQUEST_FLAG_CHUNKED) !== 0 ? -1 : (c.contentLength ?? low)
    // Beyond the budget of all buffered bodies they are streamed, whatever their size (BODY-5).
    if (
      length < 0 ||
      length > serving.bufferedBodySize ||
      serving.bufferedBytes + length > BUFFERED_BODIES_MAX
    ) {
      this.#inOrder(c, () => this.#run(c))
      return
    }
    serving.bufferedBytes += length
    const body = c.requestBody()
    body.reservedBytes = length
    body.collect(Number.POSITIVE_INFINITY).then(
      () => this.#inOrder(c, () => this.#run(c)),
      (error: unknown) => {
        if (c.isAborted) this.#finish(c)
        else this.#settleFailure(c, error)
      },
    )
  }

  /** `onExpectContinue` decides before the handler runs (EXP-1); without it every request goes on. */
  #askExpect(c: Context): void {
    const hook = this.#serving.onExpectContinue
    if (hook === null) {
      this.#run(c)
      return
    }
    new Promise<boolean>((resolve) => resolve(hook(c))).then(
      (wanted) => (wanted ? this.#run(c) : this.#refuseExpect(c)),
      (error: unknown) => {
        this.#serving.logger.error({ error }, 'onExpectContinue failed')
        this.#refuseExpect(c)
      },
    )
  }

  #refuseExpect(c: Context): void {
    answerError(c, new HttpError(417, 'the expectation is refused'))
    c.setHeader('connection', 'close')
    this.#finish(c)
  }

  /** Keeps a context beyond its batch: it reads the batch until that ends, then a copy. */
  stay(c: Context): void {
    c.entry.neverAsync = false
    c.dirty = true
    if (!c.isPending) {
      c.startedAt = batchTime()
      c.startedMono = batchClock()
      c.keepParams()
      addPending(this.#serving, c)
      this.#unparked.push(c)
      ;(words[CONTROL_PENDING_HEADS] as number)++
    }
    const { collector } = this.#serving
    if (collector !== null && !c.counted) {
      c.counted = true
      collector.active++
    }
  }

  /** The handler is not done: its context leaves the batch. */
  #continueLater(c: Context, result: unknown): void {
    this.stay(c)
    if (result === undefined) {
      this.#awaitNexts(c)
      return
    }
    const continuation = this.#continuations.pop() ?? new Continuation(this)
    continuation.context = c
    // A stranger's thenable might call back twice, which a pooled pair of functions must not see.
    const promise =
      result instanceof Promise ? result : Promise.resolve(result as PromiseLike<unknown>)
    promise.then(continuation.fulfilled, continuation.rejected)
  }

  /** An error is answered when what `next()` started has ended: it may still use the context (C-3). */
  #failLater(c: Context, error: unknown): Promise<void> {
    return new Promise<void>((resolve) => {
      c.resume = () => {
        c.resume = null
        resolve(fail(c, error))
      }
    })
  }

  #awaitNexts(c: Context): void {
    c.resume = () => {
      c.resume = null
      this.#conclude(c, undefined)
    }
  }

  #free(continuation: Continuation): Context {
    const c = continuation.context as Context
    continuation.context = null
    if (this.#continuations.length < CONTINUATIONS_MAX) this.#continuations.push(continuation)
    return c
  }

  settled(continuation: Continuation, value: unknown): void {
    const c = this.#free(continuation)
    if (c.openNexts > 0) {
      c.resume = () => {
        c.resume = null
        this.#conclude(c, value)
      }
    } else this.#conclude(c, value)
  }

  failed(continuation: Continuation, error: unknown): void {
    const c = this.#free(continuation)
    if (c.openNexts > 0) {
      c.resume = () => {
        c.resume = null
        this.#settleFailure(c, error)
      }
    } else this.#settleFailure(c, error)
  }

  #conclude(c: Context, value: unknown): void {
    try {
      if (value !== undefined && !c.calledNext(0)) c.applyValue(value)
    } catch (error) {
      this.#settleFailure(c, error)
      return
    }
    // Forgotten, or swallowed without an answer in its place (C-3).
    if (c.strayError !== undefined && c.answerKind === ANSWER_NONE && !c.statusSet)
      this.#settleFailure(c, c.strayError)
    else this.#finish(c)
  }

  #settleFailure(c: Context, error: unknown): void {
    const pending = fail(c, error)
    if (pending === undefined) this.#finish(c)
    else void pending.then(() => this.#finish(c))
  }

  /** Hands over the answer of a successor, whose chain is not its own. */
  conclude(c: Context): void {
    this.#finishDirty(c)
  }

  /** The chain has settled: the answer is encoded and handed over, the context released. */
  #finish(c: Context): void {
    if (c.dirty || c.answerKind === ANSWER_NONE) {
      this.#finishDirty(c)
      return
    }
    try {
      if (!writeAnswer(c)) {
        this.#startWhole(c)
        return
      }
    } catch (error) {
      this.#failWrite(c, error)
      return
    }
    const { collector } = this.#serving
    if (collector !== null) (collector.classes[2] as number)++
    this.#answered++
    c.release()
    if (!this.#serving.development) this.#keep(c)
  }

  /** Keeps a released context for the next request. */
  #keep(c: Context): void {
    if (this.#spare !== c) this.#spare = c
    this.#spareFree = true
  }

  #failWrite(c: Context, error: unknown): void {
    c.dirty = true
    const pending = fail(c, error)
    if (pending === undefined) this.#finishDirty(c)
    else if (c.isPending) void pending.then(() => this.#finishDirty(c))
    else this.#continueLater(c, pending)
  }

  /** The same when headers, a status, hooks or an await came into it. */
  #finishDirty(c: Context): void {
    if (c.orphaned) {
      this.#release(c)
      return
    }
    if (c.leaving !== null && this.#staysAway(c, c.leaving)) return
    if (c.output !== null) {
      this.#finishStream(c, c.output)
      return
    }
    try {
      this.#prepare(c)
      if (!c.isAborted && !writeAnswer(c)) {
        this.#startWhole(c)
        return
      }
    } catch (error) {
      c.beforeSendHooks = null
      c.deleteHeader('content-length')
      const pending = fail(c, error)
      if (pending !== undefined) {
        if (c.isPending) void pending.then(() => this.#finishDirty(c))
        else this.#continueLater(c, pending)
        return
      }
      this.#writeError(c)
    }
    // Answered within its own turn: counted with it, when the engine has timed it.
    if (!c.parked) this.#answered++
    this.#count(c, c.parked)
    this.#release(c)
  }

  #count(c: Context, timed: boolean): void {
    const { collector } = this.#serving
    if (collector === null) return
    if (c.isAborted || c.leftByClient) collector.aborts++
    else (collector.classes[(c.answerStatus / 100) | 0] as number)++
    if (timed) collector.observe(microsecondsSince(c.startedMono), 1)
  }

  /** An error that cannot be sent with the headers set so far is sent without them. */
  #writeError(c: Context): void {
    if (c.isAborted) return
    try {
      writeAnswer(c)
    } catch (failure) {
      c.answerHeaders?.keep(() => false)
      answerError(c, failure)
      writeAnswer(c)
    }
  }

  #prepare(c: Context): void {
    if (c.answerKind === ANSWER_NONE) {
      if (c.statusSet) c.answerKind = ANSWER_EMPTY
      else if (!c.isAborted) {
        throw new CelerisError(
          'CELERIS_NO_RESPONSE',
          `the handler of ${c.method} ${c.routePath || c.path} answered nothing: call c.text(), c.json() or c.noContent(), or return a value`,
        )
      }
    }
    const hooks = c.beforeSendHooks
    if (hooks !== null) {
      c.beforeSendHooks = null
      runHooks(c, hooks)
    }
    const headers = c.answerHeaders
    if (headers !== null && headers.count > 0 && !c.isAborted) checkLength(c, headers)
  }

  // ---- answers in parts ----------------------------------------------------------------------------------------

  /** The chain has settled, its answer has not: a source is pulled from now on, a writer goes on. */
  #finishStream(c: Context, output: ResponseStream): void {
    output.chainSettled = true
    if (output.ended) {
      this.#endStream(c)
      return
    }
    this.stay(c)
    if (output.source === null) return
    output
      .pump((open) => this.#openStream(c, open))
      .catch((error: unknown) => this.#streamFailed(c, output, error))
  }

  /** A body too large to be copied leaves in pieces, held by reference (BP-1). */
  #startWhole(c: Context): void {
    const body = c.answerBody as string | Uint8Array
    const output = new ResponseStream(c, null)
    c.output = output
    output.chainSettled = true
    this.stay(c)
    try {
      output.openWhole(typeof body === 'string' ? Buffer.from(body) : body)
    } catch (error) {
      this.#streamFailed(c, output, error)
    }
  }

  /** A writer has its first bytes. */
  openWriter(c: Context): void {
    const { output } = c
    if (output === null) return
    this.stay(c)
    try {
      const opened = this.#openStream(c, () => output.open())
      opened?.catch((error: unknown) => this.#streamFailed(c, output, error))
    } catch (error) {
      if (!output.chainSettled) {
        // The handler learns it from its own call, and may answer in another way.
        c.clearAnswer()
        throw error
      }
      this.#streamFailed(c, output, error)
    }
  }

  /** Hooks run, and are awaited, before the head of a stream is written. */
  #openStream(c: Context, open: () => void): undefined | Promise<void> {
    const hooks = c.beforeSendHooks
    c.beforeSendHooks = null
    const done = hooks === null ? undefined : runStreamHooks(c, hooks)
    if (done === undefined) {
      open()
      return undefined
    }
    return done.then(open)
  }

  #streamFailed(c: Context, output: ResponseStream, error: unknown): void {
    if (output.ended || c.output !== output) return
    if (output.begun) void fail(c, error)
    else if (output.chainSettled) this.#settleFailure(c, error)
    else {
      // A handler that still runs hands over the error when it settles, unless it answers in another way.
      c.strayError = error ?? new TypeError('a stream failed without a reason')
      c.clearAnswer()
    }
  }

  /** An answer in parts is complete, cut, or has no reader any more. */
  streamEnded(c: Context): void {
    if (c.output?.chainSettled === true) this.#endStream(c)
  }

  #endStream(c: Context): void {
    // One that was never kept beyond its batch is timed with it.
    if (!c.isPending) this.#answered++
    this.#count(c, c.isPending)
    this.#release(c)
  }

  // ---- leaving -------------------------------------------------------------------------------------------------

  /** Whether the end of the chain is not the end of the request: detached, or waiting for its socket. */
  #staysAway(c: Context, leaving: Leaving): boolean {
    leaving.chainSettled = true
    if (!leaving.detached) {
      if (leaving.socket !== null) {
        this.#release(c)
        return true
      }
      if (c.answerKind !== ANSWER_HIJACK || c.isAborted) return false
    }
    this.stay(c)
    return true
  }

  #hijacked(c: Context, refused: boolean): void {
    const { leaving } = c
    if (leaving?.resolve == null) return
    const error = hijacked(c, refused)
    if (!leaving.chainSettled || leaving.detached) return
    // Nobody awaits what it gave: the request is over, or has to be answered.
    if (error === null) this.#release(c)
    else this.#settleFailure(c, error)
  }

  /** A socket that was asked for will not come, for that reason. */
  refuseSocket(c: Context, reason: unknown): void {
    const { leaving } = c
    if (leaving?.resolve == null) return
    refused(c, reason)
    if (leaving.chainSettled && !leaving.detached) this.#settleFailure(c, reason)
  }

  /** The client of a detached context has sent FIN: nobody may ever end what waits for news, so it is gone (EOF-2). */
  endDetached(c: Context, reason: CelerisError): void {
    if (c.isAborted) return
    // In its place: answers that are owed before it still leave.
    if (c.output !== null && !c.output.ended) c.output.cut(reason)
    else cutAnswer(c)
    c.abort(reason, true)
  }

  #release(c: Context): void {
    const hooks = c.releaseHooks
    if (hooks !== null) this.#runReleaseHooks(hooks)
    // Once it went async a context is not used again: a late call from a promise or timer must find it released.
    const { isPending, slot, generation } = c
    const serving = this.#serving
    if (c.counted) {
      c.counted = false
      if (serving.collector !== null) serving.collector.active--
    }
    if (c.body !== null) {
      serving.bufferedBytes -= c.body.reservedBytes
      c.body.reservedBytes = 0
    }
    if (isPending) {
      removePending(serving, c)
      if (!c.parked) (words[CONTROL_PENDING_HEADS] as number)--
    }
    c.release()
    if (!isPending && !serving.development && !c.orphaned) this.#keep(c)
    if (serving.held > 0) startHeld(serving, slot, generation)
  }

  #runReleaseHooks(hooks: readonly (() => void)[]): void {
    for (let index = hooks.length - 1; index >= 0; index--) {
      try {
        hooks[index]?.()
      } catch (error) {
        this.#serving.logger.error({ error }, 'onRelease failed')
      }
    }
  }

  /** The batch is about to be overwritten: what still runs copies what it reads. */
  #park(): void {
    for (const c of this.#unparked) if (c.live) c.park()
    this.#unparked.length = 0
    words[CONTROL_PENDING_HEADS] = 0
  }

  #event(at: number): void {
    const slot = words[at + EVENT_SLOT] as number
    const generation = words[at + EVENT_GENERATION] as number
    const kindCode = words[at + EVENT_KIND_CODE] as number
    const kind = kindCode & 0xff
    if (
      kind === EVENT_KIND_BODY_BYTES ||
      kind === EVENT_KIND_BODY_END ||
      kind === EVENT_KIND_BODY_ERROR
    ) {
      const c = findPending(this.#serving, slot, generation, words[at + EVENT_SEQUENCE] as number)
      if (c === null) return
      // What comes before somebody asks is remembered.
      const body = c.requestBody()
      const offset = words[at + EVENT_OFFSET] as number
      const end = offset + (words[at + EVENT_LENGTH] as number)
      body.take(kind, kindCode >>> 8, bytes.subarray(offset, end))
      return
    }
    if (kind === EVENT_KIND_WRITABLE || kind === EVENT_KIND_HIJACKED) {
      const c = findPending(this.#serving, slot, generation, words[at + EVENT_SEQUENCE] as number)
      if (c === null) return
      if (kind === EVENT_KIND_WRITABLE) c.output?.onWritable()
      else this.#hijacked(c, kindCode >>> 8 !== 0)
      return
    }
    if (kind === EVENT_KIND_ABORTED) {
      const cut = kindCode >>> 8 === ABORT_CODE_SERVER
      const code = cut ? 'CELERIS_SERVER_CUT' : 'CELERIS_CLIENT_ABORTED'
      const message = cut ? 'the server closed before the answer was there' : 'the client has gone'
      this.#abortAll(slot, generation, code, message, true)
    } else if (kind === EVENT_KIND_HALF_CLOSED) {
      this.#abortAll(
        slot,
        generation,
        'CELERIS_CLIENT_HALF_CLOSED',
        'the client sends no more; it may have gone',
        false,
      )
    } else this.#serving.connectionEvent?.(kind, slot, generation)
  }

  #abortAll(slot: number, generation: number, code: string, message: string, gone: boolean): void {
    const { pending } = this.#serving
    const reason = new CelerisError(code, message)
    reason.name = 'AbortError'
    const left: Context[] = []
    for (let c = pending[slot] ?? null; c !== null; c = c.nextPending)
      if (c.generation === generation) left.push(c)
    if (gone) {
      // None of them is to start now that those before it end.
      const never = left.filter((c) => unhold(this.#serving, c))
      for (const c of left) {
        c.abort(reason, true)
        // Its chain has settled, and the socket it waited for will not come.
        if (c.leaving?.chainSettled === true && !c.isDetached) this.#finish(c)
      }
      for (const c of never) this.#finish(c)
      return
    }
    for (const c of left) {
      if (c.isDetached) this.endDetached(c, reason)
      else c.abort(reason, false)
    }
  }
}

function runHooks(c: Context, hooks: readonly BeforeSend[]): void {
  for (const hook of hooks) {
    const done = hook(c)
    if (done === undefined || !isThenable(done)) continue
    Promise.resolve(done).catch(() => undefined)
    throw new TypeError(
      'a beforeSend hook gave a promise for a buffered answer, which does not wait: do asynchronous work in middleware, after `await next()`',
    )
  }
}

/** Runs hooks one after the other; a promise only when one of them gives one. */
function runStreamHooks(c: Context, hooks: readonly BeforeSend[]): undefined | Promise<void> {
  for (let index = 0; index < hooks.length; index++) {
    const done = (hooks[index] as BeforeSend)(c)
    if (done !== undefined && isThenable(done))
      return Promise.resolve(done).then(() => runStreamHooks(c, hooks.slice(index + 1)))
  }
  return undefined
}

/** Makes the function an engine calls with its batches. */
export function createDispatch(serving: Serving): Dispatch {
  const dispatcher = new Dispatcher(serving)
  serving.conclude = (c) => dispatcher.conclude(c)
  serving.openStream = (c) => dispatcher.openWriter(c)
  serving.streamEnded = (c) => dispatcher.streamEnded(c)
  serving.stay = (c) => dispatcher.stay(c)
  serving.detachedDone = (c) => dispatcher.conclude(c)
  serving.endDetached = (c, reason) => dispatcher.endDetached(c, reason)
  serving.refuseSocket = (c, reason) => dispatcher.refuseSocket(c, reason)
  return (base, requests, events) => dispatcher.dispatch(base, requests, events)
}
