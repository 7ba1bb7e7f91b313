// The rules of http1.md read naively over a whole connection: no pieces, no speed, regular expressions.
// It is the opinion every server is compared with, and names the rule by which it refuses.

/** A request as a handler must see it. Texts are latin1, field names in lower case. */
export interface Seen {
  readonly method: string
  /** Path and query; `*` for the asterisk-form. */
  readonly target: string
  /** The target's authority, else the Host field. */
  readonly host: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** How reading a connection ends. */
export type Outcome =
  /** A request asked to close, or it is HTTP/1.0: what follows is not read (PIP-5). */
  | { readonly kind: 'closes' }
  | { readonly kind: 'refused'; readonly status: number; readonly rule: string }
  /** More bytes are needed; FIN ends it (EOF-1). */
  | { readonly kind: 'incomplete'; readonly within: Unfinished }

/** What ended too early. A handler runs for a streamed body before it is complete (BODY-3). */
type Unfinished = 'start' | 'head' | 'held body' | 'streamed body'

export interface Reading {
  readonly requests: readonly Seen[]
  readonly outcome: Outcome
}

/** The limits that all servers of ours are started with here. */
export const limits = { maxHeaderBytes: 4096, maxHeaders: 20, maxRequestBodySize: 512 } as const

const CHUNK_EXTENSION_BYTES_MAX = 4_096
const LEADING_CRLF_MAX = 8
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const VALUE = '[\\t\\x20-\\x7e\\x80-\\xff]*'

class Refusal {
  constructor(
    readonly status: number,
    readonly rule: string,
  ) {}
}
class Incomplete {
  constructor(readonly within: Unfinished) {}
}

const refuse = (status: number, rule: string): never => {
  throw new Refusal(status, rule)
}

interface Head {
  readonly seen: Omit<Seen, 'body'>
  readonly framing: number | 'chunked'
  readonly streamed: boolean
  readonly closes: boolean
  readonly end: number
}

/** Reads everything a client sent. */
export function readConnection(text: string): Reading {
  const requests: Seen[] = []
  let at = 0
  try {
    for (;;) {
      at = skipLeading(text, at)
      const head = readHead(text, at)
      const { body, end } = readBody(text, head)
      requests.push({ ...head.seen, body })
      if (head.closes) return { requests, outcome: { kind: 'closes' } }
      at = end
    }
  } catch (thrown) {
    if (thrown instanceof Refusal)
      return {
        requests,
        outcome: { kind: 'refused', status: thrown.status, rule: thrown.rule },
      }
    if (thrown instanceof Incomplete)
      return { requests, outcome: { kind: 'incomplete', within: thrown.within } }
    throw thrown
  }
}

function skipLeading(text: string, from: number): number {
  let at = from
  while (text.startsWith('\r\n', at)) {
    if (at - from === 2 * LEADING_CRLF_MAX) refuse(400, 'RL-1')
    at += 2
  }
  if (text[at] === '\r' && at - from === 2 * LEADING_CRLF_MAX) refuse(400, 'RL-1')
  if (at === text.length || text.slice(at) === '\r') throw new Incomplete('start')
  if (text[at] === '\r' || text[at] === '\n') refuse(400, 'RL-1')
  return at
}

function readHead(text: string, start: number): Head {
  if (!new RegExp(TOKEN).test(text[start] as string)) refuse(400, 'RL-2')
  const rest = text.slice(start)
  const line = /^[^\r\n]*/.exec(rest)?.[0] as string
  if (line.length === rest.length || rest.slice(line.length) === '\r') throw new Incomplete('head')
  if (!rest.startsWith('\r\n', line.length)) refuse(400, 'RL-3')
  const { method, target, host, minor } = readRequestLine(line)
  let at = line.length + 2
  const fields: [string, string][] = []
  while (!rest.startsWith('\r\n', at)) {
    const field = readField(rest, at)
    if (field === null) throw new Incomplete('head')
    if (fields.length === limits.maxHeaders) refuse(431, 'FLD-4')
    fields.push([field.name.toLowerCase(), field.value])
    at = field.end
  }
  at += 2
  if (at > limits.maxHeaderBytes) refuse(431, 'FLD-4')
  const values = (name: string): string[] => fields.filter((f) => f[0] === name).map((f) => f[1])
  checkHost(values('host'), minor)
  const framing = readFraming(values, minor)
  if (method === 'TRACE' && framing !== 0) refuse(400, 'MET-4')
  if (minor === 1 && values('expect').some((value) => !/^100-continue$/i.test(value)))
    refuse(417, 'EXP-2')
  if (typeof framing === 'number' && framing > limits.maxRequestBodySize) refuse(413, 'BODY-2')
  const options = values('connection').flatMap((v) => v.toLowerCase().split(',').map(trim))
  const closes = options.includes('close') || (minor === 0 && !options.includes('keep-alive'))
  const seen = { method, target, host: host ?? values('host')[0] ?? '', fields }
  const streamed = minor === 1 && values('expect').length > 0
  return { seen, framing, streamed, closes, end: start + at }
}

const trim = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, '')

