import { connect, type Socket } from 'node:net'
import type { AttackContext, AttackOrder, AttackTally } from './attack.ts'

/** Addresses of this host that attackers come from, so that no pair of ports runs out. */
const SOURCES = 200

const countStatus = (tally: AttackTally, chunk: Buffer): void => {
  const text = chunk.toString('latin1', 0, 12)
  if (!text.startsWith('HTTP/1.1 ')) return
  const status = text.slice(9)
  tally.statuses[status] = (tally.statuses[status] ?? 0) + 1
}

/** Makes what an attack works with. */
export const createAttackContext = (
  order: AttackOrder,
  signal: AbortSignal,
  up: () => void,
): AttackContext => {
  const tally: AttackTally = {
    opened: 0,
    refused: 0,
    ended: 0,
    requests: 0,
    statuses: {},
    longestMs: 0,
  }
  let source = 0
  const open = new Set<Socket>()
  signal.addEventListener('abort', () => {
    for (const socket of open) socket.destroy()
  })
  return {
    order,
    tally,
    signal,
    up,
    open: ({ reads = true } = {}) =>
      new Promise((resolve) => {
        const socket = connect({
          port: order.port,
          host: '127.0.0.1',
          localAddress: `127.0.1.${1 + (source++ % SOURCES)}`,
          noDelay: true,
        })
        // A paused socket is never read from, so its end is not noticed either.
        if (!reads) socket.pause()
        let start = 0
        open.add(socket)
        socket.once('connect', () => {
          tally.opened++
          start = performance.now()
          resolve(socket)
        })
        socket.on('error', () => {
          if (start === 0) tally.refused++
        })
        socket.on('data', (chunk: Buffer) => countStatus(tally, chunk))
        socket.once('close', () => {
          open.delete(socket)
          if (start > 0 && !signal.aborted) {
            tally.ended++
            tally.longestMs = Math.max(tally.longestMs, performance.now() - start)
          }
          resolve(null)
        })
      }),
  }
}
