// maxConnections reached: an idle connection makes room, else the newcomer is turned away (BP-3).
import type { ListenOptions } from '@celeris/engine'
import { COUNTER_REJECTED } from '@celeris/engine/layout'
import type { Connection } from './connection.ts'
import type { Counters } from './counters.ts'
import type { SlotTable } from './slot-table.ts'

const SAMPLES = 16
const WARNING_INTERVAL_MS = 10_000

const lastWarning = new WeakMap<ListenOptions, number>()

/** Whether one more connection may be taken; those that are `spared` do not make room. */
export function makeRoom(
  connections: SlotTable<Connection>,
  options: ListenOptions,
  counters: Counters,
  spared: ReadonlySet<Connection>,
): boolean {
  if (connections.count < options.maxConnections) return true
  // Those that made room before in this turn are still in the table, and may not do so twice.
  const open = connections.all().filter(({ socket }) => !socket.destroyed)
  if (open.length < options.maxConnections) return true
  const now = performance.now()
  const idle = open.filter((connection) => connection.idle && !spared.has(connection))
  const sampled = idle.slice(0, SAMPLES)
  const longest = sampled.sort(
    (a, b) =>
      Number(b.isSilent(now)) - Number(a.isSilent(now)) || a.clock.idleSince - b.clock.idleSince,
  )[0]
  if (longest !== undefined) {
    longest.socket.destroy()
    return true
  }
  counters.add(COUNTER_REJECTED)
  if (now - (lastWarning.get(options) ?? Number.NEGATIVE_INFINITY) >= WARNING_INTERVAL_MS) {
    lastWarning.set(options, now)
    options.warn(
      `connection refused: maxConnections (${options.maxConnections}) are open and none is idle`,
    )
  }
  return false
}
