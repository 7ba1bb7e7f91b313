import { describe, expect, it } from 'vitest'
import { runBench } from './support/run-bench.ts'

describe.runIf(process.platform === 'linux')('quick attack drills', () => {
  it.each(['epoll', 'node'])(
    'on %s: good clients are served, memory is bounded, attackers go (BP-1, BP-3, Timers)',
    async (engine) => {
      const { code, stdout, stderr } = await runBench('drills', '--quick', '--engine', engine)
      expect(code === 0 ? '' : `${stdout}\n${stderr}`).toBe('')
      expect(stdout).toMatch(/(\d+) of \1 drills passed/)
    },
    300_000,
  )

  it('fails with an exit code when a drill is unknown', async () => {
    const { code, stderr } = await runBench('drills', '--drill', 'earthquake')
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/"earthquake" is unknown; known: slow-headers/)
  })
})
