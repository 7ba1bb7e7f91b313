import { tracingChannel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import {
  type FaultProxy,
  type RedisCluster,
  type RedisServer,
  startFaultProxy,
  startRedisCluster,
  until,
} from '@celeris/test-support'
import { Cluster as Ioredis, Redis as IoredisNode } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import Redis, {
  Cluster,
  type ClusterOptions,
  QueueFullError,
  RedisOptionError,
} from '../src/index.ts'
import { clusterOf, readyClusterOf, replicasAreKnown, stockCommands } from './cluster-support.ts'

let servers: RedisCluster
beforeAll(async () => {
  servers = await startRedisCluster()
  await replicasAreKnown(servers)
}, 90_000)
afterAll(() => servers?.stop())
afterEach(() => vi.restoreAllMocks())

const connect = (options?: ClusterOptions) => readyClusterOf('ours', servers.startupNodes, options)

/** Three keys whose slots are of three masters, and the slots. */
const KEYS = ['foo', 'bar', 'name'] as const
const SLOTS = [12_182, 5_061, 5_798] as const

/** How often a server was asked for that command. */
async function callsOf(server: RedisServer, command: string): Promise<number> {
  const statistics = String(await server.command('INFO', 'commandstats'))
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(statistics)?.[1] ?? 0)
}

describe('a cluster client', () => {
  it('has nodes of our class, and is one itself behind every way to make it (CLU-1, API-3)', async () => {
    const cluster = await connect({ redisOptions: { connectionName: 'mine' } })
    expect(cluster).toBeInstanceOf(Ioredis)
    expect(cluster.constructor.name).toBe('Cluster')
    expect(cluster.fastPath).toEqual({ active: true })
    expect(cluster.nodes('master')).toHaveLength(3)
    for (const node of cluster.nodes()) {
      expect(node).toBeInstanceOf(Redis)
      expect((node as Redis).fastPath).toEqual({ active: true })
      expect(node.options).toMatchObject({ connectionName: 'mine', enableOfflineQueue: true })
    }
    const copy = cluster.duplicate([], { redisOptions: { db: 0 } })
    await once(copy, 'ready')
    expect(copy).toBeInstanceOf(Cluster)
    expect(copy.options.redisOptions).toMatchObject({ connectionName: 'mine', db: 0 })
    await copy.quit()
  })

  it('is plain ioredis with fastPath: false, for itself or its connections (GUARD-3)', async () => {
    for (const options of [{ fastPath: false }, { redisOptions: { fastPath: false } }]) {
      const cluster = await connect(options)
      const inactive = { active: false, reason: 'option fastPath is false' }
      expect(cluster.fastPath).toEqual(inactive)
      expect((cluster.nodes('master')[0] as Redis).fastPath).toEqual(inactive)
      const stock = stockCommands(cluster)
      await cluster.set('foo', 'plain')
      expect(await cluster.get('foo')).toBe('plain')
      expect(stock).toEqual(['set', 'get'])
    }
  })

  it('refuses an option of ours that cannot be (GUARD-5)', () => {
    const make = (options: object) => () => new Cluster([{ port: 1 }], options)
    expect(make({ fastPath: 3 })).toThrow(RedisOptionError)
    expect(make({ redisOptions: { maxQueuedBytes: -1 } })).toThrow('maxQueuedBytes is -1')
  })

  it('changes nothing of ioredis (TRA-7)', async () => {
    const stock = new Ioredis([...servers.startupNodes])
    await once(stock, 'ready')
    expect(stock.nodes()[0]).not.toBeInstanceOf(Redis)
    expect(await stock.set('foo', '1')).toBe('OK')
    stock.disconnect()
  })
})

