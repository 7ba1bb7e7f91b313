import { describe, expect, it } from 'vitest'
import { measureAllocations, measureInProcess } from '../src/measure/in-process.ts'
import { findScenario } from '../src/scenarios/scenario-list.ts'
import { inProcessAddon } from '../src/tools/in-process-addon.ts'
import type { Pinning } from '../src/tools/pinning.ts'

// Without a C++ compiler or Node's headers there is nothing to test; what does not compile fails.
const reason = await inProcessAddon().then(
  () => '',
  (error: Error) =>
    /does not run|headers|run the bench on Linux/.test(error.message) ? error.message : '',
)
if (reason) process.stderr.write(`in-process.test.ts skipped: ${reason}\n`)

const hello = findScenario('hello')
if (!hello) throw new Error('the hello scenario is gone')
const plan = { connections: 48, depth: 16, rounds: 3, turns: 40, warmupTurns: 300 }
const loose: Pinning = {
  serverCore: undefined,
  generatorCore: undefined,
  allowed: '',
  warning: undefined,
  canTie: false,
}

describe.skipIf(reason)('a server over a kernel in memory', () => {
  it('answers what was agreed, and its phases add up to its time', async () => {
    const { cpuNs, leastNs, parseNs, jsNs, emitNs } = await measureInProcess(loose, hello, plan)
    expect(cpuNs.count).toBe(plan.rounds)
    expect(leastNs).toBeGreaterThan(5)
    expect(Math.min(parseNs, jsNs, emitNs)).toBeGreaterThan(1)
    expect(parseNs + jsNs + emitNs).toBeGreaterThan(0.5 * leastNs)
  }, 120_000)

  it('allocates nothing natively for a request', async () => {
    const { enginePerRequest, jsPerRequest, perTurn } = await measureAllocations(loose, hello, plan)
    expect(enginePerRequest).toBe(0)
    expect(jsPerRequest).toBeLessThan(0.01)
    // Node-API makes its handle scope on the heap: were it not counted, nothing would be.
    expect(perTurn).toBeGreaterThanOrEqual(1)
  }, 120_000)
})
