/** Bytes as latin1 text, or such a text and how often it is repeated. */
export type RequestCasePart = string | readonly [text: string, count: number]

/** Flags of a request record without their prefix (REQUEST_FLAG_CLOSE, …). */
export type RequestCaseFlag =
  | 'CLOSE'
  | 'BODY_COMPLETE'
  | 'CHUNKED'
  | 'EXPECT_CONTINUE'
  | 'UPGRADE'
  | 'KEEP_ALIVE_1_0'
  | 'PATH_PLAIN'
  | 'ABSOLUTE_FORM'

/** What a request that is served looks like. Texts are latin1. */
export interface AcceptedRequest {
  readonly method: string
  readonly target: string
  /** Path as in the record: empty in absolute-form without one. */
  readonly path: string
  readonly minor: 0 | 1
  /** The body, decoded. */
  readonly body: string
  /** Whether the connection lives on behind the answer. */
  readonly persists: boolean
  /** All field lines in order, where the case is about them. */
  readonly fields?: readonly (readonly [name: string, value: string])[]
  /** The flags the parser sets, where the case is about them. */
  readonly flags?: readonly RequestCaseFlag[]
}

/** One request and what every engine must make of it. */
export interface RequestCase {
  /** Rule of docs/internals/http1.md and what is special; unique, ASCII. */
  readonly name: string
  readonly bytes: readonly RequestCasePart[]
  /** Set unless the request is refused. */
  readonly accepted?: AcceptedRequest
  /** Set unless the request is accepted. `nodeStatuses`: what `node:http` may answer with. */
  readonly refused?: { readonly status: number; readonly nodeStatuses: readonly number[] }
  /** Bytes after which a parser must have refused, where the case states it. */
  readonly decidedAt?: number
  /** Why `node:http` may behave differently altogether. */
  readonly nativeOnly?: string
  /** One of many rows that differ in one byte: no seed for the fuzzers, and sent in fewer ways. */
  readonly sweep?: true
}

/** Limits the cases are written for: the defaults. */
export declare const requestLimits: {
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
  readonly maxRequestBodySize: number
}

/** What is sent behind every case. Some refusals are decided by its first bytes. */
export declare const probeRequest: string

/** The bytes of a case as latin1 text. */
export declare function requestText(requestCase: Pick<RequestCase, 'bytes'>): string

/** All cases in the order of their rules. */
export declare const requestCases: readonly RequestCase[]
