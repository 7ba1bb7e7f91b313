// Redirections that no real cluster gives on demand: the same program on ioredis's Cluster and ours.
import { afterEach, describe, expect, it } from 'vitest'
import type { Cluster, ClusterOptions, FailureDetails } from '../src/index.ts'
import { type Answer, bulk, type FakeCluster, startFakeCluster } from './cluster-fake.ts'
import { readyClusterOf, stockCommands } from './cluster-support.ts'

/** Slot 12 182, the third part of three. */
const KEY = 'foo'
const SLOT = 12_182
const OWNER = 2

let fake: FakeCluster
afterEach(() => fake.stop())

interface Outcome {
  readonly result: unknown
  readonly commands: readonly string[]
}

const outcomeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: Error) =>
    `${error.name}: ${error.message}`.replaceAll(/:\d{4,5}/g, ':port'),
  )

const addressOf = (node: number): string => `127.0.0.1:${fake.ports[node]}`

/** Runs a program on fresh nodes and a client of that class. */
async function run(
  kind: 'ours' | 'stock',
  nodes: number,
  answer: Answer,
  program: (cluster: Cluster) => Promise<unknown>,
  options: ClusterOptions = {},
): Promise<Outcome> {
  fake = await startFakeCluster(nodes, () => '+PONG\r\n')
  const cluster = await readyClusterOf(
    kind,
    fake.ports.map((port) => ({ host: '127.0.0.1', port })),
    options,
  )
  fake.commands.length = 0
  fake.slotRequests = 0
  fake.answer = answer
  const stock = stockCommands(cluster)
  const pending = program(cluster)
  if (kind === 'ours' && options.fastPath !== false) expect(stock).toEqual([])
  const result = await outcomeOf(pending)
  cluster.disconnect()
  return { result, commands: fake.commands.slice() }
}

/** The outcome on ours; fails if it is another one than on ioredis. */
async function same(
  nodes: number,
  answer: () => Answer,
  program: (cluster: Cluster) => Promise<unknown> = (cluster) => cluster.get(KEY),
  options: ClusterOptions = {},
): Promise<Outcome> {
  const stock = await run('stock', nodes, answer(), program, options)
  await fake.stop()
  const ours = await run('ours', nodes, answer(), program, options)
  // Of commands under way at the same time nodes may see some later.
  expect({ ...ours, commands: ours.commands.toSorted() }).toEqual({
    ...stock,
    commands: stock.commands.toSorted(),
  })
  return ours
}

describe('a lean command goes on as ioredis does (CLU-3)', () => {
  it('to the node of MOVED, once', async () => {
    const { result, commands } = await same(3, () => ({ node }) => {
      return node === OWNER ? `-MOVED ${SLOT} ${addressOf(0)}\r\n` : bulk('value')
    })
    expect(result).toBe('value')
    expect(commands).toEqual([`${OWNER} get ${KEY}`, `0 get ${KEY}`])
  })

  it('to the node of ASK behind ASKING, and the next one to the owner again', async () => {
    const { result, commands } = await same(
      3,
      () =>
        ({ node, asking }) => {
          return node === OWNER
            ? `-ASK ${SLOT} ${addressOf(1)}\r\n`
            : bulk(asking ? 'new' : 'not asking')
        },
      async (cluster) => [await cluster.get(KEY), await cluster.getBuffer(KEY)],
    )
    expect(result).toEqual(['new', Buffer.from('new')])
    expect(commands).toEqual([
      `${OWNER} get ${KEY}`,
      `1 get ${KEY} !`,
      `${OWNER} get ${KEY}`,
      `1 get ${KEY} !`,
    ])
  })

  it.each(['TRYAGAIN later', 'CLUSTERDOWN it is'])('after a while behind %s', async (error) => {
    const delays = { retryDelayOnTryAgain: 1, retryDelayOnClusterDown: 1 }
    let refused = 0
    const { result } = await same(
      1,
      () => {
        refused = 0
        return () => (++refused <= 3 ? `-${error}\r\n` : bulk('value'))
      },
      undefined,
      delays,
    )
    expect(result).toBe('value')
    expect(refused).toBe(4)
  })

  it('not behind CLUSTERDOWN if it may not be tried again', async () => {
    const { result, commands } = await same(1, () => () => '-CLUSTERDOWN it is\r\n', undefined, {
      retryDelayOnClusterDown: 0,
    })
    expect(result).toBe('ReplyError: CLUSTERDOWN it is')
    expect(commands).toHaveLength(1)
  })

  it('until there are too many redirections, and counts them alike', async () => {
    const { result, commands } = await same(
      3,
      () =>
        ({ node }) =>
          `-MOVED ${SLOT} ${addressOf(node === OWNER ? 0 : OWNER)}\r\n`,
      undefined,
      { maxRedirections: 5 },
    )
    expect(result).toBe(
      `Error: Too many Cluster redirections. Last error: ReplyError: MOVED ${SLOT} 127.0.0.1:port`,
    )
    expect(commands).toHaveLength(6)
  })

  it('over a new connection if MOVED names the node that says so', async () => {
    const { result } = await run(
      'ours',
      3,
      (() => {
        const first = new Map<number, object>()
        return ({ node, socket }) => {
          if (!first.has(node)) first.set(node, socket)
          return first.get(node) === socket
            ? `-MOVED ${SLOT} ${addressOf(OWNER)}\r\n`
            : bulk('value')
        }
      })(),
      async (cluster) => {
        const values = await Promise.all(Array.from({ length: 50 }, () => cluster.get(KEY)))
        return [...new Set(values)]
      },
      { retryDelayOnFailover: 1 },
    )
    expect(result).toEqual(['value'])
  })

  it('not to a slot that is none', async () => {
    const { result } = await same(3, () => () => `-MOVED __proto__ ${addressOf(0)}\r\n`)
    expect(result).toBe('ReplyError: MOVED __proto__ 127.0.0.1:port')
  })

  it('with errors that are the answer as they are, and what they are worth', async () => {
    const { result, commands } = await same(3, () => () => '-WRONGTYPE no string\r\n')
    expect(result).toBe('ReplyError: WRONGTYPE no string')
    expect(commands).toHaveLength(1)
  })

  it('with commands of any length, with a prefix, and by call', async () => {
    const { result, commands } = await same(
      3,
      () =>
        ({ node, args }) =>
          node === OWNER ? `-MOVED ${SLOT} ${addressOf(0)}\r\n` : bulk(args.join(' ')),
      (cluster) =>
        Promise.all([
          cluster.set('o', 1, 'EX', 10),
          cluster.append('o', Buffer.from('x')),
          cluster.call('get', 'o'),
          cluster.strlen(['o'] as never),
        ]),
      { keyPrefix: 'fo' },
    )
    expect(result).toEqual(['set foo 1 EX 10', 'append foo x', 'get foo', 'strlen foo'])
    expect(commands).toHaveLength(8)
  })

  it('without closing a good connection when many are moved at once', async () => {
    let connections = new Set<object>()
    const { result } = await same(
      3,
      () => {
        connections = new Set()
        return ({ node, socket }) => {
          if (node === OWNER) return `-MOVED ${SLOT} ${addressOf(0)}\r\n`
          connections.add(socket)
          return bulk('value')
        }
      },
      async (cluster) => {
        const values = await Promise.all(Array.from({ length: 200 }, () => cluster.get(KEY)))
        return [...new Set(values)]
      },
    )
    expect(result).toEqual(['value'])
    expect(connections.size).toBe(1)
    // All of them together want the slots anew, once (CLU-8); a second refresh may follow the first.
    expect(fake.slotRequests).toBeLessThanOrEqual(2)
  })
})

