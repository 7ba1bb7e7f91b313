// Callers write without pause while the server is killed and started again. At the end each write
// that was acknowledged has to be there, and none whose rejection said that it did not run.
import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisServer, startRedis, until } from '@celeris/test-support'
import Redis, { type RedisOptions } from '../../src/index.ts'
import type { Failure } from '../faults-support.ts'

/** What a run is asked to do. */
export interface SoakOptions {
  readonly seconds: number
  readonly callers: number
  /** Mean time between two kills of the server. */
  readonly killEveryMs: number
}

/** What a run found. */
export interface SoakReport {
  readonly seconds: number
  readonly kills: number
  readonly acknowledged: number
  /** Rejections by what they said of the command. */
  readonly rejected: { readonly notRun: number; readonly mayHaveRun: number }
  /** SET and GET of the same key. */
  readonly pairs: number
  /** Acknowledged and not there, rejected as not run and there, or of another value. */
  readonly wrong: readonly string[]
  readonly rejections: Readonly<Record<string, number>>
  readonly rssMiB: { readonly early: number; readonly late: number }
  /** Handles, requests and timers of the process. */
  readonly resources: { readonly before: number; readonly after: number }
}

/** Each fails in its own way. */
const CLIENTS: RedisOptions[] = [
  { maxRetriesPerRequest: null },
  { maxRetriesPerRequest: null, autoResendUnfulfilledCommands: false },
  { enableOfflineQueue: false, autoResendUnfulfilledCommands: false },
  { maxRetriesPerRequest: 1, retryStrategy: () => 20, commandTimeout: 150 },
]

/** What one caller wrote: keys of rising numbers, so that only what was rejected is kept. */
interface Ledger {
  readonly name: string
  next: number
  /** By number: whether it may have run. */
  readonly rejected: Map<number, boolean>
  /** INCRs that were acknowledged, and those that may have run besides, once or more. */
  counted: number
  mayHaveCounted: number
  readonly resends: boolean
}

class Soak {
  readonly server: RedisServer
  readonly clients: Redis[]
  readonly ledgers: Ledger[]
  readonly rejections: Record<string, number> = {}
  readonly wrong: string[] = []
  running = true
  acknowledged = 0
  notRun = 0
  mayHaveRun = 0
  pairs = 0

  constructor(server: RedisServer, callers: number) {
    this.server = server
    const { host, port } = server
    this.clients = CLIENTS.map((options) => {
      const redis = new Redis({ host, port, retryStrategy: () => 5, ...options } as object)
      redis.on('error', () => {})
      return redis
    })
    this.ledgers = Array.from({ length: callers }, (_, index) => ({
      name: `caller${index}`,
      next: 0,
      rejected: new Map(),
      counted: 0,
      mayHaveCounted: 0,
      resends: CLIENTS[index % CLIENTS.length]?.autoResendUnfulfilledCommands !== false,
    }))
  }

