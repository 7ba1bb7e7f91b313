// The table of request bytes while a recv never takes more than one of them, and libuv waits.
import { engineConformance } from '@celeris/engine/conformance'
import { epollEngine } from '@celeris/engine-epoll'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { faults } from './support/faults.ts'

/** Most rows are sweeps over bytes, which take the same path: one in so many, all of them in torture mode. */
const STRIDE = process.env.CELERIS_TORTURE === '1' ? 1 : 6

describe('framing of the epoll engine, recv takes 1 byte', () => {
  beforeEach(() => faults({ call: 'recv', every: 4, errno: 'EINTR' }, { call: 'recv', take: [1] }))
  afterEach(() => faults())
  const subject = { create: () => epollEngine(), listen: { eventLoop: 'libuv' as const } }
  const cases = engineConformance(subject)
    .filter(({ group }) => group === 'framing')
    .filter((_, index) => index % STRIDE === 0)
  for (const c of cases) {
    test.skipIf(c.skip !== undefined)(
      `${c.name}${c.skip === undefined ? '' : ` (skipped: ${c.skip})`}`,
      { timeout: 120_000 },
      ({ signal }) => c.run(signal),
    )
  }
})
