// A web Request as a request head and body, and an answer as a web Response.

import type { ParsedHead } from './node-http/request-check.ts'
import type { Answer } from './node-http/response-reader.ts'

/** Fields that are about a connection, which there is none of, or about framing, which is made here. */
const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Statuses whose Response must have no body. */
const BODYLESS: ReadonlySet<number> = new Set([204, 205, 304])

/** Reads at most `bytesMax` bytes ahead: a short body is known whole before dispatch, as with a socket. */
export class WebBody {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | null
  readonly #ahead: Uint8Array[] = []
  /** Bytes of a body that ended within the limit; null while it goes on. */
  collected: Uint8Array | null = null

  constructor(request: Request) {
    this.#reader = request.body?.getReader() ?? null
  }

  async readAhead(bytesMax: number): Promise<void> {
    let length = 0
    while (length <= bytesMax) {
      const next = await this.#reader?.read()
      if (next === undefined || next.done) {
        this.collected = Buffer.concat(this.#ahead)
        return
      }
      this.#ahead.push(next.value)
      length += next.value.byteLength
    }
  }

  /** The next bytes, or null at the end. */
  async next(): Promise<Uint8Array | null> {
    const ahead = this.#ahead.shift()
    if (ahead !== undefined) return ahead
    const next = await this.#reader?.read()
    return next === undefined || next.done ? null : next.value
  }

  /** Nobody reads the rest. */
  cancel(): void {
    this.#reader?.cancel().catch(() => undefined)
  }
}

/** The head a client would send for this request. */
export function headOfRequest(request: Request, body: WebBody): ParsedHead {
  const url = new URL(request.url)
  const fields: string[] = []
  if (!request.headers.has('host')) fields.push('host', url.host)
  for (const [name, value] of request.headers) if (!DROPPED.has(name)) fields.push(name, value)
  if (body.collected === null) fields.push('transfer-encoding', 'chunked')
  else if (request.body !== null) fields.push('content-length', String(body.collected.byteLength))
  return { method: request.method, target: url.pathname + url.search, major: 1, minor: 1, fields }
}

/** An answer as a Response; `stream` brings the body of one in parts. */
export function responseOf(
  answer: Answer,
  method: string,
  stream?: ReadableStream<Uint8Array>,
): Response {
  const headers = new Headers()
  for (let i = 0; i < answer.fields.length; i += 2) {
    const name = answer.fields[i] as string
    // Chunks are how a connection carries such a body, and there is none.
    if (name !== 'transfer-encoding') headers.append(name, answer.fields[i + 1] as string)
  }
  const { status, phrase } = answer
  const bodyless = method === 'HEAD' || BODYLESS.has(status)
  const body = bodyless ? null : (stream ?? new Uint8Array(answer.body))
  return new Response(body, { status, statusText: phrase, headers })
}
