// Clients that break the protocol, or leave at the worst moment.
import { STATUS_CODES } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { encodeRequest } from '../../workload/exchange.ts'
import type { Random } from '../../workload/random.ts'
import { anyExchange, bodylessExchange } from '../../workload/routes.ts'
import type { WorkloadEngine } from '../../workload/start-workload.ts'
import type { SoakClient } from '../soak-client.ts'

const aborting: SoakClient = {
  name: 'aborting',
  weight: 4,
  async visit({ random, connect, make }) {
    const connection = await connect()
    const exchanges = Array.from({ length: random.whole(1, 8) }, () => make(anyExchange))
    const bytes = Buffer.concat(
      exchanges.flatMap((exchange) => Object.values(encodeRequest(exchange))),
    )
    const sent = connection.send(
      random.chance(0.5) ? bytes : bytes.subarray(0, random.whole(0, bytes.length)),
    )
    // Of a request that was cut short no answer comes.
    const patience = delay(random.whole(0, 20))
    await (random.chance(0.3)
      ? Promise.race([connection.hasMore().catch(() => false), patience])
      : patience)
    if (random.chance(0.7)) connection.reset()
    else connection.destroy()
    await sent
  },
}

interface Attack {
  readonly bytes: string
  readonly status: number
}

const H = 'Host: soak\r\n'
const post = (fields: string, body = ''): string =>
  `POST /echo/x HTTP/1.1\r\n${H}${fields}\r\n${body}`

/** Requests that must be refused, never repaired (http1.md, the corpus). */
const attacks: readonly Attack[] = [
  { status: 400, bytes: 'GET / HTTP/1.1\r\n\r\n' },
  { status: 400, bytes: `GET / HTTP/1.1\r\n${H}${H}\r\n` },
  { status: 400, bytes: `GET /a b HTTP/1.1\r\n${H}\r\n` },
  { status: 400, bytes: `GET / HTTP/1.1\r\n${H}X : y\r\n\r\n` },
  { status: 400, bytes: `GET / HTTP/1.1\r\n${H}X: a\r\n folded\r\n\r\n` },
  { status: 400, bytes: `GET / HTTP/1.1\r\n${H}X: a\0b\r\n\r\n` },
  { status: 400, bytes: `GET / HTTP/1.1\n${H}\n` },
  { status: 400, bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' },
  { status: 505, bytes: `GET / HTTP/3.0\r\n${H}\r\n` },
  { status: 501, bytes: `CONNECT a:1 HTTP/1.1\r\n${H}\r\n` },
  { status: 400, bytes: post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc') },
  { status: 400, bytes: post('Content-Length: +3\r\n', 'abc') },
  { status: 400, bytes: post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n') },
  { status: 400, bytes: post('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', '0\r\n\r\n') },
  { status: 400, bytes: post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n') },
  { status: 400, bytes: post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n') },
  { status: 501, bytes: post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n') },
  { status: 400, bytes: post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n') },
  { status: 417, bytes: post('Expect: 200-maybe\r\nContent-Length: 3\r\n', 'abc') },
  { status: 431, bytes: `GET / HTTP/1.1\r\n${H}X: ${'y'.repeat(70_000)}\r\n\r\n` },
  { status: 431, bytes: `GET / HTTP/1.1\r\n${H}${'X: y\r\n'.repeat(300)}\r\n` },
  { status: 414, bytes: `GET /${'y'.repeat(20_000)} HTTP/1.1\r\n${H}\r\n` },
  // Framing that breaks inside a body: the handler's read fails, its answer is the error.
  { status: 400, bytes: post('Transfer-Encoding: chunked\r\n', '0x3\r\nabc\r\n0\r\n\r\n') },
  { status: 400, bytes: post('Transfer-Encoding: chunked\r\n', '3\r\nabcd\r\n0\r\n\r\n') },
  { status: 400, bytes: post('Transfer-Encoding: chunked\r\n', 'ffffffffffffffffff\r\nabc') },
]

/** Statuses the node engine may give instead (http1.md, permitted differences). */
const NODE_INSTEAD: Readonly<Record<number, number>> = { 414: 431, 501: 400, 505: 400 }

const mayBe = (engine: WorkloadEngine, status: number): number[] =>
  engine === 'node' ? [status, NODE_INSTEAD[status] ?? status, 400] : [status]

const split = (random: Random, bytes: Buffer): Buffer[] => {
  if (random.chance(0.5)) return [bytes]
  const cut = random.whole(1, bytes.length - 1)
  return [bytes.subarray(0, cut), bytes.subarray(cut)]
}

const hostile: SoakClient = {
  name: 'hostile',
  weight: 4,
  async visit({ random, engine, connect, make, checked }) {
    const connection = await connect()
    const good = Array.from({ length: random.whole(0, 3) }, () => make(bodylessExchange))
    const attack = random.pick(attacks)
    const probe = make(bodylessExchange)
    const bytes = Buffer.concat([
      ...good.flatMap((exchange) => Object.values(encodeRequest(exchange))),
      Buffer.from(attack.bytes, 'latin1'),
      encodeRequest(probe).head,
    ])
    for (const piece of split(random, bytes)) {
      await connection.send(piece)
      await delay(random.whole(0, 2))
    }
    for (const exchange of good) {
      await connection.expect(exchange)
      checked(1)
    }
    const reply = await connection.read('GET')
    const words = `${reply.statusLine} to ${JSON.stringify(attack.bytes.slice(0, 100))}`
    if (!mayBe(engine, attack.status).includes(reply.status)) throw new Error(words)
    if (reply.fields.get('connection') !== 'close') throw new Error(`no close: ${words}`)
    const text = reply.fields.get('content-type')?.startsWith('text/plain')
    if (text && reply.body.toString() !== STATUS_CODES[reply.status])
      throw new Error(`body ${reply.body}: ${words}`)
    checked(1)
    // The probe never runs: nothing may follow.
    await connection.expectEnd()
  },
}

/** Clients that mean no good. */
export const hostileClients: readonly SoakClient[] = [aborting, hostile]
