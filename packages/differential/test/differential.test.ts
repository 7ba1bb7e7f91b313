// The same bytes to our engines, to node:http and to hyper. Each is compared with the rules of http1.md,
// read naively; where one leaves them, known-disagreements.ts says why, or the test fails.
import { fuzzBudget, fuzzTimeoutMs } from '@celeris/test-support'
import { expect, onTestFinished, test } from 'vitest'
import { compare } from './compare.ts'
import type { Opponent } from './known-disagreements.ts'
import { serveCeleris } from './subjects/celeris.ts'
import { provideHyper, serveHyper } from './subjects/hyper.ts'
import { serveNodeHttp } from './subjects/node-http.ts'
import type { Subject } from './subjects/subject.ts'

const hyper = await provideHyper()

const NO_EPOLL = process.platform === 'linux' ? undefined : 'epoll is a system call of Linux'

interface Plan {
  readonly opponent: Opponent
  readonly rounds: number
  readonly skip: string | undefined
  readonly serve: () => Promise<Subject>
}

const plans: readonly Plan[] = [
  {
    opponent: 'epoll',
    rounds: 4_000,
    skip: NO_EPOLL,
    serve: () => serveCeleris('epoll'),
  },
  { opponent: 'node engine', rounds: 1_200, skip: undefined, serve: () => serveCeleris('node') },
  { opponent: 'node:http', rounds: 1_200, skip: undefined, serve: serveNodeHttp },
  {
    opponent: 'hyper',
    rounds: 1_500,
    skip: 'missing' in hyper ? hyper.missing : undefined,
    serve: () => serveHyper('program' in hyper ? hyper.program : ''),
  },
]

for (const { opponent, rounds, skip, serve } of plans) {
  const name = `${opponent} does what http1.md says, but for what is known`
  test.skipIf(skip !== undefined)(
    skip === undefined ? name : `${name} (skipped: ${skip})`,
    { timeout: fuzzTimeoutMs() },
    async () => {
      const { seed, seconds } = fuzzBudget()
      const one = process.env.CELERIS_FUZZ_INDEX
      const subject = await serve()
      onTestFinished(() => subject.close())
      const { inputs, known, unexplained } = await compare({
        opponent,
        port: subject.port,
        seed,
        seconds: one === undefined ? seconds : null,
        from: Number(one ?? 0),
        rounds: one === undefined ? rounds : 1,
      })
      if (seconds !== null)
        console.log(`${opponent}: ${inputs} inputs, ${known} known, seed ${seed}`)
      expect(unexplained.join('\n'), unexplained.join('\n')).toBe('')
      expect(inputs).toBeGreaterThan(0)
    },
  )
}
