import { expect, it } from 'vitest'
import { soak } from './soak.ts'

// `npm run redis-soak -- --seconds N` sets it.
const { CELERIS_SOAK_SECONDS } = process.env
const seconds = Number(CELERIS_SOAK_SECONDS ?? 8)

it(
  'loses nothing while the server is killed again and again (SUITE-4, DELIV-1, DELIV-5)',
  async () => {
    const killEveryMs = CELERIS_SOAK_SECONDS === undefined ? 1_200 : 3_000
    const report = await soak({ seconds, callers: 100, killEveryMs })
    if (CELERIS_SOAK_SECONDS !== undefined) console.log(report)
    expect(report.wrong).toEqual([])
    expect(report.kills).toBeGreaterThan(1)
    expect(report.acknowledged).toBeGreaterThan(1_000)
    expect(report.rejected.notRun).toBeGreaterThan(0)
    expect(report.rejected.mayHaveRun).toBeGreaterThan(0)
    expect(report.resources.after).toBeLessThanOrEqual(report.resources.before)
    // The heap of a short run still grows to its working size.
    if (seconds >= 60) expect(report.rssMiB.late).toBeLessThan(report.rssMiB.early * 1.1 + 10)
  },
  seconds * 1_000 + 60_000,
)
