// Set-up of the vitest project `faults`: the test build of the native engines, whose system calls
// and allocations fail when a script says so (engines.md §1.3). `npm test` runs the same tests on a
// build that has the sanitizers inside as well, and names it with CELERIS_NATIVE_DIR.
import { join } from 'node:path'
import { faultBuild } from './native.mjs'
import { cache, nativePackages } from './paths.mjs'

/** The build that the tests load. */
export const faultFolder = process.env.CELERIS_NATIVE_DIR ?? join(cache, 'native', 'faults')

export function setup() {
  if (process.env.CELERIS_NATIVE_DIR !== undefined || process.platform !== 'linux') return
  for (const { folder } of nativePackages()) faultBuild(folder, 'faults')
}