describe('a call is lean', () => {
  it('if it has one key, of any slot, however it is made (CLU-2)', async () => {
    const cluster = await connect()
    const stock = stockCommands(cluster)
    const keys = [...KEYS, '{foo}:x', 'a{bar}b', 'é{hello}', '{}', '{', 'key with ünïcode']
    for (const key of keys) expect(await cluster.set(key, `of ${key}`, 'EX', 60)).toBe('OK')
    for (const key of keys) expect(await cluster.get(Buffer.from(key))).toBe(`of ${key}`)
    expect(await cluster.getBuffer('foo')).toEqual(Buffer.from('of foo'))
    expect(await cluster.call('get', 'bar')).toBe('of bar')
    expect(await cluster.set(17 as never, 1.5)).toBe('OK')
    expect(await cluster.hset('h', 'a', 1, 'b', 2)).toBe(2)
    expect(await cluster.hgetall('h')).toEqual({ a: '1', b: '2' })
    expect(await cluster.hmget('h', 'b', 'a')).toEqual(['2', '1'])
    await expect(cluster.incr('h')).rejects.toThrow('WRONGTYPE')
    expect(stock).toEqual([])
  })

  it('and goes to the master of its slot: to no other node, without a redirection (CLU-2)', async () => {
    const cluster = await connect()
    const masters = await servers.masters()
    const before = await Promise.all(masters.map((master) => callsOf(master, 'append')))
    for (const key of KEYS) await cluster.append(key, 'x')
    const after = await Promise.all(masters.map((master) => callsOf(master, 'append')))
    expect(after.map((calls, index) => calls - (before[index] as number))).toEqual([1, 1, 1])
  })

  it('with a prefix that counts for the slot (CLU-2, WIRE-6)', async () => {
    const cluster = await connect({ keyPrefix: '{foo}:' })
    const stock = stockCommands(cluster)
    await cluster.set('p', 'prefixed')
    await cluster.set(Buffer.from('q'), 'prefixed')
    expect(stock).toEqual([])
    expect(await cluster.mget('p', 'q')).toEqual(['prefixed', 'prefixed'])
    expect(stock).toEqual(['mget'])
    expect(await (await connect()).get('{foo}:p')).toBe('prefixed')
  })

  it.each<[string, ClusterOptions, string[]]>([
    ['reads go to replicas', { scaleReads: 'slave' }, []],
    ['reads go anywhere', { scaleReads: 'all' }, []],
    ['ioredis groups commands', { enableAutoPipelining: true }, ['set']],
    ['stacks are friendly', { showFriendlyErrorStack: true }, ['set']],
    ['the prefix is a Buffer', { keyPrefix: Buffer.from('p') as never }, ['set']],
  ])('not where %s (CLU-2)', async (_name, options, expected) => {
    const cluster = await connect(options)
    const stock = stockCommands(cluster)
    await cluster.set('foo', '1')
    expect(stock).toEqual(expected)
  })

  it('not for several keys or with a callback (CLU-2)', async () => {
    const cluster = await connect()
    const stock = stockCommands(cluster)
    await cluster.mget('{foo}1', '{foo}2')
    await new Promise((done) => cluster.get('foo', done))
    expect(stock.sort()).toEqual(['get', 'mget'])
  })

  it.each<[string, (cluster: Cluster) => object]>([
    ['the client', (cluster) => cluster],
    ['our class', () => Cluster.prototype],
    ["ioredis's Cluster", () => Ioredis.prototype],
    ["ioredis's Redis", () => IoredisNode.prototype],
    ['a node', (cluster) => cluster.nodes('master').find((node) => node.status) as object],
  ])('not while a spy on sendCommand of %s watches (LEAN-4)', async (_name, target) => {
    const cluster = await connect()
    await cluster.set('foo', '1')
    const spies = [
      target(cluster),
      ...(target(cluster) instanceof IoredisNode ? cluster.nodes() : []),
    ]
    const seen: string[] = []
    for (const each of new Set(spies)) {
      const spied = each as Pick<Ioredis, 'sendCommand'>
      const { sendCommand } = spied
      vi.spyOn(spied, 'sendCommand').mockImplementation(function (this: Ioredis, ...args) {
        seen.push(args[0].name)
        return sendCommand.apply(this, args)
      })
    }
    expect(await cluster.get('foo')).toBe('1')
    expect(seen).toContain('get')
    vi.restoreAllMocks()
    const stock = stockCommands(cluster)
    expect(await cluster.get('foo')).toBe('1')
    expect(stock).toEqual([])
  })

  it('not while somebody subscribes to the tracing channel (LEAN-5)', async () => {
    const cluster = await connect()
    const traced: unknown[] = []
    const subscribers = { start: (message: unknown) => traced.push(message) }
    const channel = tracingChannel('ioredis:command')
    channel.subscribe(subscribers as never)
    await cluster.get('foo')
    channel.unsubscribe(subscribers as never)
    expect(traced).toMatchObject([{ command: 'get' }])
    await cluster.get('foo')
    expect(traced).toHaveLength(1)
  })
})

