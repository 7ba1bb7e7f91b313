import type { Duplex } from 'node:stream'
import { expectTypeOf } from 'vitest'
import {
  type CloseReport,
  type Context,
  type EngineInfo,
  type Handler,
  type Listening,
  type MetricsCollector,
  type MetricsSnapshot,
  type Next,
  type ResponseWriter,
  type Route,
  Router,
  Server,
  type ServerConfig,
  type StandardSchema,
} from '../src/index.ts'

/** `true` for `any` only. */
type IsAny<T> = 0 extends 1 & T ? true : false
/** Names of members that are `any`, or give or take `any`. */
type AnyMembers<T> = {
  [K in keyof T]: IsAny<T[K]> extends true
    ? K
    : T[K] extends (...args: infer A) => infer R
      ? true extends IsAny<R> | { [I in keyof A]: IsAny<A[I]> }[number]
        ? K
        : never
      : never
}[keyof T]

// No `any` in public types (C14).
expectTypeOf<AnyMembers<Context>>().toEqualTypeOf<never>()
expectTypeOf<AnyMembers<Server>>().toEqualTypeOf<never>()
expectTypeOf<AnyMembers<Router>>().toEqualTypeOf<never>()
expectTypeOf<AnyMembers<Route>>().toEqualTypeOf<never>()
expectTypeOf<AnyMembers<Required<ServerConfig>>>().toEqualTypeOf<never>()
expectTypeOf<AnyMembers<MetricsCollector>>().toEqualTypeOf<never>()
expectTypeOf<AnyMembers<MetricsSnapshot>>().toEqualTypeOf<never>()
expectTypeOf<AnyMembers<EngineInfo>>().toEqualTypeOf<never>()
expectTypeOf<AnyMembers<CloseReport>>().toEqualTypeOf<never>()
expectTypeOf<Parameters<Handler>>().toEqualTypeOf<[c: Context, next: Next]>()

const app = new Server()
app.get('/users/:id/:tab?', (c) => {
  expectTypeOf(c.param('id')).toEqualTypeOf<string>()
  expectTypeOf(c.param('tab')).toEqualTypeOf<string | undefined>()
  // @ts-expect-error no parameter of the path
  c.param('name')
  expectTypeOf(c.query('q')).toEqualTypeOf<string | undefined>()
  expectTypeOf(c.header('host')).toEqualTypeOf<string | undefined>()
  expectTypeOf(c.cookies()).toEqualTypeOf<Record<string, string | undefined>>()
  expectTypeOf(c.bodyJson()).resolves.toBeUnknown()
  expectTypeOf(c.bodyJson<{ a: 1 }>()).resolves.toEqualTypeOf<{ a: 1 }>()
  expectTypeOf(c.bodyBytes()).resolves.toEqualTypeOf<Uint8Array>()
  expectTypeOf(c.contentLength).toEqualTypeOf<number | undefined>()
  expectTypeOf(c.protocol).toEqualTypeOf<'1.0' | '1.1'>()
  expectTypeOf(c.signal).toEqualTypeOf<AbortSignal>()
  return c.text('x')
})
app.group('/orgs/:org').get('/:user', (c) => {
  expectTypeOf(c.param('org')).toEqualTypeOf<string>()
  expectTypeOf(c.param('user')).toEqualTypeOf<string>()
})

// What handlers may give.
app.get('/a', () => 'text')
app.get('/b', () => ({ json: true }))
app.get('/c', async (c) => c.json([]))
app.get('/d', (c) => c.noContent())
app.get('/e', (_c, next) => next())
app.get('/f', () => new Response('x'))
// @ts-expect-error a number is no answer
app.get('/g', () => 7)
// @ts-expect-error a route has a handler
app.get('/h')

// Variables are typed by name.
interface User {
  readonly name: string
}
const typed = new Server<{ Variables: { user: User; count: number } }>()
typed.use((c, next) => {
  c.set('user', { name: 'x' })
  c.set('count', 1)
  // @ts-expect-error of another type
  c.set('count', 'one')
  // @ts-expect-error of no such name
  c.set('other', 1)
  return next()
})
typed.get('/:id', (c) => {
  expectTypeOf(c.get('user')).toEqualTypeOf<User>()
  expectTypeOf(c.var.count).toEqualTypeOf<number>()
  // @ts-expect-error of no such name
  c.get('other')
  expectTypeOf(c.param('id')).toEqualTypeOf<string>()
})
typed.onError((error, c) => {
  expectTypeOf(error).toBeUnknown()
  expectTypeOf(c.get('user')).toEqualTypeOf<User>()
})
typed.mount('/m', new Router<{ Variables: { user: User; count: number } }>())

// Without Variables everything is unknown, nothing is any.
app.get('/vars', (c) => {
  c.set('anything', 1)
  expectTypeOf(c.get('anything')).toBeUnknown()
  expectTypeOf(c.var.anything).toBeUnknown()
})

// The configuration.
expectTypeOf<ServerConfig['port']>().toEqualTypeOf<number | undefined>()
// @ts-expect-error `true` would let every client choose its address (C11)
new Server({ trustProxy: true })
// @ts-expect-error unknown option
new Server({ prot: 3000 })
// @ts-expect-error unknown engine
new Server({ engine: 'fast' })
new Server({ trustProxy: ['loopback', '10.0.0.0/8'] })
new Server({ engine: 'auto', logger: console })

expectTypeOf(app.listen()).resolves.toEqualTypeOf<Listening>()
expectTypeOf(app.close()).resolves.toEqualTypeOf<CloseReport>()
expectTypeOf(app.collector).toEqualTypeOf<MetricsCollector | null>()
expectTypeOf(app.request('/')).resolves.toEqualTypeOf<Response>()
expectTypeOf(app.url('x', { id: 1 })).toEqualTypeOf<string>()

// Streams, schemas, sockets.
declare const schema: StandardSchema<{ age: number }>
app.post('/long', async (c) => {
  expectTypeOf(c.validate(schema)).resolves.toEqualTypeOf<{ age: number }>()
  expectTypeOf(c.bodyStream()).toEqualTypeOf<ReadableStream<Uint8Array>>()
  expectTypeOf(c.writer()).toEqualTypeOf<ResponseWriter>()
  expectTypeOf(c.writer().write('x')).toEqualTypeOf<boolean | Promise<boolean>>()
  expectTypeOf(c.hijack()).resolves.toEqualTypeOf<Duplex>()
  // @ts-expect-error a number is nothing to stream
  c.stream(5)
  // @ts-expect-error no source of a value is called so
  c.validate(schema, 'body')
  for await (const chunk of c.bodyStream()) expectTypeOf(chunk).toEqualTypeOf<Uint8Array>()
})
app.get('/generated', async function* () {
  yield 'text'
  yield new Uint8Array(1)
})
