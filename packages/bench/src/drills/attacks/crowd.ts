import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { AttackContext } from '../attack.ts'

const AT_A_TIME = 50

/** Opens the attack's connections, some at a time, and gives those that stand. */
export const openCrowd = async (
  context: AttackContext,
  greet: (socket: Socket, index: number) => void,
  options?: { readonly reads?: boolean },
): Promise<Socket[]> => {
  const crowd: Socket[] = []
  for (let at = 0; at < context.order.connections && !context.signal.aborted; at += AT_A_TIME) {
    const count = Math.min(AT_A_TIME, context.order.connections - at)
    const opened = await Promise.all(Array.from({ length: count }, () => context.open(options)))
    for (const socket of opened) {
      if (socket === null) continue
      greet(socket, crowd.length)
      crowd.push(socket)
    }
    await delay(10)
  }
  context.up()
  return crowd
}

/** Does something to every connection that is left, again and again, until none is. */
export const everyMs = async (
  context: AttackContext,
  crowd: readonly Socket[],
  ms: number,
  act: (socket: Socket) => void,
): Promise<void> => {
  for (;;) {
    const left = crowd.filter((socket) => !socket.destroyed)
    if (left.length === 0 || context.signal.aborted) return
    for (const socket of left) if (socket.writable) act(socket)
    await delay(ms)
  }
}

/** The next bytes from the server; null when it ended the connection. */
export const nextChunk = (socket: Socket): Promise<Buffer | null> =>
  new Promise((resolve) => {
    const done = (chunk: Buffer | null): void => {
      socket.off('data', done).off('close', gone)
      resolve(chunk)
    }
    const gone = (): void => done(null)
    if (socket.destroyed) return resolve(null)
    socket.on('data', done).on('close', gone)
  })

/** Sends requests one after the other on many connections, each renewed when the server ends it. */
export const closedLoop = async (
  context: AttackContext,
  request: (turn: number) => Buffer,
): Promise<void> => {
  const { order, signal, tally } = context
  let turn = 0
  const until = performance.now() + order.durationMs
  const one = async (): Promise<void> => {
    let socket: Socket | null = null
    while (!signal.aborted && performance.now() < until) {
      if (socket === null || socket.destroyed) socket = await context.open()
      if (socket === null) continue
      const answered = nextChunk(socket)
      tally.requests++
      socket.write(request(turn++))
      if ((await answered) === null) socket = null
    }
    socket?.destroy()
  }
  const all = Promise.all(Array.from({ length: order.connections }, one))
  context.up()
  await all
}
