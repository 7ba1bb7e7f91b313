import { brand, CelerisError } from '@celeris/engine'

/** One mistake in a configuration. */
export interface ConfigProblem {
  /** Where: `'port'`, `'trustProxy.proxies[1]'`. */
  readonly path: string
  /** What is wrong and what is right. */
  readonly message: string
  /** The value as given. */
  readonly value: unknown
}

/** The configuration has mistakes; all of them are in `problems` (`CELERIS_CONFIG`). */
export class ConfigError extends CelerisError {
  /** Every mistake, in the order of the table of options, unknown names last. */
  readonly problems: readonly ConfigProblem[]
  constructor(problems: readonly ConfigProblem[], subject = 'configuration of the server') {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
    const lines = problems.map(({ path, message }) => `\n  - ${path}: ${message}`)
    super('CELERIS_CONFIG', `${subject}: ${count}${lines.join('')}`)
    this.problems = problems
  }
}
brand(ConfigError, 'ConfigError')

/**
 * A route cannot be registered (`CELERIS_ROUTE_PATTERN`, `CELERIS_ROUTE_HANDLER`), or no URL can be
 * made for it (`CELERIS_ROUTE_NOT_FOUND`, `CELERIS_URL_PARAM`).
 */
export class RouteError extends CelerisError {
  /** The pattern as written, where there is one. */
  readonly pattern: string | undefined
  /** Index of the offending character in `pattern`, where one can be named. */
  readonly position: number | undefined
  constructor(
    code: string,
    message: string,
    where: {
      readonly pattern?: string | undefined
      readonly position?: number | undefined
      readonly cause?: unknown
    } = {},
  ) {
    super(code, message, 'cause' in where ? { cause: where.cause } : undefined)
    this.pattern = where.pattern
    this.position = where.position
  }
}
brand(RouteError, 'RouteError')

/** Two routes have the same method and shape, or the same name (`CELERIS_ROUTE_CONFLICT`). */
export class RouteConflictError extends RouteError {
  constructor(message: string, where?: { readonly pattern?: string | undefined }) {
    super('CELERIS_ROUTE_CONFLICT', message, where)
  }
}
brand(RouteConflictError, 'RouteConflictError')

/** A call does not fit the state of the server or request (`CELERIS_SERVER_…`, `CELERIS_REWRITE_TOO_LATE`). */
export class ServerStateError extends CelerisError {}
brand(ServerStateError, 'ServerStateError')

/** The request has its answer already (`CELERIS_RESPONSE_WRITTEN`). */
export class ResponseWrittenError extends CelerisError {
  constructor(member: string) {
    super(
      'CELERIS_RESPONSE_WRITTEN',
      `${member} came after the request was answered; answer once, and return right after it`,
    )
  }
}
brand(ResponseWrittenError, 'ResponseWrittenError')

/** A middleware called `next()` a second time (`CELERIS_NEXT_CALLED_TWICE`). */
export class NextCalledTwiceError extends CelerisError {
  constructor() {
    super(
      'CELERIS_NEXT_CALLED_TWICE',
      'next() was called twice in one middleware, or after it had ended; call it once and return or await what it gives',
    )
  }
}
brand(NextCalledTwiceError, 'NextCalledTwiceError')

/** A context was used after its request was over (`CELERIS_CONTEXT_RELEASED`). */
export class ContextReleasedError extends CelerisError {
  constructor(member: string) {
    super(
      'CELERIS_CONTEXT_RELEASED',
      `${member} was used after the request was over; read what you need before the handler's promise settles, and await the work that uses the context`,
    )
  }
}
brand(ContextReleasedError, 'ContextReleasedError')

/** The body was taken as a stream and cannot be read again (`CELERIS_BODY_USED`). */
export class BodyUsedError extends CelerisError {
  constructor(member: string) {
    super(
      'CELERIS_BODY_USED',
      `${member} came after bodyStream() or multipart() took the body; read it once, or use bodyBytes(), bodyText(), bodyJson() and form(), which may be mixed`,
    )
  }
}
brand(BodyUsedError, 'BodyUsedError')

/** A response header would be malformed or is not the handler's to set (`CELERIS_INVALID_HEADER`). */
export class InvalidHeaderError extends CelerisError {
  /** The name as given. */
  readonly header: string
  constructor(header: string, message: string) {
    super('CELERIS_INVALID_HEADER', `header ${JSON.stringify(header)}: ${message}`)
    this.header = header
  }
}
brand(InvalidHeaderError, 'InvalidHeaderError')

/** A cookie would be malformed, or browsers would drop it in silence (`CELERIS_INVALID_COOKIE`). */
export class InvalidCookieError extends CelerisError {
  /** The name as given. */
  readonly cookie: string
  constructor(cookie: string, message: string, options?: { readonly cause?: unknown }) {
    super('CELERIS_INVALID_COOKIE', `cookie ${JSON.stringify(cookie)}: ${message}`, options)
    this.cookie = cookie
  }
}
brand(InvalidCookieError, 'InvalidCookieError')
