// Attackers that hold a connection by being slow.
import type { Attack } from '../attack.ts'
import { everyMs, openCrowd } from './crowd.ts'

/** Heads that grow by one byte every 100 ms and never end. */
export const slowHeaders: Attack = async (context) => {
  const crowd = await openCrowd(context, (socket) => {
    socket.write('GET /hello/slow HTTP/1.1\r\nHost: a\r\nX-Slow: ')
  })
  await everyMs(context, crowd, 100, (socket) => socket.write('y'))
}

/** Bodies that bring 2.5 bytes per second, below the least of 8. */
export const slowBodies: Attack = async (context) => {
  const crowd = await openCrowd(context, (socket) => {
    socket.write('POST /echo/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n')
  })
  await everyMs(context, crowd, 400, (socket) => socket.write('y'))
}

/** Large answers asked for and not read: half of the attackers read nothing, the others a trickle. */
export const slowReaders: Attack = async (context) => {
  const crowd = await openCrowd(
    context,
    (socket) => {
      context.tally.requests++
      socket.write('GET /shared HTTP/1.1\r\nHost: a\r\n\r\n')
    },
    { reads: false },
  )
  const until = performance.now() + context.order.durationMs
  await everyMs(
    context,
    crowd.filter((_, index) => index % 2 === 1),
    500,
    (socket) => {
      if (performance.now() > until) socket.destroy()
      // One read of at most 64 KiB, then the socket is paused again.
      else if (socket.isPaused()) socket.once('data', () => socket.pause()).resume()
    },
  )
  for (const socket of crowd) socket.destroy()
}