describe('commands that are not lean', () => {
  it('wait for the cluster when it is not ready, in order (CLU-2, SAME-7)', async () => {
    const cluster = clusterOf('ours', servers.startupNodes, { lazyConnect: true })
    const replies = [cluster.set('foo', 'first'), cluster.append('foo', '+'), cluster.get('foo')]
    expect(await Promise.all(replies)).toEqual(['OK', 6, 'first+'])
  })

  it('wait up to maxQueuedBytes, then fail at once (BOUND-1, BOUND-2)', async () => {
    // Nobody listens on port 1.
    const cluster = clusterOf('ours', [{ host: '127.0.0.1', port: 1 }], {
      redisOptions: { maxQueuedBytes: 6_000 },
    })
    const waiting = Array.from({ length: 3 }, () => cluster.set('foo', 'x'.repeat(1_000)))
    const outcomes = Promise.allSettled(waiting)
    await expect(cluster.get('foo')).rejects.toThrow(QueueFullError)
    cluster.disconnect()
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { message: 'None of startup nodes is available', mayHaveRun: false },
      })
    }
  })

  it('route several keys of a slot, and name the slots of others (CLU-5)', async () => {
    const cluster = await connect()
    await cluster.mset('{foo}1', 'a', '{foo}2', 'b')
    expect(await cluster.mget('{foo}1', '{foo}2')).toEqual(['a', 'b'])
    await expect(cluster.mget(...KEYS)).rejects.toMatchObject({
      name: 'ReplyError',
      message: "CROSSSLOT Keys in request don't hash to the same slot",
      slots: [...SLOTS].sort((a, b) => a - b),
    })
    await expect(cluster.pipeline().get('foo').get('bar').exec()).rejects.toMatchObject({
      message: 'All keys in the pipeline should belong to the same slots allocation group',
      slots: [5_061, 12_182],
    })
    await expect(cluster.multi().mset('foo', 1, 'bar', 2).exec()).rejects.toMatchObject({
      message: 'All the keys in a pipeline command should belong to the same slot',
      slots: [5_061, 12_182],
    })
  })

  it('run in pipelines and transactions (CLU-5, SAME-2)', async () => {
    const cluster = await connect()
    const pipeline = cluster.pipeline().set('foo', 1).incr('foo').strlen('{foo}none').get('foo')
    const results = await pipeline.exec()
    expect(results?.map(([error, value]) => error?.message ?? value)).toEqual(['OK', 2, 0, '2'])
    const multi = cluster.multi().set('foo', 'm').get('foo').strlen('foo')
    expect(await multi.exec()).toEqual([
      [null, 'OK'],
      [null, 'm'],
      [null, 1],
    ])
  })

  it('run scripts where their keys are, also after SCRIPT FLUSH (SAME-6)', async () => {
    const cluster = await connect()
    cluster.defineCommand('addTwice', {
      numberOfKeys: 1,
      lua: "redis.call('incrby', KEYS[1], ARGV[1]) return redis.call('incrby', KEYS[1], ARGV[1])",
    })
    const { addTwice } = cluster as unknown as {
      addTwice(key: string, by: number): Promise<number>
    }
    await cluster.del('foo')
    expect(await addTwice.call(cluster, 'foo', 2)).toBe(4)
    for (const master of await servers.masters()) await master.command('SCRIPT', 'FLUSH')
    expect(await addTwice.call(cluster, 'foo', 3)).toBe(10)
  })
})

