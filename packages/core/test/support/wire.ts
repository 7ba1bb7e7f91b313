// A client that sends exact bytes over a socket and reads answers; every wait ends with an event of the socket.
import { connect, type NetConnectOpts, type Socket } from 'node:net'

/** One answer as it stood on the wire. */
export class Answer {
  readonly status: number
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  constructor(status: number, fields: readonly (readonly [string, string])[], body: Buffer) {
    this.status = status
    this.fields = fields
    this.body = body
  }
  get text(): string {
    return this.body.toString()
  }
  get json(): unknown {
    return JSON.parse(this.text)
  }
  /** All lines of a name, in order. */
  lines(name: string): string[] {
    return this.fields.filter(([field]) => field === name).map(([, value]) => value)
  }
  /** The only line of a name. */
  header(name: string): string | undefined {
    const lines = this.lines(name)
    if (lines.length > 1) throw new Error(`the answer has ${lines.length} ${name} lines`)
    return lines[0]
  }
}

export type Ending = 'open' | 'end' | 'reset'

function chunks(bytes: Buffer, from: number): { body: Buffer; used: number } | null {
  const parts: Buffer[] = []
  for (let at = from; ; ) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return null
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16)
    const end = line + 2 + size
    if (bytes.length < end + 2) return null
    if (size === 0) return { body: Buffer.concat(parts), used: end + 2 }
    parts.push(bytes.subarray(line + 2, end))
    at = end + 2
  }
}

/** Reads one answer off the front of the bytes; while it is incomplete, how many bytes are needed at least. */
function parse(bytes: Buffer, head: boolean): { answer: Answer; used: number } | number {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return 0
  const [first, ...rest] = bytes.toString('latin1', 0, end).split('\r\n')
  const match = /^HTTP\/1\.1 (\d{3}) /.exec(first as string)
  if (match === null) throw new Error(`no status line: ${JSON.stringify(first)}`)
  const status = Number(match[1])
  const fields = rest.map((line): [string, string] => {
    const colon = line.indexOf(': ')
    if (colon < 1) throw new Error(`no header line: ${JSON.stringify(line)}`)
    return [line.slice(0, colon), line.slice(colon + 2)]
  })
  const start = end + 4
  const empty = Buffer.alloc(0)
  if (head || status < 200 || status === 204 || status === 304)
    return { answer: new Answer(status, fields, empty), used: start }
  if (fields.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked')) {
    const body = chunks(bytes, start)
    return body === null ? 0 : { answer: new Answer(status, fields, body.body), used: body.used }
  }
  const length = fields.find(([name]) => name === 'content-length')?.[1]
  if (length === undefined) throw new Error('the answer is not framed')
  const used = start + Number(length)
  if (bytes.length < used) return used
  return { answer: new Answer(status, fields, Buffer.from(bytes.subarray(start, used))), used }
}

/** An open connection. */
export class Wire {
  readonly socket: Socket
  #received: Buffer[] = []
  #needed = 0
  #length = 0
  #waiting: (() => void)[] = []
  /** How the other side left. */
  ending: Ending = 'open'

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.#received.push(chunk)
      this.#length += chunk.length
      if (this.#length >= this.#needed) this.#wake()
    })
    socket.on('end', () => this.#ended('end'))
    socket.on('error', () => this.#ended('reset'))
    socket.on('close', () => this.#ended('reset'))
  }

  static open(to: { port: number; host?: string } | { path: string }): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const where = 'port' in to ? { host: '127.0.0.1', ...to } : to
      const socket = connect({ ...where, allowHalfOpen: true } as NetConnectOpts)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Wire(socket))
      })
    })
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume()
  }

  #ended(how: Ending): void {
    if (this.ending === 'open') this.ending = how
    this.#wake()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves when the bytes were handed to the kernel. */
  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
      this.socket.write(data, () => resolve())
    })
  }

  /** All that was received and not read. */
  #bytes(): Buffer {
    const joined =
      this.#received.length === 1 ? (this.#received[0] as Buffer) : Buffer.concat(this.#received)
    this.#received = [joined]
    return joined
  }

  async answer(method = 'GET'): Promise<Answer> {
    for (;;) {
      const bytes = this.#bytes()
      const parsed = parse(bytes, method === 'HEAD')
      if (typeof parsed !== 'number') {
        this.#received = [bytes.subarray(parsed.used)]
        this.#length = bytes.length - parsed.used
        this.#needed = 0
        return parsed.answer
      }
      if (this.ending !== 'open')
        throw new Error(`${this.ending} before an answer: ${bytes.toString('latin1', 0, 500)}`)
      this.#needed = parsed
      await this.#change()
    }
  }

  async ask(bytes: string, method = 'GET'): Promise<Answer> {
    await this.send(bytes)
    return this.answer(method)
  }

  /** The next bytes, whatever they mean. */
  async take(count: number): Promise<Buffer> {
    for (;;) {
      const bytes = this.#bytes()
      if (bytes.length >= count) {
        this.#received = [bytes.subarray(count)]
        this.#length = bytes.length - count
        this.#needed = 0
        return bytes.subarray(0, count)
      }
      if (this.ending !== 'open') throw new Error(`${this.ending} after ${bytes.length} bytes`)
      this.#needed = count
      await this.#change()
    }
  }

  /** What came until the other side left. */
  async rest(): Promise<string> {
    while (this.ending === 'open') await this.#change()
    return this.#bytes().toString('latin1')
  }

  /** Sends FIN, goes on reading. */
  end(): void {
    this.socket.end()
  }

  /** Sends RST. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  close(): Promise<void> {
    if (this.socket.closed) return Promise.resolve()
    return new Promise((resolve) => {
      this.socket.once('close', () => resolve())
      this.socket.destroy()
    })
  }
}
