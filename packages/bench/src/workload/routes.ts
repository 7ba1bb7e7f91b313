import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Context, type Handler, HttpError } from '@celeris/core'
import type { Exchange } from './exchange.ts'
import { patternOf } from './pattern.ts'
import type { Random } from './random.ts'

/** One route of the workload server, and requests to it. */
export interface WorkloadRoute {
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly handle: Handler
  /** A request that nobody else makes, as `id` is unique, with its answer. */
  readonly sample: (random: Random, id: string) => Omit<Exchange, 'route' | 'method'>
}

/** What `/broken` throws: the one error the log of a soak may hold. */
export const BROKEN_ON_PURPOSE = 'broken on purpose'

const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json'
const BYTES = 'application/octet-stream'

const text = (body: string) => ({ status: 200, type: TEXT, body: Buffer.from(body) })
const failure = (status: number, code: string, message: string) => ({
  status,
  type: JSON_TYPE,
  body: Buffer.from(JSON.stringify({ error: { code, message } })),
})

const parameter = (c: Context, name: string): string =>
  (c.params as Readonly<Record<string, string | undefined>>)[name] ?? ''

/** Mostly small, now and then up to 2 MiB: sizes around what engines hold inline, buffer and stream. */
const bodySize = (random: Random): number =>
  random.pick([
    () => random.whole(0, 300),
    () => random.whole(0, 300),
    () => random.whole(1_000, 20_000),
    () => random.whole(65_000, 66_000),
    () => random.whole(100_000, 600_000),
    () => random.whole(1_040_000, 2_000_000),
  ])()

const hello: WorkloadRoute = {
  name: 'text',
  method: 'GET',
  path: '/hello/:id',
  handle: (c) => c.text(`hello ${parameter(c, 'id')}`),
  sample: (_, id) => ({ target: `/hello/${id}`, expected: text(`hello ${id}`) }),
}

const json: WorkloadRoute = {
  name: 'json',
  method: 'GET',
  path: '/json/:id',
  handle: (c) =>
    c.json({ id: parameter(c, 'id'), word: c.query('word'), agent: c.header('x-word') }),
  sample: (random, id) => {
    const word = random.pick(['plain', 'für "alle"', '☃', 'a&b=c', ''])
    return {
      target: `/json/${id}?word=${encodeURIComponent(word)}`,
      fields: [`X-Word: ${id}`],
      expected: {
        status: 200,
        type: JSON_TYPE,
        body: Buffer.from(JSON.stringify({ id, word, agent: id })),
      },
    }
  },
}

const params: WorkloadRoute = {
  name: 'params',
  method: 'GET',
  path: '/users/:user/posts/:post',
  handle: (c) => c.text(`${parameter(c, 'user')} | ${parameter(c, 'post')}`),
  sample: (random, id) => {
    const user = random.pick(['ann', 'bo b', 'a/b', 'Zoë', '%41'])
    return {
      target: `/users/${encodeURIComponent(user)}/posts/${id}`,
      expected: text(`${user} | ${id}`),
    }
  },
}

const fields: WorkloadRoute = {
  name: 'fields',
  method: 'GET',
  path: '/fields/:id/:count',
  handle: (c) => {
    const id = parameter(c, 'id')
    for (let i = 0; i < Number(parameter(c, 'count')); i++)
      c.setHeader(`x-field-${i}`, `${i} ${id}`)
    return c.text(id)
  },
  sample: (random, id) => {
    const count = random.pick([1, 5, 18, 23, 40])
    return {
      target: `/fields/${id}/${count}`,
      expected: {
        ...text(id),
        fields: Object.fromEntries(
          Array.from({ length: count }, (_, i) => [`x-field-${i}`, `${i} ${id}`]),
        ),
      },
    }
  },
}

