import { engineConformance } from '@celeris/engine/conformance'
import { epollEngine } from '@celeris/engine-epoll'
import { describe, test } from 'vitest'

describe('epoll engine conformance', () => {
  for (const c of engineConformance({ create: () => epollEngine() })) {
    test.skipIf(c.skip !== undefined)(
      `${c.group}: ${c.name}${c.skip === undefined ? '' : ` (skipped: ${c.skip})`}`,
      { timeout: 60_000 },
      ({ signal }) => c.run(signal),
    )
  }
})
