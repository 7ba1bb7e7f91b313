import { engineConformance } from '@celeris/engine/conformance'
import { describe, test } from 'vitest'
import { nodeEngine } from '../src/node-http/engine.ts'

/** The nightly run repeats the cases that look for leaks and races. */
const torture = process.env.CELERIS_TORTURE === '1'
const mode = torture ? 'torture' : 'quick'

describe('node engine conformance', () => {
  for (const c of engineConformance({ create: () => nodeEngine(), differences: 'node', mode })) {
    test.skipIf(c.skip !== undefined)(
      `${c.group}: ${c.name}${c.skip === undefined ? '' : ` (skipped: ${c.skip})`}`,
      { timeout: torture ? 3_600_000 : 60_000 },
      ({ signal }) => c.run(signal),
    )
  }
})
