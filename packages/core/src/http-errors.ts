import { brand, CelerisError } from '@celeris/engine'
import { errorPhrase } from './status-text.ts'

/** What an `HttpError` carries besides status and message. */
export interface HttpErrorOptions {
  /** What went wrong underneath; logged for a 5xx, never sent. */
  readonly cause?: unknown
  /**
   * Stable code for programs, sent as `error.code`.
   * @defaultValue `CELERIS_` and the name of the status, `CELERIS_CONFLICT` for 409
   */
  readonly code?: string | undefined
  /** Header lines of the answer; they win over those set before (an array makes several lines). */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined
  /**
   * Whether code and message are sent to the client.
   * @defaultValue true below 500
   */
  readonly expose?: boolean | undefined
}

/** Codes that are not simply the phrase of the status. */
const CODES: Readonly<Record<number, string>> = {
  413: 'CELERIS_PAYLOAD_TOO_LARGE',
  500: 'CELERIS_INTERNAL',
}

function codeOf(status: number): string {
  return (
    CODES[status] ??
    `CELERIS_${errorPhrase(status)
      .toUpperCase()
      .replace(/[^A-Z]+/g, '_')}`
  )
}

/**
 * Ends the request with a status when thrown: `{"error":{"code","message"}}` where the client
 * accepts JSON, else plain text. A 5xx is logged with its cause and shows neither code nor message
 * unless `expose` is set.
 * @throws RangeError unless `status` is an integer from 400 to 599.
 * @example throw new HttpError(409, 'this name is taken', { code: 'NAME_TAKEN' })
 */
export class HttpError extends CelerisError {
  /** Status of the answer, 400 to 599. */
  readonly status: number
  /** Header lines of the answer. */
  readonly headers: Readonly<Record<string, string | readonly string[]>> | undefined
  /** Whether code and message are sent. */
  readonly expose: boolean
  constructor(status: number, message?: string, options: HttpErrorOptions = {}) {
    super(
      options.code ?? codeOf(status),
      message ?? errorPhrase(status),
      'cause' in options ? { cause: options.cause } : undefined,
    )
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(
        `an HttpError has a status from 400 to 599, not ${status}; send other answers with c.status()`,
      )
    }
    this.status = status
    this.headers = options.headers
    this.expose = options.expose ?? status < 500
  }
}
brand(HttpError, 'HttpError')

/** 400: the request cannot be read (RFC 9110 §15.5.1). Code `CELERIS_BAD_REQUEST` or a narrower one. */
export class BadRequestError extends HttpError {
  constructor(message?: string, options?: HttpErrorOptions) {
    super(400, message, options)
  }
}
brand(BadRequestError, 'BadRequestError')

/** One thing that is wrong with the data of a request. */
export interface ValidationIssue {
  /** Where: property names and indexes from the root; empty for the whole value. */
  readonly path: readonly PropertyKey[]
  /** What, as the schema says it; sent to the client. */
  readonly message: string
}

/** 400: the data does not fit the schema given to `c.validate()`. Code `CELERIS_VALIDATION`. */
export class ValidationError extends BadRequestError {
  /** Everything the schema found, in its order. */
  readonly issues: readonly ValidationIssue[]
  constructor(issues: readonly ValidationIssue[], message?: string, options?: HttpErrorOptions) {
    super(message ?? 'the request does not have the expected shape', {
      code: 'CELERIS_VALIDATION',
      ...options,
    })
    this.issues = issues
  }
}
brand(ValidationError, 'ValidationError')

/**
 * 401: who is asking is not known (RFC 9110 §15.5.2). Every failed authentication is one, so a
 * single `onError` branch serves them all. Give `headers: { 'www-authenticate': … }`.
 */
export class UnauthorizedError extends HttpError {
  constructor(message?: string, options?: HttpErrorOptions) {
    super(401, message, options)
  }
}
brand(UnauthorizedError, 'UnauthorizedError')

/** 403: known, and not allowed (RFC 9110 §15.5.4). */
export class ForbiddenError extends HttpError {
  constructor(message?: string, options?: HttpErrorOptions) {
    super(403, message, options)
  }
}
brand(ForbiddenError, 'ForbiddenError')

