export type { DrainReport, Engine, EngineMetrics, PeerAddress } from '@celeris/engine'
export { CelerisError, EngineUnavailableError, ListenError } from '@celeris/engine'
export type { BodyChunk, StreamSource } from './body-source.ts'
export type { BodyOptions, Env, StreamOptions } from './context.ts'
export { Context } from './context.ts'
export type { CookieOptions } from './cookies.ts'
export type { Expirable } from './deadline-wheel.ts'
export type { HintHeaders } from './early-hints.ts'
export type { ErrorCode } from './error-codes.ts'
export { ERROR_CODES } from './error-codes.ts'
export type { ConfigProblem } from './errors.ts'
export {
  BodyUsedError,
  ConfigError,
  ContextReleasedError,
  InvalidCookieError,
  InvalidHeaderError,
  NextCalledTwiceError,
  ResponseWrittenError,
  RouteConflictError,
  RouteError,
  ServerStateError,
} from './errors.ts'
export type { ErrorHandler, Handler, HandlerResult, Next } from './handler.ts'
export type { HttpErrorOptions, RetryOptions, ValidationIssue } from './http-errors.ts'
export {
  BadRequestError,
  ForbiddenError,
  HttpError,
  MethodNotAllowedError,
  NotFoundError,
  PayloadTooLargeError,
  RequestTimeoutError,
  ServiceUnavailableError,
  TooManyRequestsError,
  UnauthorizedError,
  UnsupportedMediaTypeError,
  ValidationError,
} from './http-errors.ts'
export type { InheritedFd } from './inherited-fds.ts'
export { inheritedFds } from './inherited-fds.ts'
export type { Detached } from './leaving.ts'
export type { Logger } from './logger.ts'
export { deriveMemoryLimit } from './memory-limit.ts'
export type { MetricsCollector, MetricsSnapshot } from './metrics-collector.ts'
export { DURATION_BUCKETS_SEC } from './metrics-collector.ts'
/** @internal For the subpath `/middleware`, which has no state of its own. */
export { middlewareParts } from './middleware-parts.ts'
export { nodeEngine } from './node-http/engine.ts'
export type { TrustedProxies, TrustProxy } from './proxy-trust.ts'
export type { EngineCandidate } from './resolve-engine.ts'
export { ResponseWriter } from './response-body-writer.ts'
export { RESPONSE_HEADER_INLINE, RESPONSE_HEADER_SCRATCH } from './response-headers.ts'
export type { Route } from './route.ts'
export type { RouteInfo } from './route-list.ts'
export type { OptionalParamNames, ParamNames, Params, ParamValue } from './route-params.ts'
export type { UrlParams, UrlQuery } from './route-url.ts'
export type { Handlers, JoinPath } from './router.ts'
export { Router } from './router.ts'
export type { CloseReport, EngineInfo, Listening, ListenTarget } from './server.ts'
export { Server } from './server.ts'
export type { EngineName, ServerConfig } from './server-config.ts'
export type { ShutdownHook } from './shutdown.ts'
export type {
  StandardIssue,
  StandardResult,
  StandardSchema,
  ValidationSource,
} from './validate.ts'
