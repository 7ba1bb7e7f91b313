import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

/** What travels from the client to the server, and what comes back. */
export type ProxyDirection = 'requests' | 'replies'

/** Where the proxied server listens. */
export type FaultProxyTarget =
  | { readonly port: number; readonly host?: string }
  | { readonly path: string }

/** A cut at a byte. */
export interface CutOptions {
  /** Only the first connection that gets there, instead of each one. */
  readonly once?: boolean
}

/** All bytes so far, of all connections in the order they were read. */
export interface ProxyRecord {
  readonly requests: Buffer
  readonly replies: Buffer
}

/** A TCP proxy that breaks connections in the ways networks do. All settings hold for new ones too. */
export interface FaultProxy {
  readonly host: string
  readonly port: number
  /** Accepted since the start. */
  readonly connections: number
  /** Open at the moment. */
  readonly open: number
  /** Resets all connections, both sides. New ones are accepted. */
  readonly cut: () => void
  /** Ends the side towards the clients, as a server that closes does: they read FIN and may still write. */
  readonly end: () => void
  /** Forwards nothing any more, and closes nothing: a black hole. One direction, or both. */
  readonly stall: (direction?: ProxyDirection) => void
  /** Forwards again, first what waited. */
  readonly resume: (direction?: ProxyDirection) => void
  /** Each piece of the replies leaves `ms` after it arrived; 0 ends that. */
  readonly delay: (options: { readonly ms: number }) => void
  /** Replies arrive in pieces of `bytes`, one a turn of the event loop; `Infinity` ends that. */
  readonly splitReplies: (bytes: number) => void
  /**
   * Resets a connection once the client got exactly `bytes` of replies, counted from now or, for a
   * later connection, from its start. `Infinity` ends that.
   */
  readonly cutAfterReplyBytes: (bytes: number, options?: CutOptions) => void
  /**
   * Resets the client's side once the server got exactly `bytes` of requests, counted in the same
   * way. The server reads all of them, then FIN: what was complete is executed.
   */
  readonly cutAfterRequestBytes: (bytes: number, options?: CutOptions) => void
  readonly record: () => ProxyRecord
  /** Resets what is open and closes the port. May be called again. */
  readonly stop: () => Promise<void>
}

/** Closed, it makes those who pass wait. */
interface Gate {
  readonly passed: () => Promise<void>
  readonly close: () => void
  readonly open: () => void
}

function gate(): Gate {
  let closed: Promise<void> | undefined
  let release = (): void => {}
  return {
    passed: async () => {
      while (closed !== undefined) await closed
    },
    close: () => {
      closed ??= new Promise((resolve) => {
        release = resolve
      })
    },
    open: () => {
      closed = undefined
      release()
    },
  }
}

/** What holds for one direction of every connection. */
interface Lane {
  readonly gate: Gate
  readonly recorded: Buffer[]
  delayMs: number
  pieceBytes: number
  cut: { readonly bytes: number; readonly once: boolean }
}

const lane = (): Lane => ({
  gate: gate(),
  recorded: [],
  delayMs: 0,
  pieceBytes: Number.POSITIVE_INFINITY,
  cut: { bytes: Number.POSITIVE_INFINITY, once: false },
})

/** A connection and its counterpart. */
interface Link {
  readonly client: Socket
  readonly server: Socket
  /** Bytes that may still pass before the cut. */
  readonly left: Record<ProxyDirection, number>
}

const DIRECTIONS = ['requests', 'replies'] as const

function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy()
  } catch {
    // A Unix socket knows no reset.
    socket.destroy()
  }
}

/** Resolves once the kernel has the bytes, or the socket is gone. */
const write = (sink: Socket, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => {
    sink.write(bytes, () => resolve())
  })

