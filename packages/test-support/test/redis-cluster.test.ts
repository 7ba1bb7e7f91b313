import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisCluster, startRedisCluster } from '../src/redis-cluster.ts'

const KEY = 'foo'
const TIMEOUT_MS = 90_000

describe('startRedisCluster', () => {
  let cluster: RedisCluster

  beforeAll(async () => {
    cluster = await startRedisCluster({ requirepass: 'secret' })
  }, TIMEOUT_MS)
  afterAll(() => cluster?.stop())

  it('has three masters that own all slots, and a linked replica of each', async () => {
    const masters = await cluster.masters()
    expect(masters).toEqual(cluster.nodes.slice(0, 3))
    const replicas = await Promise.all(masters.map(cluster.replicasOf))
    expect(replicas.map((each) => each.length)).toEqual([1, 1, 1])
    for (const node of cluster.nodes) {
      expect(await node.command('CLUSTER', 'INFO')).toContain('cluster_slots_ok:16384')
    }
  })

  it(
    'moves a slot key by key: ASK while it is open, MOVED afterwards',
    async () => {
      const [first, , last] = await cluster.masters()
      const [from, to] = [last!, first!]
      const slot = Number(await from.command('CLUSTER', 'KEYSLOT', KEY))
      await from.command('SET', KEY, 'value')
      await from.command('SET', `{${KEY}}2`, 'value 2')
      const open = await cluster.openSlot(slot, from.port, to.port)
      expect(await open.migrate(1)).toBe(1)
      expect(await open.migrate()).toBe(1)
      await expect(from.command('GET', KEY)).rejects.toThrow(`ASK ${slot} 127.0.0.1:${to.port}`)
      await open.finish()
      await expect(from.command('GET', KEY)).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${to.port}`)
      expect(await to.command('GET', KEY)).toBe('value')
      await cluster.moveSlot(slot, to.port, from.port)
      expect(await from.command('GET', `{${KEY}}2`)).toBe('value 2')
    },
    TIMEOUT_MS,
  )

  it(
    'hands a master over on command',
    async () => {
      const { old, promoted } = await cluster.failover(1, 'command')
      expect((await cluster.masters())[1]).toBe(promoted)
      expect(await cluster.replicasOf(promoted)).toEqual([old])
    },
    TIMEOUT_MS,
  )

  it(
    'promotes the replica of a master that was killed, which comes back as a replica',
    async () => {
      const { old, promoted } = await cluster.failover(0)
      expect(old.running).toBe(false)
      expect((await cluster.masters())[0]).toBe(promoted)
      await old.restart()
      await cluster.settled()
      expect(await cluster.replicasOf(promoted)).toEqual([old])
    },
    TIMEOUT_MS,
  )
})
