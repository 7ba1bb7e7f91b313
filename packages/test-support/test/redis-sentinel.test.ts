import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisSentinel, startRedisSentinel } from '../src/redis-sentinel.ts'

const TIMEOUT_MS = 90_000

describe('startRedisSentinel', () => {
  let set: RedisSentinel

  beforeAll(async () => {
    set = await startRedisSentinel({ replicas: 2, requirepass: 'secret' })
  }, TIMEOUT_MS)
  afterAll(() => set?.stop())

  it('has a master that all sentinels name', async () => {
    expect(await set.master()).toBe(set.servers[0])
    for (const sentinel of set.sentinels) {
      const { host, port } = set.servers[0]!
      const named = sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', set.name)
      expect(await named).toEqual([host, `${port}`])
    }
  })

  it(
    'replaces a master that was killed by a replica, which holds its data',
    async () => {
      const before = await set.master()
      await before.command('SET', 'key', 'value')
      await before.command('WAIT', 2, 0)
      const { old, promoted } = await set.failover()
      expect(old).toBe(before)
      expect(await set.master()).toBe(promoted)
      expect(await promoted.command('GET', 'key')).toBe('value')
      expect(await promoted.command('SET', 'key', 'other')).toBe('OK')
    },
    TIMEOUT_MS,
  )
})
