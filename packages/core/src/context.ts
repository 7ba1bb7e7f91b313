// Hot path. What a handler sees of one request, and what it answers. All fields are set in the constructor, in one
// order; strings are decoded when read. Reused while its route stays synchronous, see dispatch.ts.
import type { Duplex } from 'node:stream'
import type { CelerisError, Engine, PeerAddress } from '@celeris/engine'
import {
  METHOD_OTHER,
  REQUEST_BODY_LENGTH,
  REQUEST_FLAG_ABSOLUTE_FORM,
  REQUEST_GENERATION,
  REQUEST_SEQUENCE,
  REQUEST_SLOT,
} from '@celeris/engine/layout'
import { type BodySource, bodySource, isStreamed, type StreamSource } from './body-source.ts'
import { bodyJson, bodyText, refuseCoding } from './body-text.ts'
import { type CookieOptions, parseCookies, serializeCookie, serializeDeletion } from './cookies.ts'
import { type HintHeaders, writeEarlyHints } from './early-hints.ts'
import {
  BodyUsedError,
  ContextReleasedError,
  NextCalledTwiceError,
  ResponseWrittenError,
  ServerStateError,
} from './errors.ts'
import type { Handler, Next } from './handler.ts'
import { isThenable, runHandler } from './handler-chain.ts'
import { checkHeader } from './header-check.ts'
import { BadRequestError, PayloadTooLargeError } from './http-errors.ts'
import { lazily } from './lazily.ts'
import { type Detached, detach, hijack, type Leaving, loseSocket } from './leaving.ts'
import { batchTime, bytes as sharedBytes, words as sharedWords } from './memory.ts'
import { acceptedEncodings, acceptedLanguages, acceptedTypes } from './negotiation.ts'
import { decodePath } from './path-decode.ts'
import { paramText, pathText } from './path-text.ts'
import { decodeQuery, queryAll, queryFirst } from './query.ts'
import { RequestBody } from './request-body.ts'
import {
  decodedPath,
  decodeSourcePath,
  fieldCount,
  fieldName,
  fieldValue,
  flagsOf,
  headerLines,
  headerValue,
  inlineBody,
  isPlain,
  methodFlags,
  methodText,
  parkRecord,
  rawPathText,
  rawQueryText,
  targetAuthority,
  viewRecord,
} from './request-view.ts'
import { ResponseWriter } from './response-body-writer.ts'
import { ResponseHeaders } from './response-headers.ts'
import { ResponseStream } from './response-stream.ts'
import {
  ANSWER_BYTES,
  ANSWER_EMPTY,
  ANSWER_HTML,
  ANSWER_JSON,
  ANSWER_NONE,
  ANSWER_STREAM,
  ANSWER_TEXT,
} from './response-writer.ts'
import type { RouteEntry } from './route-entry.ts'
import type { ParamNames, ParamValue } from './route-params.ts'
import type { Serving } from './serving.ts'
import { type StandardSchema, type ValidationSource, validate } from './validate.ts'
import { answerWithResponse } from './web-response.ts'
import { tagOf } from './web-tags.ts'

/** Types of an application. */
export interface Env {
  /** Names and types for `c.set`, `c.get` and `c.var`. */
  Variables?: object
}

type Variables<E extends Env> = E extends { Variables: infer V extends object }
  ? V
  : { [key: string]: unknown }

