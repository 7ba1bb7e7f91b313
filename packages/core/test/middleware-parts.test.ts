import { type Context, Server } from '@celeris/core'
import {
  conclude,
  deadlines,
  decimalText,
  headerLine,
  monotonicStart,
  setHeaderLine,
  successor,
} from '@celeris/core/middleware'
import { expect, test } from 'vitest'

const app = (): Server => new Server({ logger: { error() {}, warn() {}, info() {}, debug() {} } })

test('a successor answers in the place of a handler that is not done; what the handler answers is dropped (TO3)', async () => {
  const server = app()
  let finish: () => void = () => {}
  let late: Context | undefined
  server.get('/slow', async (c) => {
    late = c
    await new Promise<void>((resolve) => {
      finish = resolve
    })
    c.setHeader('x-late', '1').status(201)
    c.text('late')
  })
  const answer = server.request('/slow')
  while (late === undefined) await new Promise((resolve) => setImmediate(resolve))
  const next = successor(late)
  next.text('timed out', 503)
  conclude(next)
  const response = await answer
  expect(response.status).toBe(503)
  expect(await response.text()).toBe('timed out')
  expect(late.path).toBe('/slow')
  expect(() => successor(late as Context)).toThrow('successor() needs')
  finish()
  expect(await (await server.request('/slow2')).text()).toContain('CELERIS_NOT_FOUND')
  expect(server.collector?.snapshot().active).toBe(0)
})

test('successor() refuses a synchronous request', async () => {
  const server = app()
  server.get('/', (c) => {
    expect(() => successor(c)).toThrow('still running asynchronously')
    return 'ok'
  })
  expect((await server.request('/')).status).toBe(200)
})

test('a deadline filed for a request expires while its handler waits (TO1)', async () => {
  const server = app()
  server.get('/', async (c) => {
    const started = monotonicStart(c)
    await new Promise<void>((resolve) => {
      deadlines.add(
        {
          deadlineAt: 0,
          deadlineNext: null,
          deadlinePrevious: null,
          deadlineSlot: -1,
          expire: () => resolve(),
        },
        30,
      )
    })
    c.json({ early: performance.now() - started < 30 })
  })
  expect(await (await server.request('/')).json()).toEqual({ early: false })
  expect(deadlines.size).toBe(0)
})

test('lines checked once are set without looking again', async () => {
  const server = app()
  const policy = headerLine('RateLimit-Policy', '"default";q=100;w=60')
  expect(() => headerLine('x', 'a\nb')).toThrow('U+000A')
  server.get('/', (c) => {
    setHeaderLine(c, policy)
    c.setHeader('x-left', decimalText(99))
    c.noContent()
  })
  const response = await server.request('/')
  expect(response.headers.get('ratelimit-policy')).toBe('"default";q=100;w=60')
  expect(response.headers.get('x-left')).toBe('99')
  expect(decimalText(70_000)).toBe('70000')
})