/** Starts a proxy on a free port of 127.0.0.1, in front of a port or a Unix socket. */
export async function startFaultProxy(target: FaultProxyTarget): Promise<FaultProxy> {
  const lanes: Record<ProxyDirection, Lane> = { requests: lane(), replies: lane() }
  const links = new Set<Link>()
  let connections = 0

  const setCut = (direction: ProxyDirection, bytes: number, once: boolean): void => {
    lanes[direction].cut = { bytes, once }
    for (const { left } of links) left[direction] = bytes
  }

  const cutHere = (link: Link, direction: ProxyDirection): void => {
    if (lanes[direction].cut.once) setCut(direction, Number.POSITIVE_INFINITY, false)
    // Requests end: a reset could take from the server what it has not read yet.
    if (direction === 'requests') link.server.end()
    else reset(link.server)
    reset(link.client)
  }

  /** False once nothing may follow. What a side that is gone would get is dropped. */
  const pass = async (link: Link, direction: ProxyDirection, bytes: Buffer): Promise<boolean> => {
    const sink = direction === 'requests' ? link.server : link.client
    const lane = lanes[direction]
    let rest = bytes
    while (rest.length > 0) {
      await lane.gate.passed()
      if (!sink.writable) return true
      const piece = rest.subarray(0, Math.min(lane.pieceBytes, link.left[direction]))
      rest = rest.subarray(piece.length)
      link.left[direction] -= piece.length
      if (piece.length > 0) {
        lane.recorded.push(piece)
        await write(sink, piece)
        // A reader in this process gets the piece in the turn between. One that finds bytes and a
        // reset together is told of an orderly end by libuv.
        if (Number.isFinite(lane.pieceBytes) || Number.isFinite(link.left[direction])) {
          await nextTurn()
          await nextTurn()
        }
      }
      if (link.left[direction] === 0) {
        cutHere(link, direction)
        return false
      }
    }
    return true
  }

  const forward = async (link: Link, direction: ProxyDirection): Promise<void> => {
    const lane = lanes[direction]
    const { client, server } = link
    const [source, sink] = direction === 'requests' ? [client, server] : [server, client]
    let failed = false
    try {
      for await (const chunk of source.iterator({ destroyOnReturn: false })) {
        const arrival = performance.now()
        await lane.gate.passed()
        const late = arrival + lane.delayMs - performance.now()
        if (lane.delayMs > 0 && late > 0) await sleep(late)
        if (!(await pass(link, direction, chunk as Buffer))) return
      }
    } catch {
      failed = true
    }
    await lane.gate.passed()
    if (failed) reset(sink)
    else sink.end()
  }

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ ...target, allowHalfOpen: true, noDelay: true })
    const left = { requests: lanes.requests.cut.bytes, replies: lanes.replies.cut.bytes }
    const link: Link = { client, server, left }
    connections++
    links.add(link)
    for (const socket of [client, server]) {
      socket.on('error', () => {})
      socket.on('close', () => {
        if (client.closed && server.closed) links.delete(link)
      })
    }
    for (const direction of DIRECTIONS) void forward(link, direction)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { address: host, port } = listener.address() as AddressInfo

  const cut = (): void => {
    for (const { client, server } of links) {
      reset(client)
      reset(server)
    }
  }
  const gates = (direction?: ProxyDirection): Gate[] =>
    (direction === undefined ? DIRECTIONS : [direction]).map((each) => lanes[each].gate)
  const resume: FaultProxy['resume'] = (direction) => {
    for (const each of gates(direction)) each.open()
  }

  return {
    host,
    port,
    get connections() {
      return connections
    },
    get open() {
      return links.size
    },
    cut,
    end: () => {
      for (const { client } of links) client.end()
    },
    stall: (direction) => {
      for (const each of gates(direction)) each.close()
    },
    resume,
    delay: ({ ms }) => {
      lanes.replies.delayMs = ms
    },
    splitReplies: (bytes) => {
      lanes.replies.pieceBytes = bytes
    },
    cutAfterReplyBytes: (bytes, { once = false } = {}) => setCut('replies', bytes, once),
    cutAfterRequestBytes: (bytes, { once = false } = {}) => setCut('requests', bytes, once),
    record: () => ({
      requests: Buffer.concat(lanes.requests.recorded),
      replies: Buffer.concat(lanes.replies.recorded),
    }),
    stop: async () => {
      cut()
      resume()
      if (!listener.listening) return
      listener.close()
      await once(listener, 'close')
    },
  }
}
