// What answers where the program has nothing (core.md ). `onError` is not called for these.
import type { Context } from './context.ts'
import { answerError } from './error-flow.ts'
import type { Handler } from './handler.ts'
import { BadRequestError, HttpError, MethodNotAllowedError, NotFoundError } from './http-errors.ts'
import type { RouteEntry } from './route-entry.ts'
import type { UnmatchedEntries } from './route-table.ts'

/** Default handlers of unmatched requests. */
export const defaultAnswers: { readonly [K in keyof UnmatchedEntries]: Handler } = {
  notFound: (c) => answerError(c, new NotFoundError(`no route for ${c.method} ${c.path}`)),
  methodNotAllowed: (c) =>
    answerError(c, new MethodNotAllowedError(c.responseHeader('allow')?.split(', ') ?? [])),
  notImplemented: (c) =>
    answerError(
      c,
      new HttpError(501, `method ${c.method} is not implemented`, {
        code: 'CELERIS_NOT_IMPLEMENTED',
        expose: true,
      }),
      false,
    ),
  options: (c) => c.noContent(),
}

function refusePath(c: Context): undefined {
  answerError(c, new BadRequestError('the path is malformed', { code: 'CELERIS_INVALID_PATH' }))
  return undefined
}

/** An entry that belongs to no route. */
export function internalEntry(run: RouteEntry['run'], onError?: RouteEntry['onError']): RouteEntry {
  return {
    method: '*',
    pattern: '',
    paramNames: [],
    wildcard: false,
    name: undefined,
    handlers: [],
    onError,
    run,
    neverAsync: true,
    internMisses: 0,
  }
}

export const badPathEntry = (): RouteEntry => internalEntry(refusePath)