const soon: WorkloadRoute = {
  name: 'async',
  method: 'GET',
  path: '/soon/:id',
  handle: async (c) => {
    await Promise.resolve()
    return c.text(`soon ${parameter(c, 'id')}`)
  },
  sample: (_, id) => ({ target: `/soon/${id}`, expected: text(`soon ${id}`) }),
}

const later: WorkloadRoute = {
  name: 'timer',
  method: 'GET',
  path: '/later/:id/:ms',
  handle: async (c) => {
    await delay(Number(parameter(c, 'ms')))
    return c.text(`later ${parameter(c, 'id')}`)
  },
  sample: (random, id) => ({
    target: `/later/${id}/${random.whole(1, 30)}`,
    expected: text(`later ${id}`),
  }),
}

const large: WorkloadRoute = {
  name: 'large',
  method: 'GET',
  path: '/large/:id/:bytes',
  handle: (c) => c.bytes(patternOf(parameter(c, 'id'), Number(parameter(c, 'bytes')))),
  sample: (random, id) => {
    const bytes = random.pick([
      random.whole(10_000, 70_000),
      random.whole(70_000, 300_000),
      random.whole(300_000, 2_000_000),
    ])
    return {
      target: `/large/${id}/${bytes}`,
      expected: { status: 200, type: BYTES, body: patternOf(id, bytes) },
    }
  },
}

const empty: WorkloadRoute = {
  name: 'empty',
  method: 'GET',
  path: '/empty/:id',
  handle: (c) => c.noContent(),
  sample: (_, id) => ({
    target: `/empty/${id}`,
    expected: { status: 204, body: Buffer.alloc(0) },
  }),
}

const refused: WorkloadRoute = {
  name: 'refused',
  method: 'GET',
  path: '/refused/:id',
  handle: (c) => {
    throw new HttpError(409, `not ${parameter(c, 'id')}`, { code: 'SOAK_REFUSED' })
  },
  sample: (_, id) => ({
    target: `/refused/${id}`,
    expected: failure(409, 'SOAK_REFUSED', `not ${id}`),
  }),
}

const broken: WorkloadRoute = {
  name: 'broken',
  method: 'GET',
  path: '/broken/:id',
  handle: async () => {
    await Promise.resolve()
    throw new Error(BROKEN_ON_PURPOSE)
  },
  sample: (_, id) => ({
    target: `/broken/${id}`,
    expected: {
      ...failure(500, 'CELERIS_INTERNAL', ''),
      fields: { 'cache-control': 'no-store' },
    },
  }),
}

const echo: WorkloadRoute = {
  name: 'echo',
  method: 'POST',
  path: '/echo/:id',
  handle: async (c) => c.bytes(await c.bodyBytes()),
  sample: (random, id) => {
    const body = patternOf(id, bodySize(random))
    return { target: `/echo/${id}`, body, expected: { status: 200, type: BYTES, body } }
  },
}

const lateEcho: WorkloadRoute = {
  name: 'late echo',
  method: 'PUT',
  path: '/late-echo/:id/:ms',
  handle: async (c) => {
    await delay(Number(parameter(c, 'ms')))
    return c.bytes(await c.bodyBytes())
  },
  sample: (random, id) => {
    const body = patternOf(id, bodySize(random))
    return {
      target: `/late-echo/${id}/${random.whole(1, 20)}`,
      body,
      expected: { status: 200, type: BYTES, body },
    }
  },
}

const PIECE_BYTES = 20_000

const pieces = function* (bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}

/** A sample of a route with `:id` and `:bytes` that answers with that much of the pattern. */
const partsSample =
  (path: string, chunked: boolean): WorkloadRoute['sample'] =>
  (random, id) => {
    // A stream that turns out empty has a length.
    const bytes = random.pick([chunked ? 1 : 0, 700, 30_000, 200_000, 1_500_000])
    return {
      target: `/${path}/${id}/${bytes}`,
      expected: { status: 200, type: BYTES, body: patternOf(id, bytes), chunked },
    }
  }

