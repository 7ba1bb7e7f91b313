// What a process or thread called just before its end is sent all the same.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type RedisServer, startRedis, until } from '@celeris/test-support'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'

const cwd = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)

let plain: RedisServer
let tls: RedisServer
beforeAll(async () => {
  ;[plain, tls] = await Promise.all([startRedis({ unixSocket: true }), startRedis({ tls: true })])
})
afterAll(() => Promise.all([plain.stop(), tls.stop()]))
beforeEach(async () => {
  await Promise.all([plain.command('FLUSHALL'), tls.command('FLUSHALL')])
})

/** Calls of every kind, 301 commands. */
const CALLS = `
  for (let i = 0; i < 100; i++) redis.incr('count').catch(() => {})
  for (let i = 0; i < 100; i++) redis.incr('count', () => {})
  redis.pipeline(Array.from({ length: 100 }, () => ['incr', 'count'])).exec()
  redis.set('large', Buffer.alloc(50_000, 'x')).catch(() => {})`

/** A program that connects as \`options\` say, and when it is ready does \`after\`. */
const program = (options: object, after: string): string => `
  const Redis = require('@celeris/redis')
  const redis = new Redis(${JSON.stringify(options)})
  redis.once('ready', () => {${after}})`

async function isThere(server: RedisServer): Promise<void> {
  await until('all commands ran', async () => {
    const [count, large] = [
      await server.command('GET', 'count'),
      await server.command('STRLEN', 'large'),
    ]
    return count === '300' && large === 50_000
  })
}

const ENDS: [string, string][] = [
  ['process.exit()', 'process.exit()'],
  ['an exception that nobody catches', `process.nextTick(() => { throw new Error('the end') })`],
  ['process.exit() in a microtask', 'Promise.resolve().then(() => process.exit())'],
]

it.each(ENDS)('is sent when a process ends by %s (FLUSH-5)', async (_, end) => {
  const { port } = plain
  await run(process.execPath, ['--eval', program({ port }, `${CALLS};${end}`)], { cwd }).catch(
    (error) => {
      expect(error.stderr).toContain('the end')
    },
  )
  await isThere(plain)
})

it('is sent over a Unix socket and over TLS (FLUSH-5, TRA-4)', async () => {
  const options = { path: plain.path }
  await run(process.execPath, ['--eval', program(options, `${CALLS};process.exit()`)], { cwd })
  await isThere(plain)
  const { port, ca } = tls
  const secure = { port, host: 'localhost', tls: { ca } }
  await run(process.execPath, ['--eval', program(secure, `${CALLS};process.exit()`)], { cwd })
  await isThere(tls)
})

it('is sent by all connections of a process (FLUSH-5)', async () => {
  const { port } = plain
  const several = `
    const Redis = require('@celeris/redis')
    const clients = Array.from({ length: 20 }, () => new Redis(${port}))
    Promise.all(clients.map((redis) => redis.ping())).then(() => {
      for (const redis of clients) for (let i = 0; i < 10; i++) redis.incr('several')
      process.exit()
    })`
  await run(process.execPath, ['--eval', several], { cwd })
  await until('all ran', async () => (await plain.command('GET', 'several')) === '200')
})

it('is sent when a worker thread ends (FLUSH-5)', async () => {
  const { port } = plain
  const worker = `
    const { Worker } = require('node:worker_threads')
    const code = ${JSON.stringify(program({ port }, `${CALLS};process.exit()`))}
    new Worker(code, { eval: true }).on('exit', (code) => console.log('ended', code))`
  const { stdout } = await run(process.execPath, ['--eval', worker], { cwd })
  expect(stdout).toBe('ended 0\n')
  await isThere(plain)
})

it('keeps neither a process nor a thread from its end (FLUSH-5, TRA-9)', async () => {
  const { port } = plain
  const quits = program(
    { port, commandTimeout: 60_000, socketTimeout: 60_000 },
    `${CALLS};redis.quit()`,
  )
  await run(process.execPath, ['--eval', quits], { cwd, timeout: 20_000 })
  await isThere(plain)
  const worker = `
    const { Worker } = require('node:worker_threads')
    new Worker(${JSON.stringify(quits)}, { eval: true }).on('exit', (code) => console.log('ended', code))`
  const { stdout } = await run(process.execPath, ['--eval', worker], { cwd, timeout: 20_000 })
  expect(stdout).toBe('ended 0\n')
})