/** 404: nothing here (RFC 9110 §15.5.5). */
export class NotFoundError extends HttpError {
  constructor(message?: string, options?: HttpErrorOptions) {
    super(404, message, options)
  }
}
brand(NotFoundError, 'NotFoundError')

/** 405: the path has other methods; sends them as `allow` (RFC 9110 §15.5.6). */
export class MethodNotAllowedError extends HttpError {
  /** Methods the path has, upper case, sorted. */
  readonly allowed: readonly string[]
  constructor(allowed: readonly string[], message?: string, options?: HttpErrorOptions) {
    const methods = [...new Set(allowed)].sort()
    super(405, message, { ...options, headers: { allow: methods.join(', '), ...options?.headers } })
    this.allowed = methods
  }
}
brand(MethodNotAllowedError, 'MethodNotAllowedError')

/** 408: the body did not arrive in time (RFC 9110 §15.5.9). */
export class RequestTimeoutError extends HttpError {
  constructor(message?: string, options?: HttpErrorOptions) {
    super(408, message, options)
  }
}
brand(RequestTimeoutError, 'RequestTimeoutError')

/** 413: the body is larger than `maxRequestBodySize` or the reader's `limit` (RFC 9110 §15.5.14). */
export class PayloadTooLargeError extends HttpError {
  constructor(message?: string, options?: HttpErrorOptions) {
    super(413, message, options)
  }
}
brand(PayloadTooLargeError, 'PayloadTooLargeError')

/** 415: the body has a type or coding the reader does not take (RFC 9110 §15.5.16). */
export class UnsupportedMediaTypeError extends HttpError {
  constructor(message?: string, options?: HttpErrorOptions) {
    super(415, message, options)
  }
}
brand(UnsupportedMediaTypeError, 'UnsupportedMediaTypeError')

/** Options of errors that ask the client to come back. */
export interface RetryOptions extends HttpErrorOptions {
  /** Milliseconds until a retry makes sense; sent as `retry-after` in whole seconds, rounded up. */
  readonly retryAfterMs?: number | undefined
}

function withRetryAfter(options: RetryOptions | undefined): HttpErrorOptions | undefined {
  const ms = options?.retryAfterMs
  if (ms === undefined) return options
  if (!(ms >= 0 && Number.isFinite(ms))) {
    throw new RangeError(`retryAfterMs is a number of milliseconds from 0, not ${ms}`)
  }
  return {
    ...options,
    headers: { 'retry-after': String(Math.ceil(ms / 1000)), ...options?.headers },
  }
}

/**
 * Load shedding throws these by the thousand, so they take no stack. The limit is left alone where
 * intrinsics are frozen.
 */
function suspendStackTraces(): number | undefined {
  const limit = Error.stackTraceLimit
  if (Object.isFrozen(Error)) return undefined
  Error.stackTraceLimit = 0
  return limit
}

function resumeStackTraces(limit: number | undefined): void {
  if (limit !== undefined) Error.stackTraceLimit = limit
}

/** 429: the client asks too often (RFC 6585 §4). Has no stack, so that throwing it stays cheap. */
export class TooManyRequestsError extends HttpError {
  /** Milliseconds until a retry makes sense, if known. */
  readonly retryAfterMs: number | undefined
  constructor(message?: string, options?: RetryOptions) {
    const resolved = withRetryAfter(options)
    const limit = suspendStackTraces()
    super(429, message, resolved)
    resumeStackTraces(limit)
    this.retryAfterMs = options?.retryAfterMs
  }
}
brand(TooManyRequestsError, 'TooManyRequestsError')

/** 503: not now (RFC 9110 §15.6.4). Has no stack, so that throwing it stays cheap. */
export class ServiceUnavailableError extends HttpError {
  /** Milliseconds until a retry makes sense, if known. */
  readonly retryAfterMs: number | undefined
  constructor(message?: string, options?: RetryOptions) {
    const resolved = withRetryAfter(options)
    const limit = suspendStackTraces()
    super(503, message, resolved)
    resumeStackTraces(limit)
    this.retryAfterMs = options?.retryAfterMs
  }
}
brand(ServiceUnavailableError, 'ServiceUnavailableError')
