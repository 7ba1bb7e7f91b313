import type { Context } from './context.ts'
import { isDroppedFromWeb } from './header-check.ts'

/**
 * Answers with a web `Response` that a handler returned (core.md C-4). A body of one chunk, as strings and bytes have,
 * is sent with its length; any other is streamed.
 */
export function answerWithResponse(c: Context, response: Response): void {
  if (response.bodyUsed)
    throw new TypeError(
      'the returned Response was read already: return a fresh one, or its clone()',
    )
  if (response.status < 200)
    throw new TypeError(`a returned Response has a status from 200, not ${response.status}`)
  for (const [name, value] of response.headers) {
    // The server frames the answer itself; each cookie keeps a line of its own.
    if (isDroppedFromWeb(name) || name === 'content-length' || name === 'set-cookie') continue
    c.setHeader(name, value)
  }
  for (const cookie of response.headers.getSetCookie()) c.appendHeader('set-cookie', cookie)
  if (response.body === null) {
    c.noContent(response.status)
    return
  }
  const type = response.headers.get('content-type') ?? undefined
  c.stream(response.body, {
    status: response.status,
    ...(type === undefined ? {} : { contentType: type }),
  })
  if (c.output !== null) c.output.prefersLength = true
}
