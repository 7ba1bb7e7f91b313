// Each Redis library behind the few calls the work needs, as its own documentation writes them.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { importPeer } from './shared.mjs'

const require = createRequire(import.meta.url)
const HOST = '127.0.0.1'

const ours = () => require('@celeris/redis')

// The ioredis that @celeris/redis itself stands on: both sides of the ratio are one version.
const stock = () => createRequire(require.resolve('@celeris/redis'))('ioredis')

const connectIoredis = async ({ Redis, Cluster }, { ports, cluster, ca }, more = {}) => {
  const tls = ca ? { tls: { ca: readFileSync(ca) } } : {}
  const client = cluster
    ? new Cluster(
        ports.map((port) => ({ host: HOST, port })),
        more,
      )
    : new Redis({ host: HOST, port: ports[0], ...tls, ...more })
  client.on('error', () => {})
  await once(client, 'ready')
  return {
    get: (key) => client.get(key),
    getBuffer: (key) => client.getBuffer(key),
    set: (key, value) => client.set(key, value),
    setPx: (key, value, ms) => client.set(key, value, 'PX', ms),
    hset: (key, fields) => client.hset(key, fields),
    hgetall: (key) => client.hgetall(key),
    getSetPipeline: async (all) => {
      const pipeline = client.pipeline()
      for (let at = 0; at < all.length; at += 2) {
        pipeline.get(all[at].key)
        pipeline.set(all[at].key, all[at].value)
      }
      const replies = await pipeline.exec()
      return replies.map(([error, reply]) => {
        if (error) throw error
        return reply
      })
    },
    close: () => client.disconnect(),
  }
}

const connectNodeRedis = async ({ ports, cluster, ca }) => {
  const { createClient, createCluster, RESP_TYPES } = await importPeer('redis')
  const tls = ca ? { tls: true, ca: readFileSync(ca) } : {}
  const client = cluster
    ? createCluster({
        RESP: 3,
        rootNodes: ports.map((port) => ({ url: `redis://${HOST}:${port}` })),
      })
    : createClient({ RESP: 3, socket: { host: HOST, port: ports[0], ...tls } })
  client.on('error', () => {})
  await client.connect()
  const buffers = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  return {
    get: (key) => client.get(key),
    getBuffer: (key) => buffers.get(key),
    set: (key, value) => client.set(key, value),
    setPx: (key, value, ms) => client.set(key, value, { PX: ms }),
    hset: (key, fields) => client.hSet(key, fields),
    hgetall: (key) => client.hGetAll(key),
    getSetPipeline: (all) => {
      const pipeline = client.multi()
      for (let at = 0; at < all.length; at += 2) {
        pipeline.get(all[at].key)
        pipeline.set(all[at].key, all[at].value)
      }
      return pipeline.execAsPipeline()
    },
    close: () => client.destroy(),
  }
}

const connectBun = async ({ ports, ca }) => {
  const client = new globalThis.Bun.RedisClient(
    `${ca ? 'rediss' : 'redis'}://${HOST}:${ports[0]}`,
    ca ? { tls: { ca: readFileSync(ca, 'utf8') } } : {},
  )
  await client.connect()
  return {
    get: (key) => client.get(key),
    getBuffer: (key) => client.getBuffer(key),
    set: (key, value) => client.set(key, value),
    setPx: (key, value, ms) => client.set(key, value, 'PX', ms),
    hset: (key, fields) => client.hset(key, fields),
    hgetall: (key) => client.hgetall(key),
    // It has no pipelines; calls of one turn leave together.
    getSetPipeline: (all) => {
      const replies = []
      for (let at = 0; at < all.length; at += 2)
        replies.push(client.get(all[at].key), client.set(all[at].key, all[at].value))
      return Promise.all(replies)
    },
    close: () => client.close(),
  }
}

const connect = {
  celeris: (options) => connectIoredis(ours(), options),
  ioredis: (options) => connectIoredis(stock(), options),
  'ioredis-auto': (options) => connectIoredis(stock(), options, { enableAutoPipelining: true }),
  redis: connectNodeRedis,
  bun: connectBun,
}

/** Connects the library of that name, and waits until it can be used. */
export const connectClient = (options) => connect[options.library](options)