const partsOf = (c: Context): Buffer => patternOf(parameter(c, 'id'), Number(parameter(c, 'bytes')))

const stream: WorkloadRoute = {
  name: 'stream',
  method: 'GET',
  path: '/stream/:id/:bytes',
  handle: (c) => c.stream(pieces(partsOf(c)), { contentType: BYTES }),
  sample: partsSample('stream', true),
}

const measuredStream: WorkloadRoute = {
  name: 'stream of a length',
  method: 'GET',
  path: '/measured/:id/:bytes',
  handle: (c) => {
    c.setHeader('content-length', Number(parameter(c, 'bytes')))
    return c.stream(pieces(partsOf(c)), { contentType: BYTES })
  },
  sample: partsSample('measured', false),
}

const writer: WorkloadRoute = {
  name: 'writer',
  method: 'GET',
  path: '/writer/:id/:bytes',
  handle: async (c) => {
    const out = c.writer({ contentType: BYTES })
    for (const piece of pieces(partsOf(c))) if ((await out.write(piece)) === false) return
    await delay(1)
    out.end()
  },
  sample: partsSample('writer', true),
}

const bodyStream: WorkloadRoute = {
  name: 'body stream',
  method: 'POST',
  path: '/digest/:id',
  handle: async (c) => {
    const hash = createHash('sha256')
    for await (const piece of c.bodyStream()) hash.update(piece)
    return c.text(hash.digest('hex'))
  },
  sample: (random, id) => {
    const body = patternOf(id, bodySize(random))
    return {
      target: `/digest/${id}`,
      body,
      expected: text(createHash('sha256').update(body).digest('hex')),
    }
  },
}

/** The routes of well-behaved traffic. One more entry here is visited by every client of the soak. */
export const workloadRoutes: readonly WorkloadRoute[] = [
  hello,
  json,
  params,
  fields,
  soon,
  later,
  large,
  empty,
  refused,
  broken,
  echo,
  lateEcho,
  stream,
  measuredStream,
  writer,
  bodyStream,
]

const exchangeOf = (route: WorkloadRoute, random: Random, id: string): Exchange => ({
  route: route.name,
  method: route.method,
  ...route.sample(random, id),
})

/** A random exchange with one of the routes. */
export const anyExchange = (random: Random, id: string): Exchange => {
  const exchange = exchangeOf(random.pick(workloadRoutes), random, id)
  return exchange.method === 'GET' && random.chance(0.1)
    ? { ...exchange, route: 'head', method: 'HEAD' }
    : exchange
}

/** A random exchange whose request has no body. */
export const bodylessExchange = (random: Random, id: string): Exchange => {
  const exchange = anyExchange(random, id)
  return exchange.body === undefined ? exchange : exchangeOf(soon, random, id)
}

/** A random exchange whose answer has a length: HTTP/1.0 has no other way to keep a connection. */
export const measuredExchange = (random: Random, id: string): Exchange => {
  const exchange = anyExchange(random, id)
  return exchange.expected.chunked === true ? exchangeOf(soon, random, id) : exchange
}

/** A body that is answered with itself while it comes. */
export const pipedExchange = (random: Random, id: string): Exchange => {
  const body = patternOf(id, random.pick([1, 10_000, 300_000, 2_000_000]))
  return {
    route: 'pipe',
    method: 'POST',
    target: `/pipe/${id}`,
    body,
    expected: { status: 200, type: BYTES, body, chunked: true },
  }
}

/** An exchange with a body of that many bytes. */
export const echoExchange = (random: Random, id: string, bytes: number): Exchange => {
  const body = patternOf(id, bytes)
  return { ...exchangeOf(echo, random, id), body, expected: { status: 200, type: BYTES, body } }
}

/** A request with a large answer. */
export const largeExchange = (random: Random, id: string): Exchange => exchangeOf(large, random, id)

/** The cheapest exchange there is. */
export const helloExchange = (random: Random, id: string): Exchange => exchangeOf(hello, random, id)
