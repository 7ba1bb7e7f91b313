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

/** Bytes the kernel has taken so far. */
export function sentBytes(socket: Socket): number {
  const handle = (socket as { _handle?: Counting | null })._handle
  return (handle?.bytesWritten ?? 0) - (handle?.writeQueueSize ?? 0)
}

interface Counting {
  readonly bytesWritten?: number
  readonly writeQueueSize?: number
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
