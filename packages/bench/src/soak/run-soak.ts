import { setTimeout as delay } from 'node:timers/promises'
import { type MachineFacts, machineFacts } from '../machine-facts.ts'
import type { Workbench } from '../workbench.ts'
import { Connection } from '../workload/connection.ts'
import { createRandom, type Random } from '../workload/random.ts'
import {
  startWorkload,
  type WorkloadEngine,
  type WorkloadServer,
} from '../workload/start-workload.ts'
import type { WorkloadReport } from '../workload/workload-report.ts'
import { hostileClients } from './clients/hostile.ts'
import { politeClients } from './clients/polite.ts'
import { uploadClients } from './clients/uploads.ts'
import type { SoakClient } from './soak-client.ts'
import { MAX_BODY_BYTES } from './soak-limits.ts'

/** How long and how hard. */
export interface SoakPlan {
  readonly engine: WorkloadEngine
  readonly seconds: number
  readonly clients: number
  readonly seed: number
}

/** What clients of one kind did. */
export interface ClientTally {
  readonly name: string
  clients: number
  visits: number
  replies: number
  failures: number
}

/** One condition at the end. */
export interface SoakCheck {
  readonly name: string
  readonly found: string
  readonly bound: string
  readonly ok: boolean
}

/** What a soak found. */
export interface SoakReport {
  readonly kind: 'soak'
  readonly at: string
  readonly machine: MachineFacts
  readonly plan: SoakPlan
  readonly elapsedSec: number
  readonly tallies: readonly ClientTally[]
  /** The first wrong replies, each with the kind of client and its seed. */
  readonly failures: readonly string[]
  readonly checks: readonly SoakCheck[]
  /** Resident memory at rest, MiB: before the first client and after each part. */
  readonly restMiB: readonly number[]
  readonly end: WorkloadReport
  readonly passed: boolean
}

const soakClients: readonly SoakClient[] = [...politeClients, ...uploadClients, ...hostileClients]

/** Parts of a soak, each followed by a rest in which nothing may be left; the first warms up. */
const PARTS = 5
const VISIT_MS = 120_000
const REST_MS = 10_000
const MOST_FAILURES = 20
/** What the resident memory at rest may grow by after the warm-up. */
const RSS_GROWTH_MIB = 48

const MIB = 2 ** 20

interface Soaking {
  readonly plan: SoakPlan
  readonly server: WorkloadServer
  readonly tallies: Map<SoakClient, ClientTally>
  readonly failures: string[]
  ids: number
}

const weighted = (clients: readonly SoakClient[], count: number): SoakClient[] => {
  const pool = clients.flatMap((client) => Array<SoakClient>(client.weight).fill(client))
  return Array.from({ length: count }, (_, i) => pool[i % pool.length] as SoakClient)
}

const visitOnce = async (soaking: Soaking, client: SoakClient, random: Random): Promise<void> => {
  const { plan, server, tallies } = soaking
  const tally = tallies.get(client)
  if (tally === undefined) return
  const opened: Connection[] = []
  const id = (): string => `${plan.seed}-${++soaking.ids}`
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([
      client.visit({
        random,
        engine: plan.engine,
        id,
        make: (maker) => maker(random, id()),
        connect: async () => {
          const connection = await Connection.open(server.port)
          opened.push(connection)
          return connection
        },
        checked: (replies) => {
          tally.replies += replies
        },
      }),
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error('the visit hangs')), VISIT_MS)
      }),
    ])
  } catch (error) {
    tally.failures++
    if (soaking.failures.length < MOST_FAILURES)
      soaking.failures.push(`${client.name} (seed ${random.seed}): ${(error as Error).message}`)
  } finally {
    clearTimeout(timer)
    tally.visits++
    for (const connection of opened) connection.destroy()
  }
}

const occupy = async (
  soaking: Soaking,
  clients: readonly SoakClient[],
  part: number,
  untilMs: number,
  signal: AbortSignal,
): Promise<void> => {
  await Promise.all(
    clients.map(async (client, index) => {
      const source = createRandom(soaking.plan.seed).fork(part * 100_000 + index)
      for (let visit = 0; performance.now() < untilMs && !signal.aborted; visit++) {
        if (soaking.failures.length >= MOST_FAILURES) return
        await visitOnce(soaking, client, source.fork(visit))
      }
    }),
  )
}

