/** What the answer to a request must be, byte for byte; only `date` is free. */
export interface Expected {
  readonly status: number
  /** The content-type; undefined when there must be none. */
  readonly type?: string
  readonly body: Buffer
  /** Further fields, lower case; all there may be beside date, framing and connection. */
  readonly fields?: Readonly<Record<string, string>>
  /** The body must come in chunks instead of with a content-length. */
  readonly chunked?: boolean
}

/** One request and its answer. */
export interface Exchange {
  readonly route: string
  readonly method: string
  readonly target: string
  readonly fields?: readonly string[]
  /** Undefined: no body and no content-length. */
  readonly body?: Buffer
  readonly expected: Expected
}

/** How a request is put on the wire. */
export interface Encoding {
  readonly version?: '1.0' | '1.1'
  readonly fields?: readonly string[]
  /** Sizes of chunks, taken in turn; undefined sends a content-length. */
  readonly chunks?: readonly number[]
}

const chunked = (body: Buffer, sizes: readonly number[]): Buffer => {
  const pieces: (Buffer | string)[] = []
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const piece = body.subarray(at, at + (sizes[turn % sizes.length] ?? body.length))
    pieces.push(`${piece.length.toString(16)}\r\n`, piece, '\r\n')
    at += piece.length
  }
  pieces.push('0\r\n\r\n')
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece as string, 'latin1')))
}

/** Head and body of a request as they go out. */
export const encodeRequest = (
  { method, target, fields = [], body }: Exchange,
  { version = '1.1', fields: more = [], chunks }: Encoding = {},
): { head: Buffer; body: Buffer } => {
  const framing =
    body === undefined
      ? []
      : [chunks === undefined ? `content-length: ${body.length}` : 'transfer-encoding: chunked']
  const lines = [
    `${method} ${target} HTTP/${version}`,
    'host: soak',
    ...fields,
    ...more,
    ...framing,
  ]
  return {
    head: Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    body:
      body === undefined || chunks === undefined
        ? (body ?? Buffer.alloc(0))
        : chunked(body, chunks),
  }
}
