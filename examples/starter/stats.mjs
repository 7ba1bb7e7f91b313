// What the landing page polls. Counters only, which grow: the page takes differences, so that any
// number of pages can watch without disturbing each other.
import { DURATION_BUCKETS_SEC } from '@celeris/core'

/** State of a server as plain JSON. */
export function readStats(app) {
  const { type, reason, candidates } = app.engineInfo()
  const now = app.collector.snapshot()
  const { engine } = now
  return {
    atMs: performance.now(),
    node: process.versions.node,
    rssBytes: process.memoryUsage.rss(),
    engine: { type, reason, candidates },
    requests: now.requests,
    active: now.active,
    byClass: now.byClass,
    aborts: now.aborts,
    durations: {
      boundsSec: DURATION_BUCKETS_SEC,
      counts: now.durations,
      sumSec: now.durationSumSec,
    },
    connections: { open: engine?.active ?? 0, accepted: engine?.accepted ?? 0 },
    loop: { busyUs: engine?.busyMicroseconds ?? 0, idleUs: engine?.idleMicroseconds ?? 0 },
  }
}
