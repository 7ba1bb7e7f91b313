// The shared suite while the kernel is unkind (C13, engines.md §10): a few bytes at a time, interrupted, not ready.
import { engineConformance } from '@celeris/engine/conformance'
import { epollEngine } from '@celeris/engine-epoll'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { faults } from './support/faults.ts'

/** Tiny transfers of a case; from then on they are only uneven, so that megabytes arrive in time. */
const TINY = 4000

/** Cases about what one piece does, where there is none, or about a socket that takes nothing. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'requests of one piece arrive in one batch and are answered in order (PIP-1)':
    'nothing arrives in one piece',
  'no 100 when the body has come already (EXP-2)': 'nothing arrives in one piece',
  'a peer that takes nothing is reset after the write timeout, and the handler learns it (Timers, EOF-3)':
    'a queue does not mean that the peer takes nothing',
}

describe('epoll engine conformance, 1 to 3 bytes at a time with EINTR and EAGAIN between', () => {
  beforeEach(() =>
    faults(
      { call: 'send', every: 5, errno: 'EINTR' },
      { call: 'send', every: 2, errno: 'EAGAIN' },
      { call: 'send', take: [1, 2, 3], times: TINY },
      { call: 'send', take: [1, 8191, 2, 65_536, 3, 32_749] },
      { call: 'recv', every: 5, errno: 'EINTR' },
      { call: 'recv', every: 2, errno: 'EAGAIN' },
      { call: 'recv', take: [3, 1, 2], times: TINY },
      { call: 'recv', take: [1, 4093, 2, 65_536, 3, 16_381] },
      { call: 'epoll_wait', every: 3, errno: 'EINTR' },
    ),
  )
  afterEach(() => faults())
  for (const c of engineConformance({ create: () => epollEngine() })) {
    const skip = ELSEWHERE[c.name] ?? c.skip
    test.skipIf(skip !== undefined)(
      `${c.group}: ${c.name}${skip === undefined ? '' : ` (skipped: ${skip})`}`,
      { timeout: 120_000 },
      ({ signal }) => c.run(signal),
    )
  }
})
