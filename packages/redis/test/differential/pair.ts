// The same program on ioredis and on ours: each has a server of its own, and a proxy that records
// what was sent.
import { once } from 'node:events'
import { Redis as Ours } from '@celeris/redis'
import {
  type FaultProxy,
  type RedisServer,
  startFaultProxy,
  startRedis,
} from '@celeris/test-support'
import { type RedisOptions, Redis as Stock } from 'ioredis'
import { expect } from 'vitest'
import { keepsOrder } from './deviations.ts'

/** What a program may use: everything of its own side. */
export interface Session {
  readonly Redis: typeof Stock
  readonly server: RedisServer
  readonly proxy: FaultProxy
  /** A client through the proxy; closed after the program. */
  readonly create: (options?: RedisOptions) => Stock
  /** The same, when it is ready. */
  readonly ready: (options?: RedisOptions) => Promise<Stock>
}

/** Two servers, one for each side. */
export interface Pair {
  readonly stock: RedisServer
  readonly ours: RedisServer
  readonly stop: () => Promise<void>
}

/** `false` for programs of several connections, whose order nobody promises. */
export interface Comparison {
  readonly bytes?: boolean
}

/** Else two clients of ioredis were compared. */
const FAST = { active: true }

/** Blocking commands time out at the next tick of the server's clock: 100 a second. */
const start = (): Promise<RedisServer> => startRedis({ args: ['--hz', '100'] })

export async function startPair(): Promise<Pair> {
  const [stock, ours] = await Promise.all([start(), start()])
  const stop = async (): Promise<void> => {
    await Promise.all([stock.stop(), ours.stop()])
  }
  return { stock, ours, stop }
}

/** Runs a program on both sides; what it returns, and the bytes it sent, have to be equal. */
export async function compare(
  pair: Pair,
  program: (session: Session) => Promise<unknown>,
  { bytes = true }: Comparison = {},
): Promise<void> {
  const [stock, ours] = await Promise.all([
    runOn(Stock, pair.stock, program),
    runOn(Ours as unknown as typeof Stock, pair.ours, program),
  ])
  expect(ours.result).toEqual(stock.result)
  if (bytes) expect(ours.commands).toEqual(stock.commands)
}

async function runOn(
  Redis: typeof Stock,
  server: RedisServer,
  program: (session: Session) => Promise<unknown>,
): Promise<{ result: unknown; commands: string[] }> {
  await server.command('FLUSHALL')
  const proxy = await startFaultProxy({ port: server.port })
  const clients: Stock[] = []
  let ordered = true
  const create = (options: RedisOptions = {}): Stock => {
    ordered &&= keepsOrder(options)
    const client = new Redis({ ...options, host: proxy.host, port: proxy.port } as RedisOptions & {
      replyMapping: 'legacy'
    })
    client.on('error', () => {})
    clients.push(client)
    return client
  }
  const ready = async (options: RedisOptions = {}): Promise<Stock> => {
    const client = create(options)
    if (client.status !== 'ready') await once(client, 'ready')
    expect((client as { fastPath?: object }).fastPath ?? FAST).toEqual(FAST)
    return client
  }
  try {
    const result = await program({ Redis, server, proxy, create, ready })
    const commands = commandsIn(proxy.record().requests)
    return { result, commands: ordered ? commands : commands.sort() }
  } finally {
    for (const client of clients) client.disconnect()
    await proxy.stop()
  }
}

/** A stream of requests, cut before each `*n`, for differences that can be read. */
const commandsIn = (requests: Buffer): string[] =>
  requests.toString('latin1').split(/(?<=\r\n)(?=\*\d+\r\n\$)/)
