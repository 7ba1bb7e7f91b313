// A client whose limiter script runs on a clock of the test, expiry included.
import type { Redis } from 'ioredis'
import { luaScript, runScript, type ScriptClient } from '../src/helpers/index.ts'

/** What the script is given instead of the server's time and expiry. */
const REPLACEMENTS: readonly (readonly [string, string])[] = [
  [
    `local time = redis.call('TIME')`,
    'local us = table.remove(ARGV) local time = {table.remove(ARGV), us}',
  ],
  // The field `t` tells when; see `expire`.
  [`redis.call('PEXPIRE', key, text(lifeMs))`, `redis.call('PERSIST', key)`],
]

function onTestClock(text: string): string {
  return REPLACEMENTS.reduce((script, [from, to]) => {
    if (script.split(from).length !== 2) throw new Error(`the script must have once: ${from}`)
    return script.replace(from, () => to)
  }, text)
}

/** A clock in microseconds and a client that believes in it. */
export interface TestClock extends ScriptClient {
  us: number
  /** Removes `key` if it has expired by this clock. */
  readonly expire: (key: string) => Promise<void>
}

/** Starts at a time of today, so that numbers are as large as they are in real life. */
export function testClock(redis: Redis, us = 1_790_000_000_123_456): TestClock {
  const scripts = new Map<string, ReturnType<typeof luaScript>>()
  const clock: TestClock = {
    us,
    evalsha: () => Promise.reject(new Error('NOSCRIPT only the text can be rewritten')),
    eval(text, keyCount, key, ...args) {
      const script = scripts.get(text) ?? luaScript(onTestClock(text))
      scripts.set(text, script)
      if (keyCount !== 1) throw new Error('one key, so that Cluster needs no hash tag')
      const time = [Math.floor(clock.us / 1_000_000), clock.us % 1_000_000]
      return runScript(redis, script, [`${key}`], [...args, ...time])
    },
    async expire(key) {
      if ((await expiresAt(redis, key)) <= clock.us) await redis.del(key)
    },
  }
  return clock
}

/** When a key of limits expires, in microseconds; never reached where there is none. */
export async function expiresAt(redis: Redis, key: string): Promise<number> {
  const time = await redis.hget(key, 't')
  return time === null ? Number.POSITIVE_INFINITY : Number(time.split(' ')[2])
}
