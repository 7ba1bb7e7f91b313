import { STATUS_CODES } from 'node:http'
import type { ByteQueue } from './byte-queue.ts'
import type { Expected } from './exchange.ts'

/** An answer as it stood on the wire. */
export interface Reply {
  readonly statusLine: string
  readonly status: number
  readonly fields: ReadonlyMap<string, string>
  readonly body: Buffer
}

const HEAD_MAX = 65_536

const fieldsOf = (lines: readonly string[]): Map<string, string> => {
  const fields = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(': ')
    const name = line.slice(0, colon)
    if (colon < 1 || fields.has(name)) throw new Error(`bad or repeated field: ${line}`)
    fields.set(name, line.slice(colon + 2))
  }
  return fields
}

const chunkedBody = async (queue: ByteQueue): Promise<Buffer> => {
  const pieces: Buffer[] = []
  for (;;) {
    const digits = await queue.takeUntil('\r\n', 20)
    if (!/^[0-9a-f]{1,8}$/.test(digits)) throw new Error(`bad chunk size: ${digits}`)
    const size = Number.parseInt(digits, 16)
    pieces.push(await queue.take(size))
    if ((await queue.take(2)).toString('latin1') !== '\r\n') throw new Error('chunk without end')
    if (size === 0) return Buffer.concat(pieces)
  }
}

/** Reads one answer, interim ones included. */
export const readReply = async (queue: ByteQueue, method: string): Promise<Reply> => {
  const head = await queue.takeUntil('\r\n\r\n', HEAD_MAX)
  const [statusLine = '', ...lines] = head.split('\r\n')
  const status = Number(/^HTTP\/1\.1 ([1-5]\d\d) /.exec(statusLine)?.[1])
  if (!status) throw new Error(`bad status line: ${statusLine}`)
  const fields = fieldsOf(lines)
  const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304
  const length = fields.get('content-length')
  if (length !== undefined && !/^\d+$/.test(length)) throw new Error(`bad length: ${length}`)
  const body = bodiless
    ? Buffer.alloc(0)
    : fields.get('transfer-encoding') === 'chunked'
      ? await chunkedBody(queue)
      : await queue.take(Number(length ?? Number.NaN))
  return { statusLine, status, fields, body }
}

const DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/

const framingOf = (expected: Expected, method: string): Record<string, string> => {
  if (expected.status === 204 || expected.status === 304) return {}
  if (expected.chunked) return method === 'HEAD' ? {} : { 'transfer-encoding': 'chunked' }
  return { 'content-length': String(expected.body.length) }
}

/** What the `connection` field must say; `free` when either is right. */
export type ConnectionField = 'none' | 'close' | 'keep-alive' | 'free'

/** Compares an answer with what it must be, and throws at the first difference. */
export const checkReply = (
  reply: Reply,
  expected: Expected,
  method: string,
  connection: ConnectionField = 'none',
): void => {
  const fields = new Map(reply.fields)
  const wrong = (what: string): never => {
    throw new Error(`${what}: ${reply.statusLine} ${JSON.stringify([...reply.fields])}`)
  }
  if (reply.statusLine !== `HTTP/1.1 ${expected.status} ${STATUS_CODES[expected.status] ?? ''}`)
    wrong(`expected ${expected.status}`)
  if (!DATE.test(fields.get('date') ?? '')) wrong('bad date')
  fields.delete('date')
  if (connection === 'free') fields.delete('connection')
  const due = Object.entries({
    ...framingOf(expected, method),
    ...(expected.type === undefined ? {} : { 'content-type': expected.type }),
    ...(connection === 'close' || connection === 'keep-alive' ? { connection } : {}),
    ...expected.fields,
  })
  for (const [name, value] of due)
    if (fields.get(name) !== value) wrong(`expected ${name}: ${value}`)
  if (fields.size !== due.length) wrong('more fields than expected')
  const body = method === 'HEAD' ? Buffer.alloc(0) : expected.body
  if (!reply.body.equals(body)) wrong(`other body: ${reply.body.toString('latin1', 0, 80)}`)
}