describe('as ioredis', () => {
  it('sends reads to replicas, and to the node a function chooses (CLU-4)', async () => {
    const master = (await servers.masters())[2] as RedisServer
    const replica = (await servers.replicasOf(master))[0] as RedisServer
    const reads = () => Promise.all([callsOf(master, 'strlen'), callsOf(replica, 'strlen')])
    const before = await reads()
    const slave = await connect({ scaleReads: 'slave' })
    await slave.strlen('foo')
    const chosen: string[] = []
    const choosing = await connect({
      scaleReads: (nodes: Redis[], command: { name: string }) => {
        chosen.push(command.name)
        return nodes[1]
      },
    })
    await choosing.strlen('foo')
    await choosing.set('foo', 1)
    expect(chosen).toEqual(['strlen'])
    const after = await reads()
    expect(after).toEqual([before[0], before[1] + 2])
  })

  it('maps addresses with natMap: proxies before all nodes (CLU-4)', async () => {
    const proxies: FaultProxy[] = []
    const natMap: Record<string, { host: string; port: number }> = {}
    for (const { host, port } of servers.nodes) {
      const proxy = await startFaultProxy({ port })
      proxies.push(proxy)
      natMap[`${host}:${port}`] = { host: proxy.host, port: proxy.port }
    }
    const seed = proxies[0] as FaultProxy
    const cluster = await readyClusterOf('ours', [seed], { natMap })
    const ports = cluster.nodes().map(({ options }) => options.port)
    expect(proxies.map(({ port }) => port)).toEqual(expect.arrayContaining(ports))
    const stock = stockCommands(cluster)
    for (const key of KEYS) {
      await cluster.set(key, 'through a proxy')
      expect(await cluster.get(key)).toBe('through a proxy')
    }
    expect(stock).toEqual([])
    cluster.disconnect()
    for (const proxy of proxies) await proxy.stop()
  })

  it('resolves names of seeds by dnsLookup and by SRV records (CLU-4)', async () => {
    const [first, second] = servers.nodes as [RedisServer, RedisServer]
    const names: string[] = []
    const dnsLookup: ClusterOptions['dnsLookup'] = (name, callback) => {
      names.push(name)
      callback(null, '127.0.0.1', 4)
    }
    const byName = await readyClusterOf('ours', [{ host: 'redis.test', port: first.port }], {
      dnsLookup,
    })
    expect(await byName.set('foo', 'by name')).toBe('OK')
    const bySrv = await readyClusterOf('ours', [{ host: '_redis._tcp.test', port: 0 }], {
      dnsLookup,
      useSRVRecords: true,
      resolveSrv: (name, callback) => {
        names.push(name)
        callback(null, [{ name: 'srv.test', port: second.port, priority: 1, weight: 1 }])
      },
    })
    expect(await bySrv.get('foo')).toBe('by name')
    expect(names).toEqual(['redis.test', '_redis._tcp.test', 'srv.test'])
  })

  it('publishes and subscribes (CLU-1, SAME-5)', async () => {
    const [subscriber, publisher] = await Promise.all([connect(), connect()])
    expect(await subscriber.subscribe('news')).toBe(1)
    expect(await subscriber.psubscribe('new*')).toBe(2)
    const heard = [once(subscriber, 'message'), once(subscriber, 'pmessage')]
    await publisher.publish('news', 'hello')
    expect(await Promise.all(heard)).toEqual([
      ['news', 'hello'],
      ['new*', 'news', 'hello'],
    ])
    // Commands go on beside the subscription.
    expect(await subscriber.set('foo', 1)).toBe('OK')
    await subscriber.unsubscribe('news')
  })

  it.each([2, 3] as const)(
    'subscribes again when its connection is lost, by RESP%s (CLU-1, SAME-5)',
    async (protocol) => {
      const options = { redisOptions: { protocol } }
      const subscriber = await connect({ ...options, shardedSubscribers: true })
      const publisher = await connect(options)
      await subscriber.subscribe('news')
      await subscriber.psubscribe('new*')
      await subscriber.ssubscribe('shard{foo}')
      const lost = new Set<string>()
      for (const server of servers.nodes) {
        const clients = String(await server.command('CLIENT', 'LIST', 'TYPE', 'PUBSUB'))
        for (const [, id] of clients.matchAll(/\bid=(\d+)/g)) lost.add(`${server.port} ${id}`)
        await server.command('CLIENT', 'KILL', 'TYPE', 'PUBSUB')
      }
      expect(lost.size).toBeGreaterThan(0)
      const heard = new Set<string>()
      subscriber.on('message', (channel) => heard.add(`message ${channel}`))
      subscriber.on('pmessage', (pattern) => heard.add(`pmessage ${pattern}`))
      subscriber.on('smessage', (channel) => heard.add(`smessage ${channel}`))
      await until('all subscriptions are back', async () => {
        await publisher.publish('news', 'hello')
        await publisher.spublish('shard{foo}', 'hello')
        return heard.size === 3
      })
    },
  )

  it('publishes to shards (CLU-1, SAME-5)', async () => {
    const subscriber = await connect({ shardedSubscribers: true })
    const heard = once(subscriber, 'smessage')
    await subscriber.ssubscribe('shard{foo}')
    expect(await subscriber.spublish('shard{foo}', 'hello')).toBe(1)
    expect(await heard).toEqual(['shard{foo}', 'hello', undefined])
    await subscriber.sunsubscribe('shard{foo}')
  })

  it('hands commands to the kernel with flush, before the turn ends (FLUSH-4)', async () => {
    const cluster = await connect()
    const masters = cluster.nodes('master')
    const written = () => masters.reduce((sum, { stream }) => sum + stream.bytesWritten, 0)
    const before = written()
    const replies = KEYS.map((key) => cluster.set(key, 'flushed'))
    const queued = written()
    cluster.flush()
    expect(written() - before).toBeGreaterThan(3 * 'flushed'.length)
    expect(queued).toBe(before)
    expect(await Promise.all(replies)).toEqual(['OK', 'OK', 'OK'])
  })

  it('hands out what was called before disconnect, then refuses (FLUSH-3, SAME-13)', async () => {
    const cluster = await connect()
    const replies = KEYS.map((key) => cluster.set(key, 'last'))
    expect(await cluster.quit()).toBe('OK')
    expect(await Promise.all(replies)).toEqual(['OK', 'OK', 'OK'])
    if (cluster.status !== 'end') await once(cluster, 'end')
    await expect(cluster.get('foo')).rejects.toMatchObject({
      message: 'Connection is closed.',
      mayHaveRun: false,
    })
    expect(await (await connect()).get('foo')).toBe('last')
  })
})
