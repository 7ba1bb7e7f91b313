import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Where a Redis server answers, and how it wants to be asked. */
export interface RedisEndpoint {
  readonly host: string
  readonly port: number
  /** Of the default user. */
  readonly password?: string | undefined
  /** The certificate authority; given means TLS. */
  readonly ca?: string | undefined
}

/** A RESP2 reply; bulk strings as UTF-8. */
export type RedisReply = string | number | null | RedisReply[] | Error

const PATIENCE_MS = 10_000

interface Parsed {
  readonly reply: RedisReply
  readonly end: number
}

/** One reply at `start`, or undefined as long as it is incomplete. */
function parse(bytes: Buffer, start: number): Parsed | undefined {
  const lineEnd = bytes.indexOf('\r\n', start)
  if (lineEnd < 0) return undefined
  const line = bytes.toString('utf8', start + 1, lineEnd)
  const end = lineEnd + 2
  const type = String.fromCharCode(bytes[start] as number)
  if (type === '+') return { reply: line, end }
  if (type === '-') return { reply: new Error(line), end }
  if (type === ':') return { reply: Number(line), end }
  const length = Number(line)
  if (length < 0) return { reply: null, end }
  if (type === '$') {
    if (bytes.length < end + length + 2) return undefined
    return { reply: bytes.toString('utf8', end, end + length), end: end + length + 2 }
  }
  const items: RedisReply[] = []
  let next = end
  while (items.length < length) {
    const item = parse(bytes, next)
    if (item === undefined) return undefined
    items.push(item.reply)
    next = item.end
  }
  return { reply: items, end: next }
}

const encode = (args: readonly (string | number)[]): string =>
  `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(`${arg}`)}\r\n${arg}\r\n`).join('')}`

function open({ host, port, ca }: RedisEndpoint): Socket {
  return ca === undefined ? connectPlain({ host, port }) : connectTls({ host, port, ca })
}

/** Sends one command over a connection of its own, without any client of ours or of others. */
export async function askRedis(
  endpoint: RedisEndpoint,
  ...args: readonly (string | number)[]
): Promise<RedisReply> {
  const { password } = endpoint
  const socket = open(endpoint)
  const reply = await new Promise<RedisReply>((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0)
    let missing = password === undefined ? 1 : 2
    const what = `${args[0]} to ${endpoint.host}:${endpoint.port}`
    socket.setTimeout(PATIENCE_MS, () => reject(new Error(`${what}: no reply`)))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`${what}: connection closed`)))
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      for (let item = parse(bytes, 0); item !== undefined; item = parse(bytes, 0)) {
        bytes = bytes.subarray(item.end)
        missing--
        if (missing === 0) resolve(item.reply)
      }
    })
    if (password !== undefined) socket.write(encode(['AUTH', password]))
    socket.write(encode(args))
  }).finally(() => socket.destroy())
  if (reply instanceof Error) throw reply
  return reply
}