const crypto = lazily<typeof import('node:crypto')>('node:crypto')
const NO_HANDLERS: readonly Handler[] = []
const METHODS = ['', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Parameters of the route found last, as (start, end) pairs; copied out when a handler goes async. */
export let matchedParams: Int32Array = new Int32Array(64)

/** Makes room for the parameters of a route table. */
export function reserveParams(count: number): void {
  if (matchedParams.length < count * 2) matchedParams = new Int32Array(count * 2)
}

/** Options of the readers of a body. */
export interface BodyOptions {
  /** Most bytes to accept; `maxRequestBodySize` unless smaller. */
  limit?: number
}

/** Options of a streamed answer. */
export interface StreamOptions {
  /** Media type; `application/octet-stream` unless a content-type was set. */
  contentType?: string
  /** Status, 200 to 599; what `status()` said, else 200. */
  status?: number
}

/**
 * One request and its answer. Valid until the handler's promise has settled and the answer was handed over;
 * afterwards every member throws ContextReleasedError. Copies (strings, bytes, `signal`) stay valid.
 */
export class Context<out E extends Env = Env, out P extends string = string> {
  /** @internal */ sourceBytes: Buffer
  /** @internal */ sourceWords: Int32Array
  /** @internal */ sourceAt: number
  /** @internal */ sourceDelta: number
  /** @internal */ sourceFields: number
  /** @internal */ serving: Serving
  /** @internal */ engine: Engine
  /** @internal */ slot: number
  /** @internal */ generation: number
  /** @internal */ sequence: number
  /** @internal */ live: boolean
  /** @internal */ entry: RouteEntry
  /** @internal Bytes that the parameter pairs index: the shared block, or `decodedPath`. */
  paramBytes: Buffer
  /** @internal */ paramValues: string[] | null
  /** @internal */ methodId: number
  /** @internal */ chain: readonly Handler[]
  /** @internal Bit k: the handler at k was called through `next`. */
  called: number
  /** @internal Promises given by `next()` that have not settled. */
  openNexts: number
  /** @internal What such a promise was rejected with. */
  strayError: unknown
  /** @internal Set by dispatch when it waits for promises of `next()` that nobody awaited (C-3). */
  resume: (() => void) | null
  /** @internal */ answerKind: number
  /** @internal */ answerStatus: number
  /** @internal */ answerBody: string | Uint8Array | null
  /** @internal */ answerType: string | null
  /** @internal */ statusSet: boolean
  /** @internal Something beyond an answer kind and a body was set: release resets everything. */
  dirty: boolean
  /** @internal Epoch ms; 0 while the batch is the one the request came in. */
  startedAt: number
  /** @internal The same on the monotonic clock. */
  startedMono: number
  /** @internal */ nextPending: Context | null
  /** @internal */ isAborted: boolean
  /** @internal Counted as active by the collector. */
  counted: boolean
  /** @internal The handler gave up because the client had left. */
  leftByClient: boolean
  /** @internal A successor answers for it: what it writes is dropped. */
  orphaned: boolean
  /** @internal Reads a copy, not the batch. */
  parked: boolean
  /** @internal Is in the list of contexts that outlive their batch. */
  isPending: boolean
  /** @internal */ abortReason: CelerisError | null
  /** @internal */ body: RequestBody | null
  /** @internal An answer in parts. */
  output: ResponseStream | null
  /** @internal Detached, or hijacked. */
  leaving: Leaving | null
  /** @internal Runs the request when earlier ones of its connection have settled (PIP-2). */
  heldStart: (() => void) | null
  /** @internal Depth of `bufferResponse()`. */
  buffering: number
  /** @internal */ beforeSendHooks: ((c: Context) => void | Promise<void>)[] | null
  /** @internal */ releaseHooks: (() => void)[] | null
  /** @internal */ rewritable: boolean
  #headers: ResponseHeaders | null
  #nexts: Next[] | null
  #controller: AbortController | null
  #bodyBytes: Promise<Uint8Array> | null
  #variables: Record<string, unknown> | null
  #requestId: string
  #path: string
  #query: string | null
  #rewritten: RewrittenTarget | null

  /** @internal */
  constructor(serving: Serving, entry: RouteEntry) {
    this.sourceBytes = sharedBytes
    this.sourceWords = sharedWords
    this.sourceAt = 0
    this.sourceDelta = 0
    this.sourceFields = 0
    this.serving = serving
    this.engine = serving.engine
    this.slot = 0
    this.generation = 0
    this.sequence = 0
    this.live = false
    this.entry = entry
    this.paramBytes = sharedBytes
    this.paramValues = null
    this.methodId = 0
    this.chain = NO_HANDLERS
    this.called = 0
    this.openNexts = 0
    this.strayError = undefined
    this.resume = null
    this.answerKind = ANSWER_NONE
    this.answerStatus = 200
    this.answerBody = null
    this.answerType = null
    this.statusSet = false
    this.dirty = false
    this.startedAt = 0
    this.startedMono = 0
    this.nextPending = null
    this.isAborted = false
    this.orphaned = false
    this.counted = false
    this.leftByClient = false
    this.parked = false
    this.isPending = false
    this.abortReason = null
    this.body = null
    this.output = null
    this.leaving = null
    this.heldStart = null
    this.buffering = 0
    this.beforeSendHooks = null
    this.releaseHooks = null
    this.rewritable = false
    this.#headers = null
    this.#nexts = null
    this.#controller = null
    this.#bodyBytes = null
    this.#variables = null
    this.#requestId = ''
    this.#path = ''
    this.#query = null
    this.#rewritten = null
  }

  /** @internal Takes over a record of the current batch. Everything else was reset by `release`. */
  begin(at: number, entry: RouteEntry, methodId: number, paramBytes: Buffer): void {
    viewRecord(this, at)
    this.slot = sharedWords[at + REQUEST_SLOT] as number
    this.generation = sharedWords[at + REQUEST_GENERATION] as number
    this.sequence = sharedWords[at + REQUEST_SEQUENCE] as number
    // Comparing is cheaper than a store of a pointer, and mostly nothing changes.
    if (this.entry !== entry) this.entry = entry
    if (this.paramBytes !== paramBytes) this.paramBytes = paramBytes
    this.methodId = methodId
    this.live = true
  }

  /** @internal Forgets the request. A pooled context is as new afterwards. */
  release(): void {
    this.live = false
    this.answerKind = ANSWER_NONE
    this.answerBody = null
    if (this.dirty) this.#reset()
  }

  #reset(): void {
    this.dirty = false
    this.called = 0
    this.answerStatus = 200
    this.answerType = null
    this.statusSet = false
    this.paramValues = null
    this.startedAt = 0
    if (this.#headers !== null) this.#headers.count = 0
    this.#path = ''
    this.#query = null
    this.#requestId = ''
    this.#bodyBytes = null
    this.#variables = null
    this.#controller = null
    this.#rewritten = null
    // Whoever still waits for the body must not wait for ever.
    if (this.body !== null) this.body.fail(new ContextReleasedError('the body'))
    this.body = null
    this.output = null
    if (this.leaving !== null) loseSocket(this.leaving, new ContextReleasedError('the socket'))
    this.leaving = null
    this.buffering = 0
    this.beforeSendHooks = null
    this.releaseHooks = null
    this.strayError = undefined
    this.isAborted = false
    this.abortReason = null
    this.rewritable = false
    const nexts = this.#nexts ?? []
    for (let index = 32; index < nexts.length; index++) nexts[index] = undefined as unknown as Next
  }

  /** @internal The answer that was about to be written is forgotten; headers that fit an error stay (C-7). */
  clearAnswer(): void {
    const { output } = this
    // Its head has left: nothing takes its place, and what is missing must show (C-8).
    if (output?.begun === true) {
      output.cut(undefined)
      return
    }
    this.output = null
    output?.drop(undefined)
    this.answerKind = ANSWER_NONE
    this.answerStatus = 200
    this.answerBody = null
    this.answerType = null
    this.statusSet = false
    this.#headers?.keep(survivesError)
  }

  /** @internal */
  get answerHeaders(): ResponseHeaders | null {
    return this.#headers
  }

  /** @internal Copies what this context reads out of the batch. */
  park(): void {
    if (this.parked) return
    this.parked = true
    this.dirty = true
    this.keepParams()
    parkRecord(this)
  }

  /** @internal Decodes the parameters, whose place is reused by the next request. */
  keepParams(): void {
    const { paramNames } = this.entry
    if (paramNames.length === 0 || this.paramValues !== null) return
    this.dirty = true
    this.paramValues = paramNames.map((_, index) => this.#paramAt(index))
  }

  /** @internal The function that runs the chain from `index`. Made once per context and index. */
  nextAt(index: number): Next {
    this.dirty = true
    this.#nexts ??= []
    let next = this.#nexts[index]
    if (next === undefined) {
      next = () => this.#callNext(index)
      this.#nexts[index] = next
    }
    return next
  }

  #callNext(index: number): void | Promise<void> {
    if (!this.live) throw new ContextReleasedError('next()')
    const bit = 1 << (index & 31)
    const nexts = this.#nexts as Next[]
    if (index < 32 ? (this.called & bit) !== 0 : nexts[index] === SPENT)
      throw new NextCalledTwiceError()
    if (index < 32) this.called |= bit
    else nexts[index] = SPENT
    let result: unknown
    try {
      result = runHandler(this as unknown as Context, index)
    } catch (error) {
      // What threw has not answered: whoever catches it may (C-6).
      this.clearAnswer()
      throw error
    }
    if (result === undefined) return
    if (!isThenable(result)) {
      if (!this.calledNext(index)) this.applyValue(result)
      return
    }
    this.openNexts++
    const settled = Promise.resolve(result).then((value) => {
      if (value !== undefined && !this.calledNext(index)) this.applyValue(value)
    })
    const closed = (): void => {
      if (--this.openNexts === 0) this.resume?.()
    }
    settled.then(closed, (error: unknown) => {
      this.strayError = error ?? new TypeError('a handler was rejected without a reason')
      this.clearAnswer()
      closed()
    })
    return settled
  }

  /** @internal Whether the handler at `index` called `next()`: then its value does not count. */
  calledNext(index: number): boolean {
    const next = index + 1
    if (next >= this.chain.length) return false
    return next < 32 ? (this.called & (1 << next)) !== 0 : this.#nexts?.[next] === SPENT
  }

  /** @internal Sends what a handler returned (C-4). */
  applyValue(value: unknown): void {
    if (this.isAborted) {
      // Nobody would read it: a source learns that at once.
      if (isStreamed(value)) bodySource(value).cancel(this.abortReason)
      else if (isResponse(value)) value.body?.cancel(this.abortReason).catch(() => undefined)
      return
    }
    if (this.answerKind !== ANSWER_NONE)
      throw new ResponseWrittenError('the value that the handler returned')
    if (typeof value === 'string') this.text(value)
    else if (value instanceof Uint8Array) this.bytes(value)
    else if (value instanceof ArrayBuffer) this.bytes(new Uint8Array(value))
    else if (isResponse(value)) answerWithResponse(this as unknown as Context, value)
    else if (isStreamed(value)) this.stream(value as StreamSource)
    else this.json(value)
  }

  #check(member: string): void {
    if (!this.live) throw new ContextReleasedError(member)
  }

  // ---- request -------------------------------------------------------------------------------------------------

  /** Method as sent; case-sensitive (RFC 9110 §9.1). */
  get method(): string {
    this.#check('c.method')
    if (this.#rewritten?.method !== undefined) return this.#rewritten.method
    const id = methodFlags(this) & 0xff
    return id === METHOD_OTHER ? methodText(this) : (METHODS[id] as string)
  }

  /** Path, each segment percent-decoded once; an encoded slash stays `%2F`. Must not be decoded again. */
  get path(): string {
    this.#check('c.path')
    if (this.#path !== '') return this.#path
    if (this.#rewritten !== null) return this.#rewritten.path
    let path: string
    if (isPlain(this)) path = rawPathText(this)
    else {
      const length = decodeSourcePath(this)
      path = length < 0 ? rawPathText(this) : pathText(decodedPath, 0, length)
    }
    this.#path = path
    this.dirty = true
    return path
  }

  /** Path as sent, up to the first `?`. */
  get rawPath(): string {
    this.#check('c.rawPath')
    return this.#rewritten?.rawPath ?? rawPathText(this)
  }

  /** Path as sent, before any `rewrite`. */
  get originalPath(): string {
    this.#check('c.originalPath')
    return rawPathText(this)
  }

  /** Pattern of the matched route; `''` for 404, 405, 501 and automatic OPTIONS. */
  get routePath(): string {
    this.#check('c.routePath')
    return this.entry.pattern
  }

  /** What follows the first `?` of the target, undecoded. */
  get rawQuery(): string {
    this.#check('c.rawQuery')
    if (this.#query === null) {
      this.dirty = true
      this.#query = rawQueryText(this)
    }
    return this.#query
  }

  /** HTTP version of the request: `'1.1'` or `'1.0'`. */
  get protocol(): '1.0' | '1.1' {
    this.#check('c.protocol')
    return ((methodFlags(this) >>> 8) & 0xff) === 0 ? '1.0' : '1.1'
  }

  /** `'http'` or `'https'`, from a trusted proxy where there is one. */
  get scheme(): 'http' | 'https' {
    this.#check('c.scheme')
    const { client, scheme } = this.serving
    return client === null ? scheme : (client.scheme(this.remoteAddress, this.#lines()) ?? scheme)
  }

  #lines(): (name: string) => string[] {
    return (name) => headerLines(this, name)
  }

  /** Authority of the request: the target's, a trusted proxy's, or the Host field; `''` when an HTTP/1.0 request has none. */
  get host(): string {
    this.#check('c.host')
    const { client } = this.serving
    const forwarded = client === null ? undefined : client.host(this.remoteAddress, this.#lines())
    if (forwarded !== undefined) return forwarded
    if ((flagsOf(this) & REQUEST_FLAG_ABSOLUTE_FORM) !== 0) return targetAuthority(this)
    return headerValue(this, 'host') ?? ''
  }

  #peer(): PeerAddress {
    const { peers } = this.serving
    const known = peers[this.slot]
    if (known !== undefined && known.generation === this.generation) return known
    const peer = this.engine.peer(this.slot, this.generation)
    if (peer === null) return { address: '', port: 0 }
    const { generation } = this
    while (peers.length <= this.slot) peers.push(undefined)
    peers[this.slot] = { address: peer.address, port: peer.port, generation }
    return peer
  }

  /** Address of the peer; `''` on a unix socket, or when it is asked for after the client has gone. */
  get remoteAddress(): string {
    this.#check('c.remoteAddress')
    return this.#peer().address
  }

  /** Port of the peer; 0 on a unix socket. */
  get remotePort(): number {
    this.#check('c.remotePort')
    return this.#peer().port
  }

  /** Address of the client: the peer, or what trusted proxies say (config `trustProxy`). */
  get clientIp(): string {
    this.#check('c.clientIp')
    const { client } = this.serving
    return client === null ? this.remoteAddress : client.address(this.remoteAddress, this.#lines())
  }

  /** Id of the request: a trusted peer's `x-request-id`, else made on first read. Not sent unless you do. */
  get requestId(): string {
    this.#check('c.requestId')
    if (this.#requestId === '') {
      this.dirty = true
      const { client } = this.serving
      this.#requestId =
        client?.requestId(this.remoteAddress, this.#lines()) ?? crypto().randomUUID()
    }
    return this.#requestId
  }

  /** When the head had arrived, epoch milliseconds. */
  get startTime(): number {
    this.#check('c.startTime')
    return this.startedAt === 0 ? batchTime() : this.startedAt
  }

  /**
   * Fires when the client leaves, never after a successful answer. Made on first read.
   * The reason is a CelerisError: `CELERIS_CLIENT_HALF_CLOSED` (answers still reach it), `CELERIS_CLIENT_ABORTED`,
   * `CELERIS_SERVER_CUT`.
   */
  get signal(): AbortSignal {
    this.#check('c.signal')
    if (this.#controller === null) {
      this.dirty = true
      this.#controller = new AbortController()
      if (this.abortReason !== null) this.#controller.abort(this.abortReason)
    }
    return this.#controller.signal
  }

  /** @internal The client has left, in part or for good. */
  abort(reason: CelerisError, gone: boolean): void {
    this.dirty = true
    if (gone) this.isAborted = true
    this.abortReason ??= reason
    this.#controller?.abort(reason)
    if (!gone) return
    this.body?.fail(reason)
    if (this.leaving !== null) loseSocket(this.leaving, reason)
    this.output?.drop(reason)
  }

  /** @internal */
  get isDetached(): boolean {
    return this.leaving?.detached === true
  }

  /** Whether the client has gone for good: answers are dropped. */
  get aborted(): boolean {
    this.#check('c.aborted')
    return this.isAborted
  }

  /** Whether an answer stands. */
  get written(): boolean {
    this.#check('c.written')
    return this.answerKind !== ANSWER_NONE
  }

  /**
   * Changes what is routed. Only in `pre()` middleware.
   * @param target `path` is a raw path, checked like one from the wire.
   * @throws ServerStateError `CELERIS_REWRITE_TOO_LATE` elsewhere.
   */
  rewrite(target: { method?: string; path?: string; query?: string }): void {
    this.#check('c.rewrite()')
    if (!this.rewritable) {
      throw new ServerStateError(
        'CELERIS_REWRITE_TOO_LATE',
        'c.rewrite() works in pre() middleware only: routing is done by now',
      )
    }
    this.dirty = true
    const rawPath = target.path ?? this.rawPath
    const raw = Buffer.from(rawPath, 'latin1')
    const length =
      raw.length > decodedPath.length ? -1 : decodePath(raw, 0, raw.length, decodedPath)
    if (length < 0)
      throw new BadRequestError('c.rewrite(): the path is malformed', {
        code: 'CELERIS_INVALID_PATH',
      })
    this.#rewritten = {
      method: target.method ?? this.method,
      rawPath,
      path: pathText(decodedPath, 0, length),
    }
    if (target.query !== undefined) this.#query = target.query
    this.#path = ''
  }

  /** @internal */
  get rewritten(): RewrittenTarget | null {
    return this.#rewritten
  }

  // ---- reading -------------------------------------------------------------------------------------------------

  #paramAt(index: number): string {
    const { paramNames, wildcard } = this.entry
    const start = matchedParams[index * 2] as number
    const end = matchedParams[index * 2 + 1] as number
    return wildcard && index === paramNames.length - 1
      ? pathText(this.paramBytes, start, end)
      : paramText(this.paramBytes, start, end)
  }

  /** Value of a path parameter, decoded; undefined when the route has none of that name. */
  param<N extends ParamNames<P>>(name: N): ParamValue<P, N> {
    this.#check('c.param()')
    const names = this.entry.paramNames
    for (let index = 0; index < names.length; index++) {
      if (names[index] !== name) continue
      return (
        this.paramValues === null ? this.#paramAt(index) : this.paramValues[index]
      ) as ParamValue<P, N>
    }
    return undefined as ParamValue<P, N>
  }

  /** All path parameters, as an object without prototype. */
  get params(): { readonly [name: string]: string | undefined } {
    this.#check('c.params')
    const params = Object.create(null) as Record<string, string>
    this.entry.paramNames.forEach((name, index) => {
      params[name] =
        this.paramValues === null ? this.#paramAt(index) : (this.paramValues[index] as string)
    })
    return params
  }

  /** First value of a query parameter (WHATWG form rules); undefined when absent. */
  query(name: string): string | undefined {
    return queryFirst(this.rawQuery, name)
  }

  /** All values of a query parameter. */
  queryAll(name: string): string[] {
    return queryAll(this.rawQuery, name)
  }

  /** The whole query. */
  queryParams(): URLSearchParams {
    return decodeQuery(this.rawQuery)
  }

  /** Value of a header field, whatever its case; repeats joined with `, ` (http1.md FLD-5); undefined when absent. */
  header(name: string): string | undefined {
    this.#check('c.header()')
    return headerValue(this, name)
  }

  /** All header fields as a web `Headers`. */
  headers(): Headers {
    this.#check('c.headers()')
    const headers = new Headers()
    for (let index = 0; index < fieldCount(this); index++)
      headers.append(fieldName(this, index), fieldValue(this, index))
    return headers
  }

  /** Names and values alternating, in order and case as sent. */
  get rawHeaders(): string[] {
    this.#check('c.rawHeaders')
    const lines: string[] = []
    for (let index = 0; index < fieldCount(this); index++)
      lines.push(fieldName(this, index), fieldValue(this, index))
    return lines
  }

  /** Value of a cookie; undefined when absent. */
  cookie(name: string): string | undefined {
    return this.cookies()[name]
  }

  /** All cookies, as an object without prototype. */
  cookies(): Record<string, string | undefined> {
    this.#check('c.cookies()')
    return parseCookies(headerValue(this, 'cookie') ?? '')
  }

  /** Announced length of the body, bytes; undefined when there is none or it is chunked. */
  get contentLength(): number | undefined {
    this.#check('c.contentLength')
    const value = headerValue(this, 'content-length')
    return value === undefined ? undefined : Number(value)
  }

  // ---- body ----------------------------------------------------------------------------------------------------

  /** @internal Whether the body follows in events. */
  get bodyFollows(): boolean {
    return this.sourceWords[this.sourceAt + REQUEST_BODY_LENGTH] === -1
  }

  /** @internal The body, which may follow in events. */
  requestBody(): RequestBody {
    this.dirty = true
    if (this.body !== null) return this.body
    this.body = this.bodyFollows ? new RequestBody(this) : RequestBody.of(this, inlineBody(this))
    // The engine has nothing more to tell of a connection that is gone.
    if (this.isAborted) this.body.fail(this.abortReason)
    return this.body
  }

  /**
   * The body, a copy. May be read repeatedly and mixed with the other readers.
   * @throws PayloadTooLargeError above `limit` or `maxRequestBodySize`; BodyUsedError after `bodyStream()`.
   */
  async bodyBytes(options?: BodyOptions): Promise<Uint8Array> {
    this.#check('c.bodyBytes()')
    this.dirty = true
    const limit = options?.limit ?? Number.POSITIVE_INFINITY
    // Known to be too large: not read, and still there for a reader that takes it.
    if ((this.contentLength ?? 0) > limit) throw tooLarge(limit)
    if (this.#bodyBytes === null) {
      if (this.body?.taken === true) throw new BodyUsedError('reading the body')
      this.#bodyBytes =
        this.body === null && !this.bodyFollows
          ? Promise.resolve(inlineBody(this))
          : this.requestBody().collect(limit)
    }
    const body = await this.#bodyBytes
    if (body.length > limit) throw tooLarge(limit)
    return body
  }

  /**
   * The body as it comes, with backpressure to the socket: at most 256 KiB wait unread (BP-2). Takes the body:
   * other readers fail afterwards. A stream that is not read to its end is left to the closing rules of http1.md.
   * It errors with PayloadTooLargeError, RequestTimeoutError or BadRequestError when the body fails.
   * @throws BodyUsedError when the body was read, or taken, before.
   */
  bodyStream(): ReadableStream<Uint8Array> {
    this.#check('c.bodyStream()')
    if (this.#bodyBytes !== null || this.body?.taken === true)
      throw new BodyUsedError('c.bodyStream()')
    return this.requestBody().stream()
  }

  /**
   * Reads a part of the request and checks it with a schema (zod, valibot, arktype: any Standard Schema v1).
   * @param from what to check; the body by its content-type unless given: a form, else JSON. Query, headers, form and
   * cookies are objects of strings; a repeated name has an array.
   * @returns what the schema makes of it.
   * @throws ValidationError (400) with `issues`; and what reading the body throws.
   */
  async validate<Output>(schema: StandardSchema<Output>, from?: ValidationSource): Promise<Output> {
    this.#check('c.validate()')
    return await validate(this as unknown as Context, schema, from)
  }

  /** The body as text: UTF-8, or the charset of its content-type (us-ascii, iso-8859-1; others are 415). */
  async bodyText(options?: BodyOptions): Promise<string> {
    this.#check('c.bodyText()')
    refuseCoding(headerValue(this, 'content-encoding'))
    const type = headerValue(this, 'content-type')
    return bodyText(await this.bodyBytes(options), type)
  }

  /**
   * The body as JSON.
   * @param options `anyType: true` accepts other content-types than `application/json` and `+json`.
   * @throws UnsupportedMediaTypeError for another content-type, BadRequestError `CELERIS_EMPTY_BODY`, `CELERIS_INVALID_JSON`.
   */
  async bodyJson<T = unknown>(options?: BodyOptions & { anyType?: boolean }): Promise<T> {
    this.#check('c.bodyJson()')
    refuseCoding(headerValue(this, 'content-encoding'))
    const type = headerValue(this, 'content-type')
    return bodyJson(await this.bodyBytes(options), type, options?.anyType === true) as T
  }

  // ---- answering -----------------------------------------------------------------------------------------------

  #answer(
    member: string,
    kind: number,
    body: string | Uint8Array | null,
    status: number | undefined,
  ): false | undefined {
    if (!this.live) throw new ContextReleasedError(member)
    // Nobody would read it.
    if (this.orphaned || this.isAborted) return false
    if (this.answerKind !== ANSWER_NONE) throw new ResponseWrittenError(member)
    if (status !== undefined) this.status(status)
    this.answerKind = kind
    this.answerBody = body
    return undefined
  }

  /** Whether the head is out: what would change it does nothing any more. */
  #headOut(member: string): boolean {
    if (this.output?.begun !== true) return false
    if (this.serving.development)
      this.serving.logger.warn(
        { route: this.entry.pattern },
        `${member} came after the head of a streamed answer was sent, and does nothing`,
      )
    return true
  }

  /**
   * Sets the status of the answer; an argument of the answering method wins.
   * @throws RangeError unless an integer from 200 to 599.
   */
  status(status: number): this {
    this.#check('c.status()')
    if (!(status >= 200 && status <= 599 && Number.isInteger(status))) {
      throw new RangeError(`status ${String(status)}: an answer has an integer from 200 to 599`)
    }
    if (this.#headOut('c.status()')) return this
    this.dirty = true
    this.answerStatus = status
    this.statusSet = true
    return this
  }

  /**
   * Sets a header of the answer, replacing earlier lines of that name; an array makes several lines.
   * @throws InvalidHeaderError when name or value cannot stand in a header, or the name is the server's own (RES-5, RES-7).
   */
  setHeader(name: string, value: string | number | readonly string[]): this {
    this.#check('c.setHeader()')
    if (typeof value === 'object') {
      const lower = checkHeader(name, '')
      for (const line of value) checkHeader(name, line)
      this.#headers?.delete(lower)
      for (const line of value) this.appendHeader(name, line)
      return this
    }
    const text = typeof value === 'string' ? value : String(value)
    const lower = checkHeader(name, text)
    if (lower === '' || this.#headOut('c.setHeader()')) return this
    this.dirty = true
    this.#headers ??= new ResponseHeaders()
    this.#headers.set(lower, text)
    return this
  }

  /** Adds a header line. Lines of one name, `set-cookie` apart, are joined into one (RFC 9110 §5.3). */
  appendHeader(name: string, value: string | number): this {
    this.#check('c.appendHeader()')
    const text = typeof value === 'string' ? value : String(value)
    const lower = checkHeader(name, text)
    if (lower === '' || this.#headOut('c.appendHeader()')) return this
    this.dirty = true
    this.#headers ??= new ResponseHeaders()
    const headers = this.#headers
    const index = lower === 'set-cookie' ? -1 : headers.find(lower)
    if (index < 0) headers.append(lower, text)
    else if (lower === 'content-length' || lower === 'content-type')
      checkHeader(name, `${headers.value(index)}\0`)
    else headers.replace(index, `${headers.value(index)}, ${text}`)
    return this
  }

  /** @internal The lines of the answer, made when there are none yet. */
  responseHeaders(): ResponseHeaders {
    this.#check('the headers of the answer')
    this.dirty = true
    this.#headers ??= new ResponseHeaders()
    return this.#headers
  }

  /** Removes a header of the answer. */
  deleteHeader(name: string): this {
    this.#check('c.deleteHeader()')
    this.#headers?.delete(name.toLowerCase())
    return this
  }

  /** Value of a header of the answer as set so far; the first line of several. */
  responseHeader(name: string): string | undefined {
    this.#check('c.responseHeader()')
    const index = this.#headers?.find(name.toLowerCase()) ?? -1
    return index < 0 ? undefined : (this.#headers as ResponseHeaders).value(index)
  }

  /** Status of the answer as it stands. */
  get responseStatus(): number {
    this.#check('c.responseStatus')
    return this.answerStatus
  }

  /**
   * Answers with text, `text/plain; charset=utf-8` unless a content-type was set. Like all answers it gives false, and
   * does nothing, when the client has gone.
   */
  text(body: string, status?: number): false | undefined {
    if (typeof body !== 'string') throw notText('c.text()', body)
    return this.#answer('c.text()', ANSWER_TEXT, body, status)
  }

  /** Answers with HTML. */
  html(body: string, status?: number): false | undefined {
    if (typeof body !== 'string') throw notText('c.html()', body)
    return this.#answer('c.html()', ANSWER_HTML, body, status)
  }

  /**
   * Answers with JSON, exactly as `JSON.stringify` writes it.
   * @throws TypeError for what JSON cannot say: undefined, functions, cycles, BigInt. Nothing is written then.
   */
  json(value: unknown, status?: number): false | undefined {
    const body: string | undefined = JSON.stringify(value)
    if (body === undefined)
      throw new TypeError(
        `c.json(): ${typeof value} has no JSON form; answer with a value that has`,
      )
    return this.#answer('c.json()', ANSWER_JSON, body, status)
  }

  /** Answers with bytes, `application/octet-stream` unless said otherwise. They must not change until the answer has left. */
  bytes(data: Uint8Array, contentType?: string, status?: number): false | undefined {
    if (!(data instanceof Uint8Array)) {
      throw new TypeError(`c.bytes(): ${typeof data} is no Uint8Array; wrap an ArrayBuffer in one`)
    }
    if (contentType !== undefined) checkHeader('content-type', contentType)
    const given = this.#answer('c.bytes()', ANSWER_BYTES, data, status)
    if (contentType === undefined || given === false) return given
    this.#headers?.delete('content-type')
    this.dirty = true
    this.answerType = contentType
    return given
  }

  /**
   * Answers with a stream: a web stream, a Node stream, or an iterable of strings and bytes. It is pulled while the
   * connection has room, one chunk ahead, and cancelled once when the client leaves. The head leaves with the first
   * chunk, an empty one included; a source that fails before is an ordinary error, one that fails later cuts the
   * connection, so that the answer cannot look complete. Chunked, unless a content-length was set (then exactly that
   * many bytes must come) or the client speaks HTTP/1.0.
   * @throws TypeError for what is none of these; ResponseWrittenError for a second answer.
   */
  stream(source: StreamSource, options?: StreamOptions): false | undefined {
    const body = bodySource(source)
    try {
      const given = this.#openParts('c.stream()', body, options)
      if (given === false) body.cancel(this.abortReason)
      return given
    } catch (error) {
      body.cancel(error)
      throw error
    }
  }

  /**
   * Answers piece by piece: the head leaves with the first `write()`. The context stays valid until `end()`, also
   * when the handler has settled.
   */
  writer(options?: StreamOptions): ResponseWriter {
    if (this.#openParts('c.writer()', null, options) !== false && this.output !== null)
      return new ResponseWriter(this.output)
    // The client has gone: every write gives false.
    const ended = new ResponseStream(this as unknown as Context, null)
    ended.drop(this.abortReason)
    return new ResponseWriter(ended)
  }

  #openParts(
    member: string,
    source: BodySource | null,
    options: StreamOptions | undefined,
  ): false | undefined {
    const type = options?.contentType
    if (type !== undefined) checkHeader('content-type', type)
    const given = this.#answer(member, ANSWER_STREAM, null, options?.status)
    if (given === false) return false
    this.dirty = true
    if (type !== undefined) {
      this.#headers?.delete('content-type')
      this.answerType = type
    }
    this.output = new ResponseStream(this as unknown as Context, source)
    return undefined
  }

  /**
   * Sends 103 Early Hints in front of the answer (RFC 8297), as often as wanted; it changes nothing on the answer.
   * @returns false, and does nothing, for an HTTP/1.0 client, after the head, or when the client has gone.
   * @throws InvalidHeaderError as `setHeader` does.
   */
  earlyHints(headers: HintHeaders): boolean {
    this.#check('c.earlyHints()')
    if (this.orphaned || this.isAborted || this.output?.begun === true) return false
    if (this.protocol === '1.0' || this.leaving?.socket != null) return false
    writeEarlyHints(this, headers)
    return true
  }

  /** Bytes of the body so far: of a streamed answer those taken from its producer, of a buffered one all. */
  get bytesWritten(): number {
    this.#check('c.bytesWritten')
    if (this.output !== null) return this.output.bytesWritten
    const body = this.answerBody
    return body === null ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.length
  }

  /** Answers without a body. */
  noContent(status = 204): false | undefined {
    return this.#answer('c.noContent()', ANSWER_EMPTY, null, status)
  }

  /**
   * Redirects. The location is percent-encoded where needed; it is not checked for open redirects.
   * @throws RangeError unless the status is 301, 302, 303, 307 or 308.
   */
  redirect(url: string, status = 302): false | undefined {
    if (!REDIRECTS.has(status))
      throw new RangeError(`redirect status ${status}: use 301, 302, 303, 307 or 308`)
    checkHeader('location', url.replace(/[^\0-\xff]/g, '?'))
    if (this.#answer('c.redirect()', ANSWER_EMPTY, null, status) === false) return false
    const encoded = url.replace(/[^\x21-\x7e]|%(?![0-9a-f]{2})/giu, (text) =>
      encodeURIComponent(/^[\ud800-\udfff]$/.test(text) ? '\ufffd' : text),
    )
    this.setHeader('location', encoded)
    return undefined
  }

  /** Answers in the type the client prefers: JSON, or plain text for strings; adds `vary: accept`. */
  respond(value: unknown, status?: number): false | undefined {
    this.#check('c.respond()')
    this.vary('accept')
    if (
      typeof value === 'string' &&
      this.accepts('application/json', 'text/plain') === 'text/plain'
    )
      return this.text(value, status)
    return this.json(value, status)
  }

  /** Names a request header the answer depends on; merges with what `vary` says so far. */
  vary(name: string): this {
    const current = this.responseHeader('vary')
    if (current === undefined) return this.setHeader('vary', name)
    const listed = current
      .split(',')
      .some((entry) => entry.trim().toLowerCase() === name.toLowerCase() || entry.trim() === '*')
    return listed ? this : this.setHeader('vary', `${current}, ${name}`)
  }

  // ---- transforming -------------------------------------------------------------------------------------------

  /**
   * For middleware that transforms answers: those behind it can be seen in `responseBody`, and replaced after
   * `discardResponse()`, until `flushResponse()` was called as often as this. Streams are not held: pass them on.
   */
  bufferResponse(): this {
    this.#check('c.bufferResponse()')
    this.dirty = true
    this.buffering++
    return this
  }

  /** Body of the answer as it stands; null when there is none yet, or it is a stream. */
  get responseBody(): string | Uint8Array | null {
    this.#check('c.responseBody')
    return this.answerBody
  }

  /** Ends one `bufferResponse()`; with the last one the answer stands. What is left at the end of the chain is flushed. */
  flushResponse(): this {
    this.#check('c.flushResponse()')
    if (this.buffering > 0) this.buffering--
    return this
  }

  /**
   * Forgets a held answer: another one may be given, with the same status unless it says otherwise.
   * @returns false, and does nothing, when nothing is held: outside `bufferResponse()`, or for a stream.
   */
  discardResponse(): boolean {
    this.#check('c.discardResponse()')
    if (this.buffering === 0 || this.output !== null || this.answerKind === ANSWER_NONE)
      return false
    this.answerKind = ANSWER_NONE
    this.answerBody = null
    this.answerType = null
    // The length was that of the body before.
    this.#headers?.delete('content-length')
    return true
  }

  // ---- leaving HTTP -------------------------------------------------------------------------------------------

  /**
   * Keeps the context, and the request open, until `done()`: for answers that come from elsewhere, after the handler
   * has settled. A client that half-closes counts as gone then.
   */
  detach(): Detached {
    this.#check('c.detach()')
    return detach(this as unknown as Context)
  }

  /**
   * Takes the socket away from HTTP, for a WebSocket say. Settles when all earlier answers have left. What the client
   * sent behind the request comes first, unparsed; what is written goes out as it is, so a 101 is the caller's to
   * send. From then on the server only counts the socket, and ends it when it closes.
   * @throws CelerisError `CELERIS_HIJACK_UNSUPPORTED` where there is no socket to take: in `request()`, or when
   * requests were pipelined behind this one, or when its body was not read. ServiceUnavailableError while the server
   * closes. ResponseWrittenError after an answer.
   */
  hijack(): Promise<Duplex> {
    this.#check('c.hijack()')
    return hijack(this as unknown as Context)
  }

  // ---- cookies, negotiation ------------------------------------------------------------------------------------

  /**
   * Sets a cookie; the same name, domain and path again replaces the earlier line.
   * @throws InvalidCookieError for what browsers would drop in silence (RFC 6265bis).
   */
  setCookie(name: string, value: string, options?: CookieOptions): this {
    this.#check('c.setCookie()')
    return this.#putCookie(serializeCookie(name, value, options))
  }

  /** Tells the client to forget a cookie. */
  deleteCookie(name: string, options?: CookieOptions): this {
    this.#check('c.deleteCookie()')
    return this.#putCookie(serializeDeletion(name, options))
  }

  #putCookie(line: string): this {
    const identity = cookieIdentity(line)
    const headers = this.#headers
    for (let index = 0; headers !== null && index < headers.count; index++) {
      if (headers.name(index) !== 'set-cookie' || cookieIdentity(headers.value(index)) !== identity)
        continue
      headers.replace(index, line)
      return this
    }
    return this.appendHeader('set-cookie', line)
  }

  /** The offered media type the client prefers; undefined when it accepts none (RFC 9110 §12.5.1). */
  accepts(...types: string[]): string | undefined {
    return acceptedTypes(this.header('accept'), types)
  }

  /** The offered content coding the client prefers; undefined when it accepts none. */
  acceptsEncodings(...encodings: string[]): string | undefined {
    return acceptedEncodings(this.header('accept-encoding'), encodings)
  }

  /** The offered language the client prefers; undefined when it accepts none. */
  acceptsLanguages(...languages: string[]): string | undefined {
    return acceptedLanguages(this.header('accept-language'), languages)
  }

  // ---- state, hooks --------------------------------------------------------------------------------------------

  /** Values that middleware keeps for this request. */
  get var(): Variables<E> {
    this.#check('c.var')
    this.dirty = true
    this.#variables ??= Object.create(null) as Record<string, unknown>
    return this.#variables as Variables<E>
  }

  set<K extends keyof Variables<E> & string>(key: K, value: Variables<E>[K]): void {
    ;(this.var as Record<string, unknown>)[key] = value
  }

  get<K extends keyof Variables<E> & string>(key: K): Variables<E>[K] {
    return (this.var as Record<string, unknown>)[key] as Variables<E>[K]
  }

  /**
   * Runs `hook` once, just before the head is written, in registration order; it may change status and headers.
   * Runs for error and automatic answers too. The head of a streamed answer waits for a promise; for buffered
   * answers it must be synchronous, as asynchronous work belongs behind `next()`.
   */
  beforeSend(hook: (c: Context<E, P>) => void | Promise<void>): void {
    this.#check('c.beforeSend()')
    this.dirty = true
    this.beforeSendHooks ??= []
    this.beforeSendHooks.push(hook as (c: Context) => void | Promise<void>)
  }

  /** Runs `hook` after the answer was handed over or the request was aborted, last first. Errors are logged. */
  onRelease(hook: () => void): void {
    this.#check('c.onRelease()')
    this.dirty = true
    this.releaseHooks ??= []
    this.releaseHooks.push(hook)
  }
}

/** What `rewrite` has put in the place of the target. */
export interface RewrittenTarget {
  readonly method: string
  readonly rawPath: string
  readonly path: string
}

/** A mistake of the program, told before anything is stored. */
function notText(member: string, value: unknown): TypeError {
  return new TypeError(
    `${member}: ${value === null ? 'null' : typeof value} is no string; convert it, or use c.json()`,
  )
}

const SPENT: Next = () => {}

function tooLarge(limit: number): PayloadTooLargeError {
  return new PayloadTooLargeError(`the request body is larger than ${limit} bytes`)
}

function isResponse(value: unknown): value is Response {
  return typeof value === 'object' && value !== null && tagOf(value) === 'Response'
}

/** Header lines that still fit when an error takes the place of the answer (C-7). */
function survivesError(name: string): boolean {
  return (
    !name.startsWith('content-') &&
    name !== 'etag' &&
    name !== 'last-modified' &&
    name !== 'accept-ranges' &&
    name !== 'cache-control'
  )
}

function cookieIdentity(line: string): string {
  const parts = line.split(';')
  const attribute = (name: string): string =>
    parts
      .find((part) => part.trim().toLowerCase().startsWith(`${name}=`))
      ?.trim()
      .toLowerCase() ?? ''
  return `${parts[0]?.split('=', 1)[0]};${attribute('domain')};${attribute('path')}`
}
