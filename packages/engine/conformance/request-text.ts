// Requests as text, one code unit per byte.

/** A request without body. */
export function get(path: string, ...lines: readonly string[]): string {
  return [`GET ${path} HTTP/1.1`, 'host: a', ...lines, '', ''].join('\r\n')
}

/** A request with a body of known length. */
export function post(path: string, body: string, ...lines: readonly string[]): string {
  return [
    `POST ${path} HTTP/1.1`,
    'host: a',
    `content-length: ${body.length}`,
    ...lines,
    '',
    body,
  ].join('\r\n')
}

/** The head of a chunked request. */
export function chunkedHead(path: string, ...lines: readonly string[]): string {
  return [`POST ${path} HTTP/1.1`, 'host: a', 'transfer-encoding: chunked', ...lines, '', ''].join(
    '\r\n',
  )
}

/** One chunk. */
export const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

/** The end of a chunked body without trailers. */
export const lastChunk = '0\r\n\r\n'

/** Bytes that differ at every offset, so that a shifted copy is seen. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8)) & 0xff
  return bytes
}
