// The end of an engine (core.md L-9): nobody new, a grace for the idle, time for the busy, then a cut.
import type { Server } from 'node:net'
import type { DrainReport } from '@celeris/engine'
import { type Acceptor, closeAcceptor } from './acceptor.ts'
import type { Connection } from './connection.ts'

/** One turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Idle connections stay readable this long: a request may be on its way. */
const GRACE_MS = 250
/** Newcomers may come faster than they can be taken: no longer than this. */
const QUEUE_MS = 1_000

export interface Draining {
  readonly timeoutMs: number
  /** Gives the end, in milliseconds from now, whenever a later call brings it forward. */
  readonly onHasten: (listener: (timeoutMs: number) => void) => void
  readonly acceptor: Acceptor
  readonly connections: () => Connection[]
  /** Serves what was accepted and held back. */
  readonly takeWaiting: () => void
  /** Calls back whenever a connection became idle, began to linger, or is gone. */
  readonly onSettled: (listener: () => void) => void
  /** Nothing waits to be dispatched. */
  readonly turnsDone: () => boolean
}

/** A moment that may be brought forward while somebody waits for it. */
class Deadline {
  #at: number
  #moved: () => void = () => undefined

  constructor(at: number) {
    this.#at = at
  }

  atMost(at: number): void {
    this.#at = Math.min(this.#at, at)
    this.#moved()
  }

  /** Calls back once when it has come; gives what cancels that. */
  watch(passed: () => void): () => void {
    let timer: NodeJS.Timeout | undefined
    this.#moved = () => {
      clearTimeout(timer)
      timer = setTimeout(passed, Math.max(0, Math.ceil(this.#at - performance.now())))
    }
    this.#moved()
    return () => {
      clearTimeout(timer)
      this.#moved = () => undefined
    }
  }
}

/** Resolves when the condition holds after some change, or at the deadline. */
function settledOr(deadline: Deadline, draining: Draining, done: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearInterval(again)
      cancel()
      draining.onSettled(() => undefined)
      resolve()
    }
    const cancel = deadline.watch(finish)
    // Some are idle for a moment only.
    const again = setInterval(() => check(), GRACE_MS)
    const check = (): void => {
      if (done()) finish()
    }
    draining.onSettled(check)
    check()
  })
}

/** libuv takes one connection a turn; closing the listener would reset the rest of its queue. */
async function takeQueue(server: Server, untilMs: number): Promise<void> {
  let arrived = false
  const onArrival = (): void => {
    arrived = true
  }
  server.on('connection', onArrival)
  do {
    arrived = false
    await turn()
  } while (arrived && performance.now() < untilMs)
  server.off('connection', onArrival)
}

export async function drainConnections(draining: Draining): Promise<DrainReport> {
  const start = performance.now()
  const deadline = new Deadline(start + draining.timeoutMs)
  const graceEnd = new Deadline(Number.POSITIVE_INFINITY)
  draining.onHasten((timeoutMs) => {
    graceEnd.atMost(performance.now() + Math.min(GRACE_MS, timeoutMs / 10))
    deadline.atMost(performance.now() + timeoutMs)
  })
  const open = new Set(draining.connections())
  await takeQueue(draining.acceptor.server, start + Math.min(QUEUE_MS, draining.timeoutMs / 2))
  graceEnd.atMost(performance.now() + Math.min(GRACE_MS, draining.timeoutMs / 10))
  closeAcceptor(draining.acceptor)
  draining.takeWaiting()
  for (const connection of draining.connections()) open.add(connection)
  const busy = (): Connection[] =>
    draining.connections().filter((connection) => !connection.lingering)
  // A lingering connection has its last answer: it never delays the end (CLOSE-4).
  const allEnded = (): boolean => busy().length === 0
  await settledOr(graceEnd, draining, allEnded)
  // Timers come before input: what arrived while this process was kept from running is read first.
  await turn()
  for (const connection of busy()) if (connection.idle) connection.shut()
  if (!allEnded()) {
    const shutIdle = (): boolean => {
      // An answer in parts whose head left before could not say that it was the last: the next request may be coming.
      const since = performance.now() - Math.min(GRACE_MS, draining.timeoutMs / 10)
      for (const connection of busy())
        if (connection.idle && connection.clock.idleSince <= since) connection.shut()
      return allEnded()
    }
    await settledOr(deadline, draining, shutIdle)
  }
  const cut = busy()
  for (const connection of draining.connections()) {
    if (connection.lingering) connection.socket.destroy()
    else connection.cut(true)
  }
  // The notices of what was cut are still to be dispatched.
  while (!draining.turnsDone() || draining.connections().length > 0) await turn()
  const late = cut.filter((connection) => !open.has(connection)).length
  return {
    drained: open.size - (cut.length - late),
    cut: cut.length,
    elapsedMs: performance.now() - start,
  }
}
