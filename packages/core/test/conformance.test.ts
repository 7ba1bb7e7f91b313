import { engineConformance } from '@celeris/engine/conformance'
import { describe, test } from 'vitest'
import { nodeEngine } from '../src/node-http/engine.ts'

describe('node engine conformance', () => {
  for (const c of engineConformance({ create: () => nodeEngine(), differences: 'node' })) {
    test.skipIf(c.skip !== undefined)(
      `${c.group}: ${c.name}${c.skip === undefined ? '' : ` (skipped: ${c.skip})`}`,
      { timeout: 60_000 },
      ({ signal }) => c.run(signal),
    )
  }
})
