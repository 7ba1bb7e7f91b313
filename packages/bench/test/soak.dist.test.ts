import { describe, expect, it } from 'vitest'
import { runBench } from './support/run-bench.ts'

describe.runIf(process.platform === 'linux')('a short soak', () => {
  it.each(['epoll', 'node'])(
    'on %s: no wrong byte, nothing left at the end (PIP-1, C15)',
    async (engine) => {
      const { code, stdout, stderr } = await runBench(
        ...['soak', '--engine', engine, '--seconds', '5', '--clients', '80'],
      )
      // The output holds the seed, what was wrong and for whom.
      expect(code === 0 ? '' : `${stdout}\n${stderr}`).toBe('')
      expect(stdout).toMatch(/\nPASS\n/)
    },
    180_000,
  )
})
