import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RedisReport } from '../src/redis/measure-redis.ts'
import { runBench } from './support/run-bench.ts'

describe.runIf(process.platform === 'linux')('celeris-bench redis', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'celeris-bench-test-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('runs each kind of work on our client and on ioredis, and compares every reply', async () => {
    const json = join(folder, 'report.json')
    const against = ['--against', 'ioredis,ioredis-auto']
    const { code, stdout, stderr } = await runBench('redis', '--check', ...against, '--json', json)
    expect(code === 0 ? '' : `${stdout}\n${stderr}`).toBe('')
    const report = JSON.parse(await readFile(json, 'utf8')) as RedisReport
    expect(report.skipped).toEqual([])
    expect(report.points.map(({ point }) => point)).toEqual([
      '1',
      '64',
      'pipeline',
      'buffer',
      'px',
      'hash',
      'cluster',
    ])
    for (const { point, sides } of report.points) {
      expect(sides.map(({ name }) => name)).toEqual(
        point === '64' ? ['celeris', 'ioredis', 'ioredis-auto'] : ['celeris', 'ioredis'],
      )
      for (const { opsPerSecond, cpuUs, peakMiB } of sides) {
        expect(opsPerSecond.median).toBeGreaterThan(0)
        expect(cpuUs.median).toBeGreaterThan(0)
        expect(peakMiB).toBeGreaterThan(0)
      }
    }
    for (const { bytesPerGet } of report.heap) expect(bytesPerGet).toBeGreaterThan(0)
    // So short a run is no ground for a judgement.
    expect(report.bars).toEqual([])
  }, 240_000)

  it('works over TLS, and writes a profile of our side', async () => {
    const profiles = join(folder, 'profiles')
    const words = ['--check', '--points', 'tls', '--against', 'ioredis', '--cpu-profile', profiles]
    const { code, stdout, stderr } = await runBench('redis', ...words)
    expect(code === 0 ? '' : `${stdout}\n${stderr}`).toBe('')
    expect(await readdir(profiles)).toEqual(['celeris-tls-1.cpuprofile'])
  }, 120_000)

  it('says in one line that redis-server is missing', async () => {
    const path = process.env.PATH
    process.env.PATH = folder
    try {
      const { code, stderr } = await runBench('redis', '--check')
      expect(code).toBe(1)
      expect(stderr).toMatch(/redis-server is missing \(Debian: apt-get install redis-server\)/)
    } finally {
      process.env.PATH = path
    }
  })

  it('names what it knows when a point or a rival is unknown', async () => {
    expect((await runBench('redis', '--points', '63')).stderr).toMatch(
      /"63" is unknown; known: 1, 64/,
    )
    expect((await runBench('redis', '--against', 'iordeis')).stderr).toMatch(
      /"iordeis" is unknown; known: ioredis/,
    )
  })
})
