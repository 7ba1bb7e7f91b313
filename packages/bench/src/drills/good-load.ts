import { Connection } from '../workload/connection.ts'
import { type Exchange, encodeRequest } from '../workload/exchange.ts'
import { createRandom } from '../workload/random.ts'
import { echoExchange, helloExchange } from '../workload/routes.ts'

/** The parts of a drill. */
export const drillPhases = ['before', 'during', 'after'] as const

/** One of {@link drillPhases}. */
export type DrillPhase = (typeof drillPhases)[number]

/** Latency of good clients in one phase, milliseconds. */
export interface PhaseLatency {
  readonly answers: number
  readonly p50: number
  readonly p99: number
  readonly worst: number
}

/** Good clients that send at a fixed rate, whatever the server does. */
export interface GoodLoad {
  /** What is sent from now on belongs to that phase. */
  enter(phase: DrillPhase): void
  /** Stops sending, waits for what is owed. */
  stop(): Promise<GoodResult>
}

/** What became of good clients. */
export interface GoodResult {
  readonly phases: Readonly<Record<DrillPhase, PhaseLatency>>
  readonly failures: number
  /** The first failures. */
  readonly reasons: readonly string[]
  /** Requests sent again, as the server had closed the idle connection they were sent on. */
  readonly retries: number
}

/** Every so many requests one goes over a connection of its own: newcomers must be served, too. */
const FRESH_EVERY = 10
const MOST_WAITING = 20_000
const MOST_REASONS = 5
const PATIENCE_MS = 30_000

interface Due {
  readonly at: number
  readonly phase: DrillPhase
}

const latencyOf = (values: number[]): PhaseLatency => {
  const sorted = values.sort((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  return {
    answers: sorted.length,
    p50: at(0.5),
    p99: at(0.99),
    worst: sorted.at(-1) ?? Number.NaN,
  }
}

/** Starts good clients: `rate` requests per second, over `connections` kept ones and fresh ones. */
export const startGoodLoad = (port: number, rate: number, connections: number): GoodLoad => {
  const random = createRandom(1)
  const waiting: Due[] = []
  const times: Record<DrillPhase, number[]> = { before: [], during: [], after: [] }
  const reasons: string[] = []
  const pending = new Set<Promise<void>>()
  const idle: (Connection | null)[] = Array<null>(connections).fill(null)
  const opened = new Set<Connection>()
  let phase: DrillPhase = 'before'
  let failures = 0
  let retries = 0
  let ids = 0

  const open = async (): Promise<Connection> => {
    const connection = await Connection.open(port)
    opened.add(connection)
    connection.socket.once('close', () => opened.delete(connection))
    return connection
  }

  const make = (): Exchange => {
    const id = `good-${++ids}`
    return random.chance(0.8) ? helloExchange(random, id) : echoExchange(random, id, 200)
  }

  const converse = async (connection: Connection, exchange: Exchange): Promise<void> => {
    const { head, body } = encodeRequest(exchange)
    await connection.send(Buffer.concat([head, body]))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer in ${PATIENCE_MS} ms`)), PATIENCE_MS)
    })
    try {
      await Promise.race([connection.expect(exchange), late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Sends on a kept connection, or a new one where the server has closed it meanwhile. */
  const onKept = async (kept: Connection | null, exchange: Exchange): Promise<Connection> => {
    if (kept?.socket.writable && !kept.socket.readableEnded) {
      try {
        await converse(kept, exchange)
        return kept
      } catch (error) {
        const untouched = kept.unread === 0 && (kept.socket.destroyed || kept.socket.readableEnded)
        kept.destroy()
        if (!untouched) throw error
        retries++
      }
    } else if (kept !== null) {
      kept.destroy()
      retries++
    }
    const connection = await open()
    await converse(connection, exchange)
    return connection
  }

  const serve = async (due: Due, kept: Connection | null | undefined): Promise<void> => {
    let next: Connection | null = null
    try {
      const connection = await onKept(kept ?? null, make())
      times[due.phase].push(performance.now() - due.at)
      if (kept === undefined) connection.destroy()
      else next = connection
    } catch (error) {
      failures++
      if (reasons.length < MOST_REASONS) reasons.push(`${due.phase}: ${(error as Error).message}`)
    }
    if (kept !== undefined) {
      idle.push(next)
      sendWaiting()
    }
  }

  const begin = (due: Due, kept: Connection | null | undefined): void => {
    const work = serve(due, kept)
    pending.add(work)
    work.finally(() => pending.delete(work)).catch(() => {})
  }

  const sendWaiting = (): void => {
    while (waiting.length > 0 && idle.length > 0)
      begin(waiting.shift() as Due, idle.shift() as Connection | null)
  }

  const start = performance.now()
  let made = 0
  const timer = setInterval(() => {
    const now = performance.now()
    for (; made < ((now - start) * rate) / 1000; made++) {
      const due = { at: now, phase }
      if (made % FRESH_EVERY === 0) begin(due, undefined)
      else if (waiting.length < MOST_WAITING) waiting.push(due)
      else failures++
    }
    sendWaiting()
  }, 1)

  return {
    enter(next) {
      phase = next
    },
    async stop() {
      clearInterval(timer)
      while (pending.size > 0) await Promise.all(pending)
      for (const connection of opened) connection.destroy()
      return {
        phases: {
          before: latencyOf(times.before),
          during: latencyOf(times.during),
          after: latencyOf(times.after),
        },
        failures,
        reasons,
        retries,
      }
    },
  }
}
