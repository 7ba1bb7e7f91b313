// A client that sends exact bytes in exact pieces over node:net and reads answers strictly. Event-driven: every
// wait ends with an event of the socket or with the signal of the case.
import net from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { parseAnswer, type RawAnswer } from './answer-parser.ts'

/** How the other side left: FIN, or a reset. */
export type Ending = 'end' | 'reset'

export interface RawClient {
  /** Local port: what the engine reports as the peer's. */
  readonly port: number
  /** Sends the bytes as one piece. */
  send(bytes: string | Uint8Array): Promise<void>
  /** Sends pieces of `size` bytes, each on its own, with a turn of the event loop behind each. */
  sendPieces(bytes: string | Uint8Array, size: number | (() => number)): Promise<void>
  /** The next answer; `method` HEAD expects no body. */
  readAnswer(method?: string): Promise<RawAnswer>
  /** Exactly `count` bytes as they came. */
  readBytes(count: number): Promise<Buffer>
  /** Bytes up to the marker, and the marker. */
  readTo(marker: string): Promise<string>
  /** Waits for FIN; bytes before it are an error. */
  readEnd(): Promise<void>
  /** Waits until the other side is gone; the bytes that came before are returned. */
  readUntilGone(): Promise<{ how: Ending; bytes: Buffer }>
  /** Bytes received and not yet read as an answer. */
  unread(): number
  /** Sends FIN; reading goes on. */
  end(): void
  /** Sends RST. */
  reset(): void
  /** Stops taking bytes from the kernel. */
  pause(): void
  resume(): void
  /** Waits for one more event on the socket. */
  change(): Promise<void>
  /** Closes for good; resolves when the socket is gone. */
  close(): Promise<void>
}

/** A byte queue whose capacity doubles, so that large answers cost linear time. */
class ByteQueue {
  #bytes = Buffer.allocUnsafe(4096)
  #start = 0
  #end = 0
  get length(): number {
    return this.#end - this.#start
  }
  view(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end)
  }
  push(chunk: Buffer): void {
    if (this.#end + chunk.length > this.#bytes.length) {
      const live = this.view()
      const grown = Buffer.allocUnsafe(Math.max(4096, (live.length + chunk.length) * 2))
      live.copy(grown)
      this.#end = live.length
      this.#start = 0
      this.#bytes = grown
    }
    chunk.copy(this.#bytes, this.#end)
    this.#end += chunk.length
  }
  drop(count: number): void {
    this.#start += count
  }
}

/** Connects to a port of the loopback, or to a unix socket, and resolves when connected. */
export async function connectRaw(
  to: { port: number; host?: string } | { path: string },
  signal: AbortSignal,
): Promise<RawClient> {
  const socket = net.connect({
    ...to,
    ...('port' in to ? { host: to.host ?? '127.0.0.1' } : {}),
    allowHalfOpen: true,
  } as net.NetConnectOpts)
  socket.setNoDelay(true)
  const queue = new ByteQueue()
  const waiting = new Set<() => void>()
  let ending: Ending | null = null
  let failure: Error | null = null
  const wake = (): void => {
    const all = [...waiting]
    waiting.clear()
    for (const resume of all) resume()
  }
  const change = (): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error)
      const onAbort = (): void => {
        waiting.delete(done)
        reject(signal.reason as Error)
      }
      const done = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      signal.addEventListener('abort', onAbort, { once: true })
      waiting.add(done)
    })
  socket.on('data', (chunk: Buffer) => {
    queue.push(chunk)
    wake()
  })
  socket.on('end', () => {
    ending ??= 'end'
    wake()
  })
  socket.on('error', (error: Error) => {
    failure = error
    ending ??= 'reset'
    wake()
  })
  socket.on('close', () => {
    ending ??= 'reset'
    wake()
  })
  while (socket.connecting) {
    const connected = change()
    socket.once('connect', wake)
    await connected
    if (failure !== null) throw failure
  }
  const write = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      if (socket.destroyed || socket.writableEnded) return resolve()
      socket.write(bytes, () => resolve())
    })
  const asBytes = (bytes: string | Uint8Array): Uint8Array =>
    typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes

  const readBytes = async (count: number): Promise<Buffer> => {
    while (queue.length < count) {
      if (ending !== null)
        throw new Error(`connection ${ending}: ${queue.length} of ${count} bytes came`)
      await change()
    }
    const bytes = Buffer.from(queue.view().subarray(0, count))
    queue.drop(count)
    return bytes
  }

  return {
    port: socket.localPort ?? 0,
    change,
    send: (bytes) => write(asBytes(bytes)),
    async sendPieces(bytes, size) {
      const all = asBytes(bytes)
      for (let at = 0; at < all.length; ) {
        const count = typeof size === 'number' ? size : size()
        await write(all.subarray(at, at + count))
        await turn()
        at += count
        if (signal.aborted) throw signal.reason
      }
    },
    async readAnswer(method = 'GET') {
      for (;;) {
        const parsed = parseAnswer(queue.view(), method === 'HEAD', ending === 'end')
        if (parsed !== null) {
          queue.drop(parsed.used)
          return parsed.answer
        }
        if (ending !== null)
          throw new Error(`connection ${ending} before a whole answer, ${queue.length} bytes came`)
        await change()
      }
    },
    readBytes,
    async readTo(marker) {
      for (;;) {
        const at = queue.view().indexOf(marker, 0, 'latin1')
        if (at >= 0) return (await readBytes(at + marker.length)).toString('latin1')
        if (ending !== null)
          throw new Error(`connection ${ending} before ${JSON.stringify(marker)}`)
        await change()
      }
    },
    async readEnd() {
      while (ending === null) await change()
      if (queue.length > 0)
        throw new Error(
          `unexpected bytes before the end: ${JSON.stringify(queue.view().toString('latin1', 0, 200))}`,
        )
      if (ending !== 'end') throw new Error('connection was reset, FIN expected')
    },
    async readUntilGone() {
      while (ending === null) await change()
      const bytes = Buffer.from(queue.view())
      queue.drop(bytes.length)
      return { how: ending, bytes }
    },
    unread: () => queue.length,
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    async close() {
      if (socket.closed) return
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.destroy()
      await closed
    },
  }
}