describe('a connection that closes under a lean command', () => {
  /** Cuts the first connection that asks, after it asked. */
  const cutOnce = (): Answer => {
    let cut = false
    return ({ socket }) => {
      if (cut) return bulk('value')
      cut = true
      socket.destroy()
      return undefined
    }
  }

  it('makes it go on after retryDelayOnFailover (CLU-3)', async () => {
    const { result, commands } = await same(1, cutOnce, undefined, { retryDelayOnFailover: 1 })
    expect(result).toBe('value')
    expect(commands).toEqual([`0 get ${KEY}`, `0 get ${KEY}`])
  })

  it('fails it without retryDelayOnFailover, and the error says that it may have run (DELIV-4)', async () => {
    const options = { retryDelayOnFailover: 0 }
    const { result } = await same(1, cutOnce, undefined, options)
    expect(result).toBe('Error: Connection is closed.')
    await fake.stop()
    let failure: Partial<FailureDetails> = {}
    const incr = (cluster: Cluster) =>
      cluster.incr(KEY).catch((error: object) => {
        failure = error
      })
    await run('ours', 1, cutOnce(), incr, options)
    expect(failure).toMatchObject({ mayHaveRun: true, address: addressOf(0) })
    expect(failure.command).toMatchObject({ name: 'incr', args: [KEY] })
    // Loggers print what is enumerable: neither keys nor values.
    expect(Object.keys(failure)).not.toContain('command')
  })

  it.each([
    ['a lean command', (cluster: Cluster) => cluster.incr(KEY)],
    ['a command of ioredis', (cluster: Cluster) => cluster.incr(KEY, () => {})],
    ['a pipeline', (cluster: Cluster) => cluster.pipeline().incr(KEY).exec()],
  ])(
    'never sends %s twice with autoResendUnfulfilledCommands: false (DELIV-3)',
    async (_, program) => {
      fake = await startFakeCluster(1, () => '+PONG\r\n')
      const seeds = [{ host: '127.0.0.1', port: fake.ports[0] as number }]
      const cluster = await readyClusterOf('ours', seeds, {
        retryDelayOnFailover: 1,
        redisOptions: { autoResendUnfulfilledCommands: false },
      })
      fake.commands.length = 0
      fake.answer = cutOnce()
      const failure = await program(cluster).then(
        (results) => (results as unknown as [Error][])[0]?.[0],
        (error) => error,
      )
      expect(failure).toMatchObject({ message: 'Connection is closed.', mayHaveRun: true })
      // The client goes on, and what it sends now is the second command.
      expect(await cluster.get(KEY)).toBe('value')
      expect(fake.commands).toEqual([`0 incr ${KEY}`, `0 get ${KEY}`])
    },
  )
})
