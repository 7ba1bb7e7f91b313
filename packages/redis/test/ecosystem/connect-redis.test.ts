// express-session with connect-redis (8, the last that takes an ioredis client), on our class.
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type RedisServer, startRedis } from '@celeris/test-support'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session, { type SessionData } from 'express-session'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import Redis from '../../src/index.ts'
import { killConnections } from './support.ts'

declare module 'express-session' {
  interface SessionData {
    visits: number
    name: string
  }
}

let server: RedisServer
let redis: Redis
let store: RedisStore
let http: Server
let base: string

beforeAll(async () => {
  server = await startRedis()
  redis = new Redis({ host: server.host, port: server.port, socketTimeout: 10_000 })
  expect(redis.fastPath).toEqual({ active: true })
  store = new RedisStore({ client: redis, prefix: 'shop:', ttl: 600, scanCount: 7 })
  const app = express()
  app.use(session({ store, secret: 'a secret', resave: false, saveUninitialized: false }))
  app.get('/visit', (request, response) => {
    request.session.visits = (request.session.visits ?? 0) + 1
    response.json({ visits: request.session.visits, id: request.sessionID })
  })
  app.get('/read', (request, response) => {
    response.json({ visits: request.session.visits ?? null })
  })
  app.get('/login', (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error)
      request.session.name = String(request.query.name)
      response.json({ id: request.sessionID })
    })
  })
  app.get('/logout', (request, response, next) => {
    request.session.destroy((error) => (error ? next(error) : response.json({ out: true })))
  })
  http = app.listen(0, '127.0.0.1')
  await once(http, 'listening')
  base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
})
afterAll(async () => {
  http.closeAllConnections()
  http.close()
  redis.disconnect()
  await server.stop()
})
beforeEach(() => redis.flushall())

/** A browser: keeps its cookie. */
function browser() {
  let cookie = ''
  return async (path: string): Promise<Record<string, unknown>> => {
    const answer = await fetch(base + path, { headers: { cookie } })
    cookie = answer.headers.get('set-cookie')?.split(';', 1)[0] ?? cookie
    expect(answer.status).toBe(200)
    return (await answer.json()) as Record<string, unknown>
  }
}

/** A method of the store, which calls back, as a promise. */
function ask<Value>(
  call: (done: (error: unknown, value?: Value) => void) => unknown,
): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value)))
  })
}

it('keeps a session over requests, with the time to live in Redis (SUITE-5)', async () => {
  const ada = browser()
  const { id } = await ada('/visit')
  expect(await ada('/visit')).toEqual({ visits: 2, id })
  expect(await ada('/read')).toEqual({ visits: 2 })
  expect(await browser()('/read')).toEqual({ visits: null })
  expect(await redis.keys('*')).toEqual([`shop:${id}`])
  const ttl = await redis.ttl(`shop:${id}`)
  expect(ttl).toBeGreaterThan(500)
  expect(ttl).toBeLessThanOrEqual(600)
})

it('prolongs a session that is only read (SUITE-5)', async () => {
  const ada = browser()
  const { id } = await ada('/visit')
  await redis.expire(`shop:${id}`, 60)
  await ada('/read')
  expect(await redis.ttl(`shop:${id}`)).toBeGreaterThan(500)
})

it('gives a new id at login and forgets the session at logout (SUITE-5)', async () => {
  const ada = browser()
  const { id: before } = await ada('/visit')
  const { id } = await ada('/login?name=Ada')
  expect(id).not.toBe(before)
  expect(await redis.keys('*')).toEqual([`shop:${id}`])
  await ada('/logout')
  expect(await redis.keys('*')).toEqual([])
  expect(await ada('/read')).toEqual({ visits: null })
})

it('serves 40 browsers at once, each its own session (SUITE-5)', async () => {
  const browsers = Array.from({ length: 40 }, browser)
  const first = await Promise.all(browsers.map((visit) => visit('/visit')))
  expect(new Set(first.map(({ id }) => id)).size).toBe(40)
  const second = await Promise.all(browsers.map((visit) => visit('/visit')))
  expect(second).toEqual(first.map(({ id }) => ({ visits: 2, id })))
})

it('sets, touches, destroys, lists, counts and clears (SUITE-5)', async () => {
  const cookie = { originalMaxAge: 30_000, expires: new Date(Date.now() + 30_000) }
  const data = (n: number) => ({ cookie, visits: n }) as unknown as SessionData
  // More than one page of SCAN, and names beyond ASCII.
  const names = Array.from({ length: 25 }, (_, n) => `session-${n}-é`)
  await Promise.all(names.map((name, n) => ask((done) => store.set(name, data(n), done))))
  expect(await ask((done) => store.get('session-3-é', done))).toMatchObject({ visits: 3 })
  expect(await redis.ttl('shop:session-3-é')).toBeLessThanOrEqual(30)
  await redis.persist('shop:session-3-é')
  await ask((done) => store.touch('session-3-é', data(3), done))
  expect(await redis.ttl('shop:session-3-é')).toBeGreaterThan(0)
  expect(await ask((done) => store.length(done))).toBe(25)
  expect((await ask<string[]>((done) => store.ids(done)))?.sort()).toEqual([...names].sort())
  const all = await ask<(SessionData & { id: string })[]>((done) => store.all(done))
  expect(all?.map(({ id }) => id).sort()).toEqual([...names].sort())
  await ask((done) => store.destroy('session-3-é', done))
  expect(await ask((done) => store.get('session-3-é', done))).toBeNull()
  await ask((done) => store.clear(done))
  expect(await ask((done) => store.length(done))).toBe(0)
})

it('serves on after a lost connection (SUITE-5)', async () => {
  const ada = browser()
  await ada('/visit')
  const closed = once(redis, 'close')
  await killConnections(server)
  await closed
  expect(await ada('/visit')).toMatchObject({ visits: 2 })
})
