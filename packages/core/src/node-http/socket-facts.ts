// The few things asked of node's sockets and parser that are not in one call of their public interface.
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
