// The few things asked of node's sockets and parser that are not in one call of their public interface.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Status that answers an error of node's parser (http1.md, permitted differences). */
export function parserStatus(code: string | undefined): number {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 431
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 413
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408
    default:
      return 400
  }
}

/** Bytes written and not yet taken by the kernel; 0 where the platform does not tell. */
export function unsentBytes(socket: Socket): number {
  const handle = (socket as { _handle?: { writeQueueSize?: number } | null })._handle
  return handle?.writeQueueSize ?? 0
}

/** RST where the transport has one, else a plain close. */
export function resetSocket(socket: Socket): void {
  const isTcp = socket.remotePort !== undefined && !('encrypted' in socket)
  if (isTcp) socket.resetAndDestroy()
  else socket.destroy()
}

/**
 * node closes after a final answer to a request that expected 100 Continue and got none, whether or not its body came.
 * How the connection goes on is decided here (CLOSE-1, EXP-2).
 */
export function forgetExpectation(response: ServerResponse): void {
  const marked = response as { _expect_continue?: boolean }
  if (marked._expect_continue === true) marked._expect_continue = false
}

interface Parser {
  execute(bytes: Buffer): unknown
  readonly incoming: { readonly upgrade?: boolean } | null
}

/** Parses a chunk to its end: node's parser stops behind a request that names Upgrade, and node drops what follows. */
function executeWhole(this: Parser, bytes: Buffer): unknown {
  const { execute } = Object.getPrototypeOf(this) as Parser
  let rest = bytes
  let used = execute.call(this, rest)
  while (
    typeof used === 'number' &&
    used > 0 &&
    used < rest.length &&
    this.incoming?.upgrade !== true
  ) {
    rest = rest.subarray(used)
    used = execute.call(this, rest)
  }
  return used
}

/** Makes the parser of a socket read whole chunks (UPG-1: an upgrade that nobody takes is ignored). */
export function feedWhole(socket: Socket): void {
  const { parser } = socket as { parser?: Parser | null }
  if (typeof parser?.execute === 'function') parser.execute = executeWhole
}
