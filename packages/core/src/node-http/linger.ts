// The staged close (http1.md CLOSE-3): FIN first, then input is read and dropped, so that no RST destroys the answer.
import type { Socket } from 'node:net'
import { LINGER_MS, LINGER_SILENCE_MS } from '@celeris/engine/layout'
import type { Deadlined, Deadlines } from './deadlines.ts'

/** Takes a socket over until it is closed. */
export function linger(socket: Socket, deadlines: Deadlines): void {
  const end = performance.now() + LINGER_MS
  let lastInput = performance.now()
  const lingering: Deadlined = {
    deadline: () => Math.min(end, lastInput + LINGER_SILENCE_MS),
    expire: () => void socket.destroy(),
  }
  // Nothing is parsed any more: what comes is dropped.
  socket.removeAllListeners('data')
  socket.on('data', () => {
    lastInput = performance.now()
  })
  socket.on('end', () => socket.destroy())
  socket.on('close', () => deadlines.remove(lingering))
  socket.end()
  socket.resume()
  deadlines.add(lingering)
}
