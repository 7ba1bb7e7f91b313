// What becomes of an error that no middleware caught (core.md C-5 to C-8, E-1, E-2).
import { CelerisError } from '@celeris/engine'
import type { Context } from './context.ts'
import { isThenable } from './handler-chain.ts'
import { HttpError } from './http-errors.ts'
import { ANSWER_NONE } from './response-writer.ts'

interface ErrorView {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly expose: boolean
  readonly headers: Readonly<Record<string, string | readonly string[]>> | undefined
}

/** Reads an error, also a stranger's: any object with a `status` from 400 to 599 is honoured. */
function viewError(error: unknown): ErrorView {
  if (error instanceof HttpError) {
    return {
      status: error.status,
      code: error.code,
      message: error.message,
      expose: error.expose,
      headers: error.headers,
    }
  }
  const foreign =
    typeof error === 'object' && error !== null
      ? (error as { status?: unknown; message?: unknown; code?: unknown; expose?: unknown })
      : {}
  const { status } = foreign
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 400 || status > 599) {
    return { status: 500, code: 'CELERIS_INTERNAL', message: '', expose: false, headers: undefined }
  }
  const expose = typeof foreign.expose === 'boolean' ? foreign.expose : status < 500
  const code = typeof foreign.code === 'string' ? foreign.code : new HttpError(status).code
  const message = typeof foreign.message === 'string' ? foreign.message : ''
  return { status, code, message, expose, headers: undefined }
}

/** A handler that passes `c.signal` on ends with its reason when the client leaves: that is no failure. */
function isDeparture(c: Context, error: unknown): boolean {
  const reason = c.abortReason
  if (reason === null) return false
  if (error === reason || (error instanceof Error && error.cause === reason)) return true
  // A client that sent FIN may go for good later: what reads its body learns that as a reason of its own.
  return c.isAborted && error instanceof CelerisError && error.name === 'AbortError'
}

function log(c: Context, view: ErrorView, error: unknown): void {
  if (view.status < 500) return
  if (isDeparture(c, error)) {
    c.leftByClient = true
    c.serving.logger.debug({ method: c.method, route: c.routePath }, 'the client left')
    return
  }
  const facts = {
    error,
    code: error instanceof CelerisError ? error.code : undefined,
    method: c.method,
    route: c.routePath,
    requestId: c.requestId,
  }
  c.serving.logger.error(facts, `request failed with ${view.status}`)
}

/**
 * The default answer: JSON where it is acceptable, else text; nothing of a 5xx unless exposed.
 * Never throws, whatever was thrown (C-8). What a client can provoke at will is not `logged`.
 */
export function answerError(c: Context, error: unknown, logged = true): void {
  try {
    answerWith(c, error, logged)
  } catch (failure) {
    c.serving.logger.error(
      { error: failure, method: c.method, route: c.routePath },
      'an error cannot be sent as it was thrown',
    )
    c.clearAnswer()
    c.setHeader('cache-control', 'no-store')
    c.json({ error: { code: 'CELERIS_INTERNAL', message: '' } }, 500)
  }
}

function answerWith(c: Context, error: unknown, logged: boolean): void {
  const view = viewError(error)
  if (logged) log(c, view, error)
  c.clearAnswer()
  if (view.headers !== undefined)
    for (const [name, value] of Object.entries(view.headers)) c.setHeader(name, value)
  if (view.status >= 500) c.setHeader('cache-control', 'no-store')
  const code = view.expose ? view.code : 'CELERIS_INTERNAL'
  const message = view.expose ? view.message : ''
  const accept = c.header('accept')
  if (accept === undefined || c.accepts('application/json', 'text/plain') === 'application/json') {
    c.json(issuesOf(error, { code, message }, view.expose), view.status)
  } else {
    c.text(message === '' ? code : message, view.status)
  }
}

function issuesOf(
  error: unknown,
  body: { code: string; message: string },
  expose: boolean,
): object {
  if (!expose || typeof error !== 'object' || error === null || !('issues' in error))
    return { error: body }
  return { error: { ...body, issues: error.issues } }
}

/** An error after the head went out, or after the socket did: logged, and the client sees an end (C-8). */
function failedLate(c: Context, error: unknown): boolean {
  const { output, leaving } = c
  if (output?.begun !== true && leaving?.socket == null) return false
  if (!isDeparture(c, error)) {
    c.serving.logger.error(
      { error, method: c.method, route: c.routePath },
      'request failed after its answer had begun: the connection is cut',
    )
  }
  output?.cut(error)
  leaving?.socket?.destroy()
  return true
}

function afterHandler(c: Context, value: unknown, original: unknown): void {
  if (value !== undefined && c.answerKind === ANSWER_NONE) c.applyValue(value)
  if (c.answerKind === ANSWER_NONE && !c.statusSet) answerError(c, original)
}

function handlerFailed(c: Context, failure: unknown, original: unknown): void {
  c.serving.logger.error({ error: failure, original, route: c.routePath }, 'onError failed')
  answerError(c, original)
}

/** Runs the error flow. Gives a promise when `onError` is asynchronous. */
export function fail(c: Context, error: unknown): undefined | Promise<void> {
  const { onError } = c.entry
  if (failedLate(c, error)) return undefined
  c.clearAnswer()
  if (onError === undefined) {
    answerError(c, error)
    return undefined
  }
  try {
    const result = onError(error, c)
    if (isThenable(result)) {
      return Promise.resolve(result)
        .then((value) => afterHandler(c, value, error))
        .catch((failure: unknown) => handlerFailed(c, failure, error))
    }
    afterHandler(c, result, error)
  } catch (failure) {
    handlerFailed(c, failure, error)
  }
  return undefined
}
