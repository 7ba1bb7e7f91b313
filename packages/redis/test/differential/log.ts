// What a client tells: its events in their order, and what became of calls.
import type { Redis } from 'ioredis'
import { SETTLE_WITH_LAST_REPLY } from './deviations.ts'
import { kindOf, picture } from './picture.ts'
import { outcome } from './ways.ts'

const EVENTS = [
  ...['wait', 'connecting', 'connect', 'ready', 'close', 'reconnecting', 'end', 'error', 'select'],
  ...['monitoring', 'message', 'messageBuffer', 'pmessage', 'pmessageBuffer', 'smessage'],
  ...['smessageBuffer', 'subscribe', 'unsubscribe', 'drain', 'sharded', '+node', '-node'],
] as const

/** Events and outcomes of one client, in the order they came. */
export interface Log {
  readonly events: unknown[]
  readonly calls: unknown[]
  /** Notes what becomes of a call, under a name. Resolves when it settles. */
  readonly follow: (name: string, work: () => unknown) => Promise<void>
  /** Resolves at the next event of a name. */
  readonly next: (name: string) => Promise<void>
  readonly result: () => unknown
}

export function logOf(client: Redis): Log {
  const events: unknown[] = []
  const calls: [string, unknown][] = []
  const order: string[] = []
  for (const name of EVENTS) {
    client.on(name, (...args: unknown[]) => {
      // A delay of chance, and the client or node an event is about.
      const shown =
        name === 'reconnecting' || name === 'error' ? picture(args) : args.map(shownEvent)
      events.push([name, client.status, shown])
    })
  }
  return {
    events,
    calls,
    follow: async (name, work) => {
      const call: [string, unknown] = [name, 'pending']
      calls.push(call)
      call[1] = await outcome(work)
      if (!SETTLE_WITH_LAST_REPLY.has(name)) order.push(name)
    },
    next: (name) => new Promise((resolve) => void client.once(name, () => resolve())),
    result: () => ({
      events: [...events],
      calls: [...calls],
      order: [...order],
      status: client.status,
      mode: client.mode,
    }),
  }
}

const shownEvent = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !(value instanceof Buffer)
    ? kindOf(value)
    : picture(value)
