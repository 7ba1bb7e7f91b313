// Cluster nodes that answer as a test says: redirections no real cluster gives on demand.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** What a fake node is asked, and by which connection. */
export interface Request {
  /** Index of the node. */
  readonly node: number
  readonly args: readonly string[]
  /** ASKING came right before. */
  readonly asking: boolean
  readonly socket: Socket
}

/** A RESP2 reply, or undefined if there is none. */
export type Answer = (request: Request) => string | undefined

/** Where fake nodes listen. Default: any ports of 127.0.0.1. */
export interface FakeClusterOptions {
  readonly host?: string
  readonly ports?: readonly number[]
  /** Addresses given as replicas of every range. */
  readonly replicas?: readonly { readonly host: string; readonly port: number }[]
}

/** Fake nodes; the slots are given to them in equal parts. */
export interface FakeCluster {
  readonly ports: readonly number[]
  /** Commands of users as `node name argument…`, those after ASKING with a `!`; no handshakes. */
  readonly commands: string[]
  /** How often the slots were asked for. */
  slotRequests: number
  answer: Answer
  /** Who has the slots, by index of node. */
  owners: readonly number[]
  readonly stop: () => Promise<void>
}

export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`

/** Complete requests at the start of `bytes`, and what is left. */
function parse(bytes: string): { requests: string[][]; rest: string } {
  const requests: string[][] = []
  let rest = bytes
  for (;;) {
    const lines = rest.split('\r\n')
    const count = Number(lines[0]?.slice(1))
    // A line behind the last one: all of it is there.
    if (Number.isNaN(count)) throw new Error(`no request: ${JSON.stringify(rest)}`)
    if (lines.length < 2 || lines.length < 2 * count + 2) return { requests, rest }
    requests.push(Array.from({ length: count }, (_, index) => lines[2 * index + 2] as string))
    rest = lines.slice(2 * count + 1).join('\r\n')
  }
}

/** Starts `count` nodes that answer commands of users with `answer`. */
export async function startFakeCluster(
  count: number,
  answer: Answer,
  { host = '127.0.0.1', ports: wanted = [], replicas = [] }: FakeClusterOptions = {},
): Promise<FakeCluster> {
  const sockets = new Set<Socket>()
  const servers: Server[] = []
  const ports: number[] = []
  const cluster: FakeCluster = {
    ports,
    commands: [],
    slotRequests: 0,
    answer,
    owners: Array.from({ length: count }, (_, index) => index),
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await Promise.all(
        servers.map(async (server) => {
          server.close()
          await once(server, 'close')
        }),
      )
    },
  }
  const slots = (): string => {
    const { owners } = cluster
    const ranges = owners.map((owner, index) => {
      const first = Math.ceil((16_384 * index) / owners.length)
      const last = Math.ceil((16_384 * (index + 1)) / owners.length) - 1
      const nodes = [{ host, port: ports[owner] as number }, ...replicas].map(
        (node) => `*2\r\n${bulk(node.host)}:${node.port}\r\n`,
      )
      return `*${2 + nodes.length}\r\n:${first}\r\n:${last}\r\n${nodes.join('')}`
    })
    return `*${ranges.length}\r\n${ranges.join('')}`
  }
  const serve = (node: number, socket: Socket): void => {
    let rest = ''
    let asking = false
    const reply = (args: readonly string[]): string | undefined => {
      const name = args[0]?.toLowerCase()
      if (name === 'hello') return "-ERR unknown command 'HELLO'\r\n"
      if (name === 'info') return bulk('redis_version:7.0.0')
      if (name === 'client' || name === 'readonly') return '+OK\r\n'
      if (name === 'cluster') {
        if (args[1]?.toLowerCase() === 'info') return bulk('cluster_state:ok')
        cluster.slotRequests += 1
        return slots()
      }
      if (name === 'asking') {
        asking = true
        return '+OK\r\n'
      }
      cluster.commands.push(`${node} ${args.join(' ')}${asking ? ' !' : ''}`)
      const answered = cluster.answer({ node, args, asking, socket })
      asking = false
      return answered
    }
    socket.setEncoding('latin1')
    socket.on('error', () => {})
    socket.on('data', (chunk: string) => {
      const parsed = parse(rest + chunk)
      rest = parsed.rest
      for (const args of parsed.requests) {
        const bytes = reply(args)
        if (bytes !== undefined && !socket.destroyed) socket.write(bytes)
      }
    })
  }
  for (let node = 0; node < count; node++) {
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      serve(node, socket)
    })
    server.listen(wanted[node] ?? 0, host)
    await once(server, 'listening')
    servers.push(server)
    ports.push((server.address() as AddressInfo).port)
  }
  return cluster
}
