// The shared suite while the kernel is unkind (C13, engines.md §10): a few bytes at a time, interrupted, not ready.
import { engineConformance } from '@celeris/engine/conformance'
import { epollEngine } from '@celeris/engine-epoll'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { faults } from './support/faults.ts'

/** Tiny transfers of a case; from then on they are only uneven, so that megabytes arrive in time. */
const TINY = 4000

/** Cases that count pieces or calls, by why they cannot hold here. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  'nothing arrives in one piece': [
    'requests of one piece arrive in one batch and are answered in order (PIP-1)',
    'the next requests are dispatched when half of the owed answers is gone, not before (PIP-3)',
    'no 100 when the body has come already (EXP-2)',
    'a part of the body that came along makes 100 needless (EXP-2)',
    'behind the head of an answer in parts no 100 Continue is sent (EXP-2)',
    'chunks of one byte are handed over many at a time: the',
    'pauses of our own do not count against a body (Timers)',
    'a body is read while its answer is written; a chunked one announces the close (CLOSE-2)',
    'requests that were parsed behind it already: refused, and everything is answered (UPG-2)',
  ],
  'it is too slow for a time that the engine sets': [
    'a newcomer that has not had time for its request makes no room before an idle one (BP-3)',
    'what the peer acknowledges is progress, long before the socket has room again (Timers)',
    'close takes every connection that waits to be accepted, and serves it (C11, L-9)',
  ],
  'nothing leaves in one send': [
    'head and body leave in one send, whatever they are made of (RES-9)',
    'a head timeout closes plainly: it does not outlast an older lingering connection (CLOSE-3)',
    'a peer that takes nothing is reset after the write timeout, and the handler learns it (Timers, EOF-3)',
  ],
}
const skipOf = (name: string): string | undefined =>
  Object.keys(ELSEWHERE).find((why) => ELSEWHERE[why]?.some((start) => name.startsWith(start)))

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
    if (c.group === 'framing') continue // framing.faults.test.ts
    const skip = skipOf(c.name) ?? c.skip
    test.skipIf(skip !== undefined)(
      `${c.group}: ${c.name}${skip === undefined ? '' : ` (skipped: ${skip})`}`,
      { timeout: 120_000 },
      ({ signal }) => c.run(signal),
    )
  }
})
