// What must not be parsed yet goes back to the socket: what stands behind a request that names Upgrade, until its answer
// shows whose bytes they are (UPG-1, UPG-2), and requests beyond those that may be owed an answer (PIP-3).
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What is used of node's parser; none of it is in the public interface. */
interface Parser {
  execute(bytes: Buffer): unknown
  incoming: (IncomingMessage & { upgrade?: boolean }) | null
}

const parserOf = (socket: Socket): Parser | null =>
  (socket as { parser?: Parser | null }).parser ?? null

const badRequest = (): Error =>
  Object.assign(new Error('no request behind one that names Upgrade'), {
    code: 'HPE_INVALID_METHOD',
  })

/** Heads are parsed in pieces of this size: one read may hold thousands of small requests. */
const PIECE_BYTES = 2048

export class InputGate {
  readonly #socket: Socket
  readonly #parser: Parser | null
  readonly #shut: () => boolean
  readonly #inBody: () => boolean
  #returnedBytes = 0
  #paused = false

  /** Stands between a socket and the parser that node gave it; `shut` tells that nothing may be parsed now. */
  constructor(socket: Socket, shut: () => boolean, inBody: () => boolean) {
    this.#socket = socket
    this.#shut = shut
    this.#inBody = inBody
    this.#parser = parserOf(socket)
    if (this.#parser !== null) this.#parser.execute = (bytes) => this.#execute(bytes)
  }

  /** Parses a chunk to its end: node's parser stops behind a request that names Upgrade, and node drops what follows. */
  #execute(bytes: Buffer): unknown {
    const parser = this.#parser as Parser
    const { execute } = Object.getPrototypeOf(parser) as Parser
    let rest = bytes
    while (rest.length > 0) {
      if (this.#shut()) {
        this.#keep(rest)
        break
      }
      const used = execute.call(parser, this.#inBody() ? rest : rest.subarray(0, PIECE_BYTES))
      if (typeof used !== 'number' || parser.incoming?.upgrade === true) return used
      // Behind an upgrade node's parser does not tell of an error: it only takes no more bytes.
      if (used <= 0) return badRequest()
      rest = rest.subarray(used)
    }
    return bytes.length
  }

  /** Back to the socket: there it stands before what is still to come, and before its end. */
  #keep(bytes: Buffer): void {
    this.pause()
    this.#returnedBytes += bytes.length
    this.#socket.unshift(bytes)
  }

  /** Reads no further until `open`. */
  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  /** Reads on, if it was this gate that stopped. */
  open(): void {
    if (this.#paused) this.#socket.resume()
    this.#paused = false
  }

  /** How many bytes of a chunk come for the first time. */
  fresh(chunk: Buffer): number {
    const returned = Math.min(this.#returnedBytes, chunk.length)
    this.#returnedBytes -= returned
    return chunk.length - returned
  }

  /** node uses parsers again, for other sockets. */
  detach(): void {
    if (this.#parser !== null) delete (this.#parser as { execute?: unknown }).execute
  }
}

/** Methods that node's server, or a connection, put in front of those of the socket. */
const REPLACED = ['on', 'addListener', 'prependListener', 'setEncoding', 'destroySoon'] as const

/**
 * Takes node's listeners and its parser off a socket whose latest request has no answer, the way node itself does for an
 * upgrade: the request is marked as one, and an empty chunk makes node look at it.
 */
export function leaveNode(
  server: Server,
  socket: Socket,
  message: IncomingMessage,
  response: ServerResponse,
): void {
  response.detachSocket(socket)
  const parser = parserOf(socket)
  if (parser === null) return
  parser.incoming = Object.assign(message, { upgrade: true })
  const ignore = (): void => undefined
  server.on('upgrade', ignore)
  try {
    socket.emit('data', Buffer.alloc(0))
  } finally {
    server.off('upgrade', ignore)
  }
  for (const name of REPLACED) delete (socket as Partial<Socket>)[name]
}