interface RequestLine {
  readonly method: string
  readonly target: string
  readonly host: string | undefined
  readonly minor: 0 | 1
}

function readRequestLine(line: string): RequestLine {
  const parts = /^([^ \t]+) ([^ \t]+) ([^ \t]+)$/.exec(line)
  if (parts === null) return refuse(400, 'RL-4')
  const [, method, target, version] = parts as unknown as [string, string, string, string]
  const digits = /^HTTP\/(\d)\.(\d)$/.exec(version)
  if (digits === null) return refuse(400, 'VER-1')
  if (digits[1] !== '1') return refuse(505, 'VER-2')
  if (!new RegExp(`^${TOKEN}$`).test(method)) refuse(400, 'MET-1')
  if (method.length > 32) refuse(501, 'MET-1')
  if (method === 'CONNECT') refuse(501, 'MET-3')
  const minor = digits[2] === '0' ? 0 : 1
  return { method, minor, ...readTarget(method, target) }
}

function readTarget(method: string, target: string): { target: string; host: string | undefined } {
  if (!/^[\x21\x22\x24-\x7e]+$/.test(target)) refuse(400, 'TGT-1')
  if (target.startsWith('/')) return { target, host: undefined }
  if (target === '*')
    return method === 'OPTIONS' ? { target, host: undefined } : refuse(400, 'TGT-4')
  if (/^https:\/\//i.test(target)) refuse(421, 'TGT-3')
  const absolute = /^http:\/\/([^/?]*)(.*)$/i.exec(target)
  if (absolute === null) return refuse(400, 'TGT-3')
  const [, host, rest] = absolute as unknown as [string, string, string]
  if (!isHost(host)) refuse(400, 'TGT-3')
  if (rest === '') return { target: method === 'OPTIONS' ? '*' : '/', host }
  return { target: rest.startsWith('?') ? `/${rest}` : rest, host }
}

/** The field at an index of the text, null while its line has no end. */
function readField(text: string, at: number): { name: string; value: string; end: number } | null {
  if (text.slice(at) === '\r') return null
  if (/^[ \t]/.test(text.slice(at, at + 1))) refuse(400, 'FLD-3')
  const line = /^[^\r\n]*/.exec(text.slice(at))?.[0] as string
  const colon = line.indexOf(':')
  const name = colon < 0 ? line : line.slice(0, colon)
  if (name !== '' && !new RegExp(`^${TOKEN}$`).test(name)) refuse(400, 'FLD-1')
  const value = colon < 0 ? '' : line.slice(colon + 1)
  if (!new RegExp(`^${VALUE}$`).test(value)) refuse(400, 'FLD-2')
  const end = at + line.length
  if (end === text.length) return null
  if (colon < 0 || name === '')
    return refuse(400, colon < 0 && text[end] !== '\r' ? 'RL-3' : 'FLD-1')
  if (text.slice(end) === '\r') return null
  if (!text.startsWith('\r\n', end)) refuse(400, 'RL-3')
  return { name, value: trim(value), end: end + 2 }
}

function checkHost(lines: readonly string[], minor: 0 | 1): void {
  if (lines.length > 1) refuse(400, 'HOST-1')
  const value = lines[0] ?? ''
  if (value === '') {
    if (minor === 1) refuse(400, 'HOST-1')
  } else if (!isHost(value)) refuse(400, 'HOST-2')
}

function isHost(text: string): boolean {
  const parts =
    /^(?:\[([0-9A-Fa-f:.]*)\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::(\d{0,5}))?$/.exec(text)
  if (parts === null || Number(parts[2] ?? 0) > 65_535) return false
  return parts[1] === undefined || URL.canParse(`http://[${parts[1]}]/`)
}

function readFraming(values: (name: string) => string[], minor: 0 | 1): number | 'chunked' {
  const lengths = values('content-length')
  const codings = values('transfer-encoding')
  if (lengths.length > 1) refuse(400, 'CL-2')
  if (lengths.length > 0 && codings.length > 0) refuse(400, 'TE-2')
  const [length] = lengths
  if (length !== undefined) return /^\d+$/.test(length) ? Number(length) : refuse(400, 'CL-1')
  const [coding] = codings
  if (coding === undefined) return 0
  if (codings.length > 1) refuse(400, 'TE-1')
  if (minor === 0) refuse(400, 'TE-2')
  if (/^chunked$/i.test(coding)) return 'chunked'
  const list = coding.split(',').map(trim)
  const others = list.slice(0, -1)
  const known =
    /^chunked$/i.test(list.at(-1) ?? '') &&
    others.every((one) => new RegExp(`^${TOKEN}[ \\t]*(;|$)`).test(one)) &&
    !others.some((one) => /^chunked[ \t]*(;|$)/i.test(one))
  return refuse(known ? 501 : 400, known ? 'TE-1 other' : 'TE-1')
}

function readBody(text: string, { framing, streamed, end }: Head): { body: string; end: number } {
  if (framing === 'chunked') return readChunks(text, end)
  if (text.length < end + framing) throw new Incomplete(streamed ? 'streamed body' : 'held body')
  return { body: text.slice(end, end + framing), end: end + framing }
}

function readChunks(text: string, start: number): { body: string; end: number } {
  let at = start
  let body = ''
  let extensions = 0
  for (;;) {
    const rest = text.slice(at)
    const line = /^([0-9A-Fa-f]{1,16})((?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?)\r\n/.exec(rest)
    const size = Number.parseInt(line?.[1] ?? /^[0-9A-Fa-f]*/.exec(rest)?.[0] ?? '', 16)
    if (line === null) {
      if (/^(?:[0-9A-Fa-f]{1,16}(?:[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?)?\r?)?$/.test(rest)) {
        if (
          /^[0-9A-Fa-f]+[^0-9A-Fa-f]/.test(rest) &&
          body.length + size > limits.maxRequestBodySize
        )
          refuse(413, 'BODY-2')
        throw new Incomplete('streamed body')
      }
      // The size counts before what stands behind it.
      if (/^[0-9A-Fa-f]{1,16}[ \t;\r]/.test(rest) && body.length + size > limits.maxRequestBodySize)
        refuse(413, 'BODY-2')
      if (/^[0-9A-Fa-f]{1,16}[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?(?:\n|\r[^\n])/.test(rest))
        refuse(400, 'RL-3')
      return refuse(400, /^[0-9A-Fa-f]{1,16}[ \t]*;/.test(rest) ? 'CHK-2' : 'CHK-1')
    }
    if (body.length + size > limits.maxRequestBodySize) refuse(413, 'BODY-2')
    extensions += (line[2] as string).length
    if (extensions > CHUNK_EXTENSION_BYTES_MAX) refuse(413, 'CHK-2')
    at += line[0].length
    if (size === 0) return { body, end: readTrailers(text, at) }
    if (text.length < at + size) throw new Incomplete('streamed body')
    body += text.slice(at, at + size)
    at += size
    const after = text.slice(at, at + 2)
    if (after !== '\r\n') {
      if ('\r\n'.startsWith(after)) throw new Incomplete('streamed body')
      refuse(400, 'CHK-2 data')
    }
    at += 2
  }
}

function readTrailers(text: string, start: number): number {
  let at = start
  let count = 0
  for (;;) {
    if (text.startsWith('\r\n', at)) return at + 2
    if ('\r\n'.startsWith(text.slice(at))) throw new Incomplete('streamed body')
    let field: ReturnType<typeof readField>
    try {
      field = readField(text, at)
    } catch (thrown) {
      throw thrown instanceof Refusal ? new Refusal(thrown.status, 'CHK-3') : thrown
    }
    if (field === null) throw new Incomplete('streamed body')
    if (++count > limits.maxHeaders) refuse(431, 'CHK-3')
    at = field.end
    if (at - start >= limits.maxHeaderBytes) refuse(431, 'CHK-3')
  }
}
