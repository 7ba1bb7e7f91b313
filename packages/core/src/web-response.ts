import type { Context } from './context.ts'
import { isDroppedFromWeb } from './header-check.ts'

/** Answers with a web `Response` that a handler returned (core.md C-4); its body is read whole first. */
export async function answerWithResponse(c: Context, response: Response): Promise<void> {
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
  const body = new Uint8Array(await response.arrayBuffer())
  c.bytes(body, response.headers.get('content-type') ?? undefined, response.status)
}
