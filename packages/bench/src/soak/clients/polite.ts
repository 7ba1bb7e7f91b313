// Clients that follow the protocol and wait for every answer.
import { setTimeout as delay } from 'node:timers/promises'
import { type Exchange, encodeRequest } from '../../workload/exchange.ts'
import type { Random } from '../../workload/random.ts'
import {
  anyExchange,
  bodylessExchange,
  largeExchange,
  measuredExchange,
} from '../../workload/routes.ts'
import type { SoakClient } from '../soak-client.ts'

/** Body with a length or, one time in three, in chunks. */
export const anyEncoding = (random: Random): { chunks?: number[] } =>
  random.chance(1 / 3)
    ? { chunks: Array.from({ length: 5 }, () => random.pick([1, 7, 300, 4_096, 70_000])) }
    : {}

/** A chunked body of many small pieces takes a moment to make, so only small ones get them. */
const bytesOf = (random: Random, exchange: Exchange, fields: readonly string[] = []): Buffer => {
  const small = (exchange.body?.length ?? 0) < 20_000
  const { chunks } = anyEncoding(random)
  const { head, body } = encodeRequest(exchange, {
    fields,
    ...(chunks ? { chunks: small ? chunks : [70_000, 4_096] } : {}),
  })
  return Buffer.concat([head, body])
}

const keepAlive: SoakClient = {
  name: 'keep-alive',
  weight: 6,
  async visit({ random, connect, make, checked }) {
    const connection = await connect()
    const count = random.whole(1, 20)
    for (let i = 0; i < count; i++) {
      const exchange = make(anyExchange)
      await connection.send(bytesOf(random, exchange))
      await connection.expect(exchange)
      checked(1)
    }
    if (random.chance(0.5)) return
    const last = make(anyExchange)
    await connection.send(bytesOf(random, last, ['Connection: close']))
    await connection.expect(last, 'close')
    checked(1)
    await connection.expectEnd()
  },
}

const pipelining: SoakClient = {
  name: 'pipelining',
  weight: 5,
  async visit({ random, connect, make, checked }) {
    const connection = await connect()
    const depth = random.pick([2, 5, 16, 64, 100])
    const exchanges = Array.from({ length: depth }, () =>
      make(random.chance(0.1) ? anyExchange : bodylessExchange),
    )
    const bytes = Buffer.concat(exchanges.map((exchange) => bytesOf(random, exchange)))
    const sent = (async () => {
      if (random.chance(0.5)) return connection.send(bytes)
      const cut = random.whole(0, bytes.length)
      await connection.send(bytes.subarray(0, cut))
      await delay(random.whole(0, 5))
      await connection.send(bytes.subarray(cut))
    })()
    for (const exchange of exchanges) {
      await connection.expect(exchange)
      checked(1)
    }
    await sent
  },
}

const dribbling: SoakClient = {
  name: 'dribbling',
  weight: 3,
  async visit({ random, connect, make, checked }) {
    const connection = await connect()
    for (let i = 0; i < 2; i++) {
      const exchange = make(random.chance(0.5) ? anyExchange : bodylessExchange)
      const bytes = bytesOf(random, exchange)
      const slow = Math.min(bytes.length, 300)
      for (let at = 0; at < slow; ) {
        const piece = random.whole(1, 9)
        await connection.send(bytes.subarray(at, Math.min(at + piece, slow)))
        at += piece
        await delay(random.whole(0, 2))
      }
      await connection.send(bytes.subarray(slow))
      await connection.expect(exchange)
      checked(1)
    }
  },
}

const slowReader: SoakClient = {
  name: 'slow reader',
  weight: 2,
  async visit({ random, connect, make, checked }) {
    const connection = await connect()
    const exchanges = Array.from({ length: random.whole(1, 4) }, () => make(largeExchange))
    await connection.send(Buffer.concat(exchanges.map((exchange) => bytesOf(random, exchange))))
    let reading = true
    const breaks = (async () => {
      for (let i = 0; i < 40 && reading; i++) {
        connection.socket.pause()
        await delay(random.whole(1, 30))
        connection.socket.resume()
        await delay(1)
      }
    })()
    try {
      for (const exchange of exchanges) {
        await connection.expect(exchange)
        checked(1)
      }
    } finally {
      reading = false
      await breaks
    }
  },
}

const halfClosing: SoakClient = {
  name: 'half-closing',
  weight: 2,
  async visit({ random, connect, make, checked }) {
    const connection = await connect()
    const exchanges = Array.from({ length: random.whole(1, 6) }, () => make(bodylessExchange))
    await connection.send(Buffer.concat(exchanges.map((exchange) => bytesOf(random, exchange))))
    connection.end()
    for (const exchange of exchanges) {
      await connection.expect(exchange, exchange === exchanges.at(-1) ? 'free' : 'none')
      checked(1)
    }
    await connection.expectEnd()
  },
}

const oldVersion: SoakClient = {
  name: 'HTTP/1.0',
  weight: 1,
  async visit({ random, connect, make, checked }) {
    const connection = await connect()
    const encoded = (exchange: Exchange, fields: readonly string[]): Buffer => {
      const { head, body } = encodeRequest(exchange, { version: '1.0', fields })
      return Buffer.concat([head, body])
    }
    for (let i = random.whole(0, 3); i > 0; i--) {
      const kept = make(measuredExchange)
      await connection.send(encoded(kept, ['Connection: keep-alive']))
      await connection.expect(kept, 'keep-alive')
      checked(1)
    }
    const last = make(measuredExchange)
    await connection.send(encoded(last, []))
    await connection.expect(last, 'close')
    checked(1)
    await connection.expectEnd()
  },
}

const silent: SoakClient = {
  name: 'silent',
  weight: 1,
  async visit({ random, connect }) {
    const connection = await connect()
    await delay(random.whole(0, 200))
    if (random.chance(0.3)) await connection.send('\r\n')
  },
}

/** Clients that follow the protocol. */
export const politeClients: readonly SoakClient[] = [
  keepAlive,
  pipelining,
  dribbling,
  slowReader,
  halfClosing,
  oldVersion,
  silent,
]
