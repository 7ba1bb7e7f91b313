// The same suite with libuv waiting: what Electron and every further server of a process get.
import { engineConformance } from '@celeris/engine/conformance'
import { epollEngine } from '@celeris/engine-epoll'
import { describe, test } from 'vitest'

describe('epoll engine conformance, eventLoop libuv', () => {
  const subject = { create: () => epollEngine(), listen: { eventLoop: 'libuv' as const } }
  for (const c of engineConformance(subject)) {
    test.skipIf(c.skip !== undefined)(
      `${c.group}: ${c.name}${c.skip === undefined ? '' : ` (skipped: ${c.skip})`}`,
      { timeout: 60_000 },
      ({ signal }) => c.run(signal),
    )
  }
})
