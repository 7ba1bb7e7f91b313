import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type RedisServer, startRedis } from '@celeris/test-support'
import * as stock from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const cwd = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
const run = promisify(execFile)

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

describe('the package', () => {
  it('takes ioredis 6, from the first to below the next major version (API-5)', () => {
    const { dependencies } = require('../package.json')
    expect(dependencies.ioredis).toBe('^6.0.0')
    expect(require('ioredis/package.json').version).toMatch(/^6\./)
  })

  it('is itself the constructor for require, with everything on it (API-1)', () => {
    const Redis = require('@celeris/redis')
    expect(Redis).toBe(Redis.Redis)
    expect(Redis).toBe(Redis.default)
    expect([Redis.name, Redis.Cluster.name]).toEqual(['Redis', 'Cluster'])
    expect(Redis.Command).toBe(stock.Command)
    expect(Object.create(Redis.prototype)).toBeInstanceOf(stock.Redis)
  })

  it('exports every name of ioredis to both module systems, as one class (API-2)', async () => {
    const names = Object.keys(stock).filter(
      (name) => !['module.exports', 'Promise', '__esModule'].includes(name),
    )
    const program = `
      import { createRequire } from 'node:module'
      import * as imported from '@celeris/redis'
      const required = createRequire(process.cwd() + '/')('@celeris/redis')
      const missing = ${JSON.stringify(names)}.filter((name) => !(name in required) || !(name in imported))
      const same = imported.default === required && imported.Cluster === required.Cluster
      process.stdout.write(JSON.stringify({ missing, same }))`
    const args = ['--input-type=module', '--eval', program]
    const { stdout } = await run(process.execPath, args, { cwd })
    expect(JSON.parse(stdout)).toEqual({ missing: [], same: true })
  })
})

describe('a process', () => {
  const program = (before: string, after: string): string => `
    ${before}
    const Redis = require('@celeris/redis')
    const redis = new Redis(${server.port})
    ${after}`
  const report = `redis.get('nothing').then((value) => {
      console.log(JSON.stringify({ value, fastPath: redis.fastPath }))
      redis.disconnect()
    })`

  it('with CELERIS_REDIS_FASTPATH=0 has plain ioredis, in silence (GUARD-3)', async () => {
    const env = { ...process.env, CELERIS_REDIS_FASTPATH: '0' }
    const { stdout, stderr } = await run(process.execPath, ['--eval', program('', report)], {
      cwd,
      env,
    })
    const reason = 'CELERIS_REDIS_FASTPATH is 0'
    expect(JSON.parse(stdout)).toEqual({ value: null, fastPath: { active: false, reason } })
    expect(stderr).toBe('')
  })

  it('with an ioredis that lacks a member has plain ioredis, and a warning that names it (GUARD-1)', async () => {
    const before = `delete require('ioredis').Redis.prototype.setSocketTimeout`
    const { stdout, stderr } = await run(process.execPath, ['--eval', program(before, report)], {
      cwd,
    })
    const reason = 'this version of ioredis has no Redis.setSocketTimeout as expected'
    expect(JSON.parse(stdout)).toEqual({ value: null, fastPath: { active: false, reason } })
    expect(stderr).toContain(`works as plain ioredis: ${reason}`)
  })

  it('with a tool that wrapped sendCommand before us shows it every command (LEAN-4)', async () => {
    const before = `
      const seen = []
      const { prototype } = require('ioredis').Redis
      const { sendCommand } = prototype
      prototype.sendCommand = function (command) { seen.push(command.name); return sendCommand.apply(this, arguments) }`
    const after = `redis.once('ready', async () => {
        seen.length = 0
        await redis.set('a', '1')
        await redis.get('a')
        console.log(JSON.stringify(seen))
        redis.disconnect()
      })`
    const { stdout } = await run(process.execPath, ['--eval', program(before, after)], { cwd })
    expect(JSON.parse(stdout)).toEqual(['set', 'get'])
  })

  it('may end right after a call: the command is sent (FLUSH-5)', async () => {
    const after = `redis.once('ready', () => { redis.set('exit', 'sent'); process.exit() })`
    await run(process.execPath, ['--eval', program('', after)], { cwd })
    expect(await server.command('GET', 'exit')).toBe('sent')
  })

  it('ends by itself after quit (TRA-9)', async () => {
    const after = `redis.set('a', '1').then(() => redis.quit())`
    await run(process.execPath, ['--eval', program('', after)], { cwd })
  })
})
