// Attackers that send as much as they can.
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Attack, AttackContext } from '../attack.ts'
import { closedLoop, openCrowd } from './crowd.ts'

const LINE = 'GET /hello/flood HTTP/1.1\r\nHost: a\r\n'
const POST = 'POST /echo/flood HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

const heads = [
  // As large as allowed, in one line and in many.
  `${LINE}X: ${'y'.repeat(32_000)}\r\n\r\n`,
  `${LINE}${'X: y\r\n'.repeat(190)}\r\n`,
  // Too large, too many lines, too long a target.
  `${LINE}X: ${'y'.repeat(40_000)}\r\n\r\n`,
  `${LINE}${'X: y\r\n'.repeat(4_000)}\r\n`,
  `GET /${'y'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
].map((text) => Buffer.from(text))

const bodies = [
  // A hundred thousand bytes, each in a chunk of its own.
  `${POST}${'1\r\ny\r\n'.repeat(100_000)}0\r\n\r\n`,
  // Extensions: a little in each of many chunks, much in one.
  `${POST}${`1;${'x'.repeat(100)}\r\ny\r\n`.repeat(1_000)}0\r\n\r\n`,
  `${POST}1;${'x'.repeat(60_000)}\r\ny\r\n0\r\n\r\n`,
].map((text) => Buffer.from(text))

/** Maximum-size heads, too large heads, too many fields, too long targets. */
export const headerFlood: Attack = (context) =>
  closedLoop(context, (turn) => heads[turn % heads.length] as Buffer)

/** Chunks of one byte, and chunk extensions of every size. */
export const chunkFlood: Attack = (context) =>
  closedLoop(context, (turn) => bodies[turn % bodies.length] as Buffer)

const PIPELINED = Buffer.from(`${LINE}\r\n`.repeat(500))

/** Requests pipelined by the thousand, whose answers nobody reads. */
export const pipeliningFlood: Attack = async (context) => {
  const push = (socket: Socket): void => {
    while (socket.writable && !context.signal.aborted) {
      context.tally.requests += 500
      if (!socket.write(PIPELINED)) break
    }
    socket.once('drain', () => push(socket))
  }
  const crowd = await openCrowd(context, push, { reads: false })
  // The server's resets show when something is written; what is stuck is given up at the end.
  const until = performance.now() + context.order.durationMs
  while (performance.now() < until && !context.signal.aborted) {
    if (crowd.every((socket) => socket.destroyed)) return
    await delay(50)
  }
  for (const socket of crowd) socket.destroy()
}

const visits: readonly ((context: AttackContext, socket: Socket) => void)[] = [
  (_, socket) => socket.end(),
  (_, socket) => socket.resetAndDestroy(),
  (context, socket) => {
    context.tally.requests++
    socket.write(`${LINE}\r\n`, () => socket.resetAndDestroy())
  },
  (_, socket) => socket.end('GET /hel'),
]

const CHURN_AT_ONCE = 64

/** Connections that come and go: closed, reset, reset behind a request, closed inside a head. */
export const churn: Attack = async (context) => {
  const { order, signal } = context
  let left = order.connections
  const one = async (): Promise<void> => {
    while (left > 0 && !signal.aborted) {
      const turn = left--
      const socket = await context.open()
      if (socket === null) continue
      const closed = new Promise((resolve) => socket.once('close', resolve))
      visits[turn % visits.length]?.(context, socket)
      await closed
    }
  }
  const all = Promise.all(Array.from({ length: CHURN_AT_ONCE }, one))
  context.up()
  await all
}

/** More idle connections than the server takes, opened again whenever it closes one. */
export const connectionFlood: Attack = async (context) => {
  const { order, signal } = context
  let crowd = await openCrowd(context, () => {})
  const until = performance.now() + order.durationMs
  while (performance.now() < until && !signal.aborted) {
    crowd = crowd.filter((socket) => !socket.destroyed)
    const missing = Math.min(50, order.connections - crowd.length)
    const opened = await Promise.all(Array.from({ length: missing }, () => context.open()))
    crowd.push(...opened.filter((socket) => socket !== null))
    await delay(50)
  }
  for (const socket of crowd) socket.destroy()
}