const isAtRest = ({ engine, active }: WorkloadReport): boolean =>
  active === 0 && engine.active === 0 && engine.queuedBytes === 0 && engine.ownedBuffers === 0

/** Waits until the server has noticed that everybody left. */
const rest = async (server: WorkloadServer): Promise<WorkloadReport> => {
  const deadline = performance.now() + REST_MS
  for (;;) {
    const report = await server.reportAtRest()
    if (isAtRest(report) || performance.now() > deadline) return report
    await delay(50)
  }
}

const zero = (name: string, found: number | undefined): SoakCheck => ({
  name,
  found: String(found),
  bound: '0',
  ok: found === 0,
})

const endChecks = (
  soaking: Soaking,
  before: WorkloadReport,
  warm: WorkloadReport,
  end: WorkloadReport,
): SoakCheck[] => {
  const { engine } = end
  const growth = (end.rssBytes - warm.rssBytes) / MIB
  const [failures, replies] = [...soaking.tallies.values()].reduce(
    ([failed, compared], tally) => [failed + tally.failures, compared + tally.replies],
    [0, 0],
  )
  return [
    zero('visits with a wrong reply', failures),
    { name: 'replies compared', found: String(replies), bound: '> 0', ok: replies > 0 },
    zero('connections open', engine.active),
    zero('connections accepted, not closed', (engine.accepted ?? 0) - (engine.closed ?? 0)),
    zero('requests running', end.active),
    zero('buffers owned', engine.ownedBuffers),
    zero('bytes queued', engine.queuedBytes),
    zero('bad records', engine.badRecords),
    {
      name: 'descriptors',
      found: String(end.descriptors),
      bound: `≤ ${before.descriptors}`,
      ok: end.descriptors <= before.descriptors,
    },
    {
      name: 'RSS at rest after the warm-up',
      found: `${growth >= 0 ? '+' : ''}${growth.toFixed(1)} MiB`,
      bound: `≤ +${RSS_GROWTH_MIB} MiB`,
      ok: growth <= RSS_GROWTH_MIB,
    },
    {
      name: 'errors nobody expected',
      found: end.notes.length === 0 ? '0' : `${end.notes.length}: ${end.notes[0]}`,
      bound: '0',
      ok: end.notes.length === 0,
    },
  ]
}

/** Soaks one server: a mixed crowd for the given time, every reply compared byte for byte. */
export const runSoak = async (bench: Workbench, plan: SoakPlan): Promise<SoakReport> => {
  const server = await startWorkload(bench.pinning, plan.engine, {
    maxRequestBodySize: MAX_BODY_BYTES,
    // On a busy machine an honest client may take long for a head.
    readHeaderTimeoutMs: VISIT_MS,
  })
  const clients = weighted(soakClients, plan.clients)
  const soaking: Soaking = { plan, server, tallies: new Map(), failures: [], ids: 0 }
  for (const client of clients) {
    const tally = soaking.tallies.get(client)
    if (tally) tally.clients++
    else
      soaking.tallies.set(client, {
        name: client.name,
        clients: 1,
        visits: 0,
        replies: 0,
        failures: 0,
      })
  }
  const start = performance.now()
  try {
    // What the process opens at its first request stays open.
    await visitOnce({ ...soaking, failures: [] }, clients[0] as SoakClient, createRandom(plan.seed))
    const before = await rest(server)
    const rests: WorkloadReport[] = []
    for (let part = 0; part < PARTS && soaking.failures.length < MOST_FAILURES; part++) {
      bench.say(`soak on ${plan.engine}: part ${part + 1} of ${PARTS}`)
      const until = performance.now() + (plan.seconds * 1000) / PARTS
      await occupy(soaking, clients, part, until, bench.signal)
      rests.push(await rest(server))
      if (bench.signal.aborted) break
    }
    const warm = rests[0] as WorkloadReport
    const end = rests.at(-1) as WorkloadReport
    const checks = endChecks(soaking, before, warm, end)
    return {
      kind: 'soak',
      at: new Date().toISOString(),
      machine: await machineFacts(),
      plan,
      elapsedSec: (performance.now() - start) / 1000,
      tallies: [...soaking.tallies.values()],
      failures: soaking.failures,
      checks,
      restMiB: [before, ...rests].map(({ rssBytes }) => rssBytes / MIB),
      end,
      passed: checks.every(({ ok }) => ok),
    }
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${server.lastWords()}`, { cause: error })
  } finally {
    await server.stop()
  }
}
