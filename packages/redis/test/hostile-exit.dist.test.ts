// The end of a process at a bad moment: behind a large write, and from the last listeners.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type RedisServer, startRedis } from '@celeris/test-support'
import { afterAll, beforeAll, expect, it } from 'vitest'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

/** A process that connects, and when it is ready does `after`. */
async function run(after: string): Promise<void> {
  const program = `
    const Redis = require('@celeris/redis')
    const redis = new Redis(${server.port})
    redis.once('ready', () => {${after}})`
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  await promisify(execFile)(process.execPath, ['--eval', program], { cwd, timeout: 30_000 })
}

it('commands behind the first 64 KiB of a turn are sent, too (FLUSH-5)', async () => {
  await run(`
    for (let i = 0; i < 1000; i++) redis.incr('count:' + 'x'.repeat(100)).catch(() => {})
    redis.set('large', 'v'.repeat(70_000)).catch(() => {})
    redis.set('last', 'sent').catch(() => {})
    process.exit()`)
  expect(await server.command('GET', `count:${'x'.repeat(100)}`)).toBe('1000')
  expect(await server.command('GET', 'last')).toBe('sent')
})

it('what a listener of exit calls is sent, in whatever order they were added (FLUSH-5)', async () => {
  await run(`
    redis.ping().then(() => {
      process.on('exit', () => {
        redis.set('from', 'listener').catch(() => {})
        redis.pipeline().incr('piped').incr('piped').exec()
      })
      process.exit()
    })`)
  expect(await server.command('MGET', 'from', 'piped')).toEqual(['listener', '2'])
})