  /** Awaits an answer; whether it was one. A rejection is handed on and slows its caller down. */
  async #answered(call: Promise<unknown>, rejected: (error: Failure) => void): Promise<boolean> {
    try {
      await call
      this.acknowledged++
      return true
    } catch (error) {
      const failure = error as Failure
      if (typeof failure.mayHaveRun !== 'boolean') this.wrong.push(`${failure}`)
      if (failure.mayHaveRun) this.mayHaveRun++
      else this.notRun++
      const kind = `${failure.message}, ${failure.mayHaveRun ? 'may have run' : 'not run'}`
      this.rejections[kind] = (this.rejections[kind] ?? 0) + 1
      rejected(failure)
      await sleep(1)
      return false
    }
  }

  /** Writes keys with one call; the call's error holds for all of them. */
  async #write(
    ledger: Ledger,
    count: number,
    call: (keys: string[]) => Promise<unknown>,
  ): Promise<boolean> {
    const first = ledger.next
    ledger.next += count
    const keys = Array.from({ length: count }, (_, i) => `${ledger.name}:${first + i}`)
    return this.#answered(call(keys), ({ mayHaveRun }) => {
      for (let i = 0; i < count; i++) ledger.rejected.set(first + i, mayHaveRun)
    })
  }

  async caller(index: number): Promise<void> {
    const ledger = this.ledgers[index] as Ledger
    const redis = this.clients[index % this.clients.length] as Redis
    for (let round = 0; this.running; round++) {
      const wrote = await this.#write(ledger, 1, ([key]) => redis.set(key as string, key as string))
      if (wrote) await this.#readBack(redis, `${ledger.name}:${ledger.next - 1}`)
      if (round % 3 === 0) await this.#count(redis, ledger)
      if (round % 5 === 0) await this.#write(ledger, 2, (keys) => redis.mset(pairsOf(keys)))
      if (round % 7 === 0) await this.#write(ledger, 3, (keys) => allOf(redis.pipeline(), keys))
      if (round % 11 === 0) await this.#write(ledger, 3, (keys) => allOf(redis.multi(), keys))
    }
  }

  async #readBack(redis: Redis, key: string): Promise<void> {
    let value: string | null = key
    const call = redis.get(key).then((read) => {
      value = read
      this.pairs++
    })
    await this.#answered(call, () => {})
    if (value !== key) this.wrong.push(`${key} is ${value} right after it was written`)
  }

  async #count(redis: Redis, ledger: Ledger): Promise<void> {
    const counted = await this.#answered(redis.incr(`${ledger.name}:count`), ({ mayHaveRun }) => {
      if (mayHaveRun) ledger.mayHaveCounted++
    })
    if (counted) ledger.counted++
  }

  /** Kills the server and starts it again. */
  async kill(meanMs: number): Promise<number> {
    let kills = 0
    while (this.running) {
      await sleep(meanMs / 2 + Math.random() * meanMs)
      if (!this.running) break
      await this.server.kill()
      await sleep(Math.random() * 300)
      await this.server.restart()
      kills++
    }
    return kills
  }

  /** Asks the server itself about all that was written. */
  async check(): Promise<void> {
    const { host, port } = this.server
    const redis = new Redis({ host, port })
    for (const ledger of this.ledgers) {
      for (let from = 0; from < ledger.next; from += 1_000) {
        const numbers = Array.from(
          { length: Math.min(1_000, ledger.next - from) },
          (_, i) => from + i,
        )
        const values = await redis.mget(numbers.map((number) => `${ledger.name}:${number}`))
        for (const [i, number] of numbers.entries())
          this.#checkOne(ledger, number, values[i] ?? null)
      }
      const count = Number(await redis.get(`${ledger.name}:count`))
      const most = ledger.counted + ledger.mayHaveCounted
      // Sent again, a command may count twice: there is no upper bound then.
      if (count < ledger.counted || (!ledger.resends && count > most)) {
        this.wrong.push(`${ledger.name} counted ${ledger.counted} to ${most}, the server ${count}`)
      }
    }
    redis.disconnect()
  }

  #checkOne({ name, rejected }: Ledger, number: number, value: string | null): void {
    const key = `${name}:${number}`
    const mayHaveRun = rejected.get(number)
    if (mayHaveRun === undefined && value === null) this.wrong.push(`${key} is lost`)
    if (mayHaveRun === false && value !== null) this.wrong.push(`${key} ran, against its rejection`)
    if (value !== null && value !== key) this.wrong.push(`${key} is ${value}`)
  }
}

const pairsOf = (keys: string[]): Record<string, string> =>
  Object.fromEntries(keys.map((key) => [key, key]))

/** Sets all keys in a pipeline or transaction; rejects with the first error. */
async function allOf(pipeline: ReturnType<Redis['pipeline']>, keys: string[]): Promise<void> {
  for (const key of keys) pipeline.set(key, key)
  const results = (await pipeline.exec()) ?? []
  const errors = results.map(([error]) => error as Failure | null).filter((error) => error !== null)
  const [first] = errors
  if (first === undefined) return
  // Some may have run if one may have, or if one was answered.
  const some = errors.length < results.length || errors.some(({ mayHaveRun }) => mayHaveRun)
  throw Object.assign(new Error(first.message), { mayHaveRun: some })
}

const rssMiB = (): number => Math.round(process.memoryUsage.rss() / 1024 / 1024)
const resources = (): number => process.getActiveResourcesInfo().length

/** Runs for `seconds` and checks all that was written. */
export async function soak({ seconds, callers, killEveryMs }: SoakOptions): Promise<SoakReport> {
  const server = await startRedis({ appendonly: true, args: ['--appendfsync', 'always'] })
  const run = new Soak(server, callers)
  try {
    const isReady = () => run.clients.every(({ status }) => status === 'ready')
    await until('all are ready', isReady)
    const before = resources()
    const kills = run.kill(killEveryMs)
    const calling = run.ledgers.map((_, index) => run.caller(index))
    await sleep(seconds * 500)
    const early = rssMiB()
    await sleep(seconds * 500)
    const late = rssMiB()
    run.running = false
    await Promise.all(calling)
    const killed = await kills
    await until('all are ready again', isReady)
    await until('all is answered', () => run.clients.every(({ queued }) => queued.commands === 0))
    const after = resources()
    await run.check()
    return {
      seconds,
      kills: killed,
      acknowledged: run.acknowledged,
      rejected: { notRun: run.notRun, mayHaveRun: run.mayHaveRun },
      pairs: run.pairs,
      wrong: run.wrong.slice(0, 20),
      rejections: run.rejections,
      rssMiB: { early, late },
      resources: { before, after },
    }
  } finally {
    run.running = false
    for (const redis of run.clients) redis.disconnect()
    await server.stop()
  }
}
