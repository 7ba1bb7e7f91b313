// A strict reader of answers: what a careful client would refuse is an error here, never repaired (RFC 9112).

/** One answer as it stood on the wire. */
export interface RawAnswer {
  readonly status: number
  readonly phrase: string
  /** Field lines in order; names must have been lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** Values of a field, in order. */
  values(name: string): string[]
  /** The only value of a field, or undefined when it is absent. */
  value(name: string): string | undefined
}

/** An answer and the number of bytes it took, or null while bytes are missing. */
export type ParsedAnswer = { readonly answer: RawAnswer; readonly used: number } | null

const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/
const FIELD_LINE =
  /^([!#$%&'*+.^_`|~0-9a-z-]+): ([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/

function fail(what: string, line: string): never {
  throw new Error(`answer is not valid HTTP/1.1: ${what}: ${JSON.stringify(line.slice(0, 200))}`)
}

function fieldsOf(lines: readonly string[]): [string, string][] {
  return lines.map((line) => {
    const match = FIELD_LINE.exec(line)
    if (match === null) fail('bad field line', line)
    return [match[1] as string, match[2] ?? '']
  })
}

function chunkedBody(bytes: Buffer, from: number): { body: Buffer; used: number } | null {
  const parts: Buffer[] = []
  let at = from
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1')
    if (lineEnd < 0) return null
    const digits = bytes.toString('latin1', at, lineEnd)
    if (!/^[0-9a-f]{1,16}$/.test(digits)) fail('bad chunk size', digits)
    const size = Number.parseInt(digits, 16)
    const end = lineEnd + 2 + size
    if (bytes.length < end + 2) return null
    const after = bytes.toString('latin1', end, end + 2)
    if (after !== '\r\n') fail('chunk not followed by CRLF', after)
    if (size === 0) return { body: Buffer.concat(parts), used: end + 2 }
    parts.push(bytes.subarray(lineEnd + 2, end))
    at = end + 2
  }
}

function makeAnswer(
  status: number,
  phrase: string,
  fields: [string, string][],
  body: Buffer,
): RawAnswer {
  const values = (name: string): string[] =>
    fields.filter((field) => field[0] === name).map((field) => field[1])
  return {
    status,
    phrase,
    fields,
    body,
    values,
    value(name) {
      const all = values(name)
      if (all.length > 1) throw new Error(`answer has ${all.length} ${name} fields`)
      return all[0]
    },
  }
}

/** Length of the body as framed, `'chunked'`, or `'close'` when only the end of the stream ends it. */
function framing(fields: [string, string][]): number | 'chunked' | 'close' {
  const of = (name: string): string[] =>
    fields.filter((field) => field[0] === name).map((field) => field[1])
  const lengths = of('content-length')
  const codings = of('transfer-encoding')
  if (lengths.length + codings.length > 1)
    fail('framed twice', [...lengths, ...codings].join(' | '))
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') fail('unknown transfer coding', codings[0] as string)
    return 'chunked'
  }
  if (lengths.length === 0) return 'close'
  if (!/^(0|[1-9]\d{0,15})$/.test(lengths[0] as string))
    fail('bad content-length', lengths[0] as string)
  return Number(lengths[0])
}

/** Reads one answer from the start of `bytes`; `ended` tells that no more will come. */
export function parseAnswer(bytes: Buffer, headRequest: boolean, ended: boolean): ParsedAnswer {
  const headEnd = bytes.indexOf('\r\n\r\n', 0, 'latin1')
  if (headEnd < 0) {
    if (bytes.length > 65_536) fail('head without end', bytes.toString('latin1', 0, 100))
    return null
  }
  const lines = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const match = STATUS_LINE.exec(lines[0] as string)
  if (match === null) fail('bad status line', lines[0] as string)
  const status = Number(match[1])
  const phrase = match[2] as string
  const fields = fieldsOf(lines.slice(1))
  const bodyStart = headEnd + 4
  if (status < 200 || status === 204 || status === 304) {
    if (fields.some(([name]) => name === 'content-length' || name === 'transfer-encoding')) {
      fail(`${status} must not be framed`, lines.join(' | '))
    }
    return { answer: makeAnswer(status, phrase, fields, Buffer.alloc(0)), used: bodyStart }
  }
  const length = framing(fields)
  if (headRequest)
    return { answer: makeAnswer(status, phrase, fields, Buffer.alloc(0)), used: bodyStart }
  if (length === 'chunked') {
    const chunked = chunkedBody(bytes, bodyStart)
    return (
      chunked && { answer: makeAnswer(status, phrase, fields, chunked.body), used: chunked.used }
    )
  }
  const end =
    length === 'close' ? (ended ? bytes.length : Number.POSITIVE_INFINITY) : bodyStart + length
  if (bytes.length < end) return null
  return {
    answer: makeAnswer(status, phrase, fields, Buffer.from(bytes.subarray(bodyStart, end))),
    used: end,
  }
}
