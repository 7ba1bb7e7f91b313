// Descriptors and threads of this process: what must be as before when connections are gone.
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import type { Scope } from './scope.ts'

/** Open descriptors and threads, or null where the system does not tell. */
export async function footprint(): Promise<{ descriptors: number; threads: number } | null> {
  try {
    const [descriptors, threads] = await Promise.all([
      readdir('/proc/self/fd'),
      readdir('/proc/self/task'),
    ])
    return { descriptors: descriptors.length, threads: threads.length }
  } catch {
    return null
  }
}

/** Waits until no more descriptors are open than before. */
export async function assertSameFootprint(
  scope: Scope,
  before: Awaited<ReturnType<typeof footprint>>,
): Promise<void> {
  if (before === null) return
  for (;;) {
    const now = await footprint()
    if (now === null || (now.descriptors <= before.descriptors && now.threads <= before.threads))
      return
    if (scope.signal.aborted) assert.deepEqual(now, before, 'descriptors and threads as before')
  }
}
