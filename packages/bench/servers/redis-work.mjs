// What the callers of a Redis client do. Each caller loops by itself until the run is stopped, so
// that nothing but the client and one loop of the user's own is measured.

const PIPELINED = 100
const FIELDS = 20
const EXPIRY_MS = 60_000

/** A flat one-byte string that tells callers apart. */
const textFor = (index, bytes) => {
  const text = `${index}:`.padEnd(bytes, 'abcdefghijklmnopqrstuvwxyz')
  return Buffer.from(text, 'latin1').toString('latin1')
}

const same = (reply, value) =>
  typeof value === 'string' ? reply === value : Buffer.compare(reply, value) === 0

const quantile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]

/** The callers of one client. `work` says what they do; see src/redis/redis-points.ts. */
export const createWork = (client, { work, callers, valueBytes }) => {
  let stopped = false
  let exact = false
  let ops = 0
  let limit = Number.POSITIVE_INFINITY
  const latencies = []

  const check = (reply, value) => {
    if (reply?.length !== value.length || (exact && !same(reply, value)))
      throw new Error(`a wrong reply: ${String(reply).slice(0, 80)}`)
  }
  const did = (count) => {
    ops += count
    if (ops >= limit) stopped = true
  }

  const getSet = async ({ key, value }) => {
    while (!stopped) {
      check(await client.get(key), value)
      await client.set(key, value)
      did(2)
    }
  }

  // The same with a clock: for a lone caller, whose latency is the figure.
  const timedGetSet = async ({ key, value }) => {
    while (!stopped) {
      const begin = performance.now()
      const reply = await client.get(key)
      const middle = performance.now()
      await client.set(key, value)
      latencies.push(middle - begin, performance.now() - middle)
      check(reply, value)
      did(2)
    }
  }

  const getBufferSet = async ({ key, buffer }) => {
    while (!stopped) {
      check(await client.getBuffer(key), buffer)
      await client.set(key, buffer)
      did(2)
    }
  }

  const getOnly = async ({ key, value }) => {
    while (!stopped) {
      check(await client.get(key), value)
      did(1)
    }
  }

  const setPx = async ({ key, value }) => {
    while (!stopped) {
      await client.setPx(key, value, EXPIRY_MS)
      did(1)
    }
  }

  const hash = async ({ hashKey, fields, value }) => {
    while (!stopped) {
      await client.hset(hashKey, fields)
      const reply = await client.hgetall(hashKey)
      check(reply.field07, value)
      if (exact) for (const name of Object.keys(fields)) check(reply[name], fields[name])
      did(2)
    }
  }

  const pipeline = async (_own, all) => {
    while (!stopped) {
      const replies = await client.getSetPipeline(all)
      for (let at = 0; at < replies.length; at += 2) check(replies[at], all[at].value)
      did(replies.length)
    }
  }

  const loops = { getSet, getBufferSet, getOnly, setPx, hash, pipeline }
  const loop = work === 'getSet' && callers === 1 ? timedGetSet : loops[work]

  const everyone = Array.from(
    { length: Math.max(callers, work === 'pipeline' ? PIPELINED : 1) },
    (_, index) => {
      const value = textFor(index, valueBytes)
      return {
        key: `bench:${index}`,
        value,
        buffer: Buffer.from(value),
        hashKey: `bench:hash:${index}`,
        fields: Object.fromEntries(
          Array.from({ length: FIELDS }, (_, at) => [`field${String(at).padStart(2, '0')}`, value]),
        ),
      }
    },
  )

  return {
    seed: async () => {
      for (const { key, value } of everyone) await client.set(key, value)
    },
    stop: () => {
      stopped = true
    },
    run: async (plan) => {
      stopped = false
      ops = 0
      exact = plan.exact
      limit = plan.limit
      latencies.length = 0
      await Promise.all(everyone.slice(0, callers).map((one) => loop(one, everyone)))
      if (latencies.length === 0) return { ops }
      const sorted = Float64Array.from(latencies).sort()
      return { ops, p50Us: quantile(sorted, 0.5) * 1e3, p99Us: quantile(sorted, 0.99) * 1e3 }
    },
    close: () => client.close(),
  }
}
