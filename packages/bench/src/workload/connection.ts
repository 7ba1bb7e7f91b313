import { connect, type Socket } from 'node:net'
import { ByteQueue } from './byte-queue.ts'
import type { Exchange } from './exchange.ts'
import { type ConnectionField, checkReply, type Reply, readReply } from './reply.ts'

/** One client connection, raw enough to misbehave. */
export class Connection {
  readonly socket: Socket
  readonly #queue = new ByteQueue()

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#queue.push(chunk))
    socket.on('end', () => this.#queue.end())
    socket.on('error', (error) => this.#queue.end(error))
    socket.on('close', () => this.#queue.end(new Error('the connection was closed')))
  }

  /** Connects to the server. */
  static async open(port: number): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new Connection(socket)
  }

  /** Sends bytes; waits while the socket takes no more. Does nothing once the connection is gone. */
  async send(bytes: Uint8Array | string): Promise<void> {
    if (!this.socket.writable) return
    if (typeof bytes === 'string') bytes = Buffer.from(bytes, 'latin1')
    if (this.socket.write(bytes)) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        for (const event of ['drain', 'close', 'error']) this.socket.off(event, done)
        resolve()
      }
      for (const event of ['drain', 'close', 'error']) this.socket.on(event, done)
    })
  }

  /** Reads the answer of an exchange and compares every byte. */
  async expect(exchange: Exchange, connection: ConnectionField = 'none'): Promise<Reply> {
    const reply = await this.read(exchange.method)
    checkReply(reply, exchange.expected, exchange.method, connection)
    return reply
  }

  /** Reads one answer, whatever it is. */
  read(method: string): Promise<Reply> {
    return readReply(this.#queue, method)
  }

  /** Waits for the end of the stream; what still came is an error. A reset is an end, too. */
  async expectEnd(): Promise<void> {
    const rest = await this.#queue.rest()
    if (rest.length > 0)
      throw new Error(`bytes behind the last answer: ${rest.toString('latin1', 0, 200)}`)
  }

  /** Waits for a byte or the end; tells whether there is a byte. */
  hasMore(): Promise<boolean> {
    return this.#queue.hasMore()
  }

  /** Bytes that arrived and were not read. */
  get unread(): number {
    return this.#queue.size
  }

  /** Sends FIN. */
  end(): void {
    this.socket.end()
  }

  /** Sends RST. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Forgets the connection. */
  destroy(): void {
    this.socket.destroy()
  }
}
