// Clients whose bodies are expected, refused, ignored or abandoned.
import { type Exchange, encodeRequest } from '../../workload/exchange.ts'
import { patternOf } from '../../workload/pattern.ts'
import { checkReply } from '../../workload/reply.ts'
import { echoExchange, pipedExchange } from '../../workload/routes.ts'
import type { SoakClient } from '../soak-client.ts'
import { MAX_BODY_BYTES } from '../soak-limits.ts'
import { anyEncoding } from './polite.ts'

const ignored = (id: string, bytes: number): Exchange => ({
  route: 'ignore',
  method: 'POST',
  target: `/ignore/${id}`,
  body: patternOf(id, bytes),
  expected: {
    status: 200,
    type: 'text/plain; charset=utf-8',
    body: Buffer.from(`ignored ${id}`),
  },
})

const expecting: SoakClient = {
  name: 'expecting',
  weight: 2,
  async visit({ random, connect, id, checked }) {
    const connection = await connect()
    for (let i = random.whole(1, 4); i > 0; i--) {
      const exchange = echoExchange(random, id(), random.whole(1, 100_000))
      const { head, body } = encodeRequest(exchange, {
        fields: ['Expect: 100-continue'],
        ...anyEncoding(random),
      })
      const waits = random.chance(0.7)
      await connection.send(waits ? head : Buffer.concat([head, body]))
      if (waits) {
        const interim = await connection.read('POST')
        if (interim.statusLine !== 'HTTP/1.1 100 Continue' || interim.fields.size > 0)
          throw new Error(`expected 100, got ${interim.statusLine}`)
        await connection.send(body)
        await connection.expect(exchange)
      } else {
        // A 100 may have been on its way when the body came.
        let reply = await connection.read('POST')
        if (reply.status === 100) reply = await connection.read('POST')
        checkReply(reply, exchange.expected, 'POST')
      }
      checked(1)
    }
  },
}

const turnedAway: SoakClient = {
  name: 'answered early',
  weight: 1,
  async visit({ random, connect, id, checked }) {
    const connection = await connect()
    const exchange = ignored(id(), random.whole(1_200_000, 3_000_000))
    const { head, body } = encodeRequest(exchange, {
      ...(random.chance(0.5) ? { fields: ['Expect: 100-continue'] } : {}),
    })
    await connection.send(head)
    const sent = connection.send(body)
    await connection.expect(exchange, 'free')
    checked(1)
    connection.destroy()
    await sent
  },
}

const oversized: SoakClient = {
  name: 'oversized',
  weight: 1,
  async visit({ random, connect, id, checked }) {
    const connection = await connect()
    const exchange = echoExchange(random, id(), MAX_BODY_BYTES + random.whole(1, 100_000))
    const { head, body } = encodeRequest(exchange, random.chance(0.5) ? {} : { chunks: [65_536] })
    await connection.send(head)
    const sent = connection.send(body)
    const reply = await connection.read('POST')
    if (reply.status !== 413 || reply.fields.get('connection') !== 'close')
      throw new Error(`expected 413 and close, got ${reply.statusLine}`)
    checked(1)
    connection.destroy()
    await sent
  },
}

const abandoning: SoakClient = {
  name: 'abandoning',
  weight: 2,
  async visit({ random, connect, id, checked }) {
    const connection = await connect()
    const exchange = echoExchange(random, id(), random.pick([500, 60_000, 300_000, 1_500_000]))
    const { head, body } = encodeRequest(exchange, {
      ...(random.chance(0.5) ? { chunks: [8_192] } : {}),
    })
    const bytes = Buffer.concat([head, body])
    const sent = connection.send(bytes.subarray(0, random.whole(1, bytes.length - 1)))
    if (random.chance(0.5)) {
      await sent
      connection.reset()
      return
    }
    connection.end()
    // A body that a handler waits for is answered with its error, any other with silence (EOF-1).
    if (await connection.hasMore().catch(() => false)) {
      const { status } = await connection.read('POST')
      if (status !== 400) throw new Error(`a truncated upload was answered with ${status}`)
      checked(1)
    }
    await connection.expectEnd()
    await sent
  },
}

const piping: SoakClient = {
  name: 'piping',
  weight: 2,
  async visit({ random, connect, make, checked }) {
    const connection = await connect()
    const exchange = make(pipedExchange)
    const { head, body } = encodeRequest(exchange, {
      ...(random.chance(0.5) ? { chunks: [30_000] } : {}),
    })
    await connection.send(head)
    const sent = connection.send(body)
    // The answer begins before the body has come: the connection may end with it (CLOSE-1, CLOSE-2).
    await connection.expect(exchange, 'free')
    checked(1)
    await sent
  },
}

/** Clients with bodies that take another way than in, through and out again. */
export const uploadClients: readonly SoakClient[] = [
  expecting,
  turnedAway,
  oversized,
  abandoning,
  piping,
]
