// Tests of the fault build: a case of the shared suite's kind, once per event loop, and what must hold after a fault.
import { readdirSync } from 'node:fs'
import { epollEngine } from '@celeris/engine-epoll'
import { test } from 'vitest'
import { runCase, type Scope, type Served } from '../../../engine/conformance/scope.ts'
import { faultReport, faults } from './faults.ts'

const EVENT_LOOPS = ['native', 'libuv'] as const

/** Runs with servers and clients that end with it; nothing fails any more when they are closed. */
export function faultTest(name: string, run: (scope: Scope) => Promise<void>): void {
  test.each(EVENT_LOOPS)(`${name}, eventLoop %s`, { timeout: 120_000 }, async (eventLoop) => {
    const guarded = async (scope: Scope): Promise<void> => {
      try {
        await run(scope)
      } finally {
        faults()
      }
    }
    await runCase(
      { name, run: guarded, guardMs: 90_000 },
      { create: () => epollEngine(), listen: { eventLoop } },
      new AbortController().signal,
    )
  })
}

/** Descriptors of this process. */
export const descriptors = (): number => readdirSync('/proc/self/fd').length

/** Waits until the server holds nothing for its connections but the connections themselves. */
export async function holdsNothing(scope: Scope, served: Served): Promise<void> {
  await scope.until(
    () => {
      const { accepted, closed, active, ownedBuffers, queuedBytes } = served.engine.metrics()
      return (
        active === 0 &&
        accepted === closed &&
        ownedBuffers === 0 &&
        queuedBytes === 0 &&
        faultReport().liveObjects === 0
      )
    },
    `nothing is left: ${JSON.stringify([served.engine.metrics(), faultReport().liveObjects])}`,
  )
}
