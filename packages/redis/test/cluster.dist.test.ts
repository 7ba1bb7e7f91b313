// What only a process of its own shows: a cluster client with an ioredis that was changed before.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type RedisCluster, startRedisCluster } from '@celeris/test-support'
import { afterAll, beforeAll, expect, it } from 'vitest'

const cwd = fileURLToPath(new URL('..', import.meta.url))
const execute = promisify(execFile)

let servers: RedisCluster
beforeAll(async () => {
  servers = await startRedisCluster({ replicas: 0 })
}, 90_000)
afterAll(() => servers?.stop())

/** What a program prints: it changes ioredis, then a cluster client sets and gets a key. */
async function run(change: string): Promise<{ printed: unknown; warnings: string }> {
  const program = `
    const seen = []
    ${change}
    const { Cluster } = require('@celeris/redis')
    const cluster = new Cluster(${JSON.stringify(servers.startupNodes)})
    cluster.once('ready', async () => {
      await cluster.set('key', 'value')
      seen.length = 0
      await cluster.set('key', 'value')
      const value = await cluster.get('key')
      console.log(JSON.stringify({ value, seen, fastPath: cluster.fastPath }))
      cluster.disconnect()
    })`
  const { stdout, stderr } = await execute(process.execPath, ['--eval', program], { cwd })
  return { printed: JSON.parse(stdout), warnings: stderr }
}

it('is lean with an ioredis as it is (GUARD-2)', async () => {
  const { printed, warnings } = await run('')
  expect(printed).toEqual({ value: 'value', seen: [], fastPath: { active: true } })
  expect(warnings).toBe('')
})

it('shows every command to a tool that wrapped sendCommand before us (LEAN-4)', async () => {
  const { printed } = await run(`
    const { prototype } = require('ioredis').Cluster
    const { sendCommand } = prototype
    prototype.sendCommand = function (command) {
      seen.push(command.name)
      return sendCommand.apply(this, arguments)
    }`)
  expect(printed).toMatchObject({ value: 'value', seen: ['set', 'get'] })
})

it('is plain ioredis, and says why, if connections cannot be ours (GUARD-1)', async () => {
  // As in a version that creates them by another method.
  const { printed, warnings } = await run(`
    const { prototype } = require('ioredis/built/cluster/ConnectionPool').default
    const { createRedisFromOptions } = prototype
    delete prototype.createRedisFromOptions
    process.nextTick(() => Object.assign(prototype, { createRedisFromOptions }))`)
  const reason = 'this version of ioredis has no ConnectionPool.createRedisFromOptions as expected'
  expect(printed).toEqual({ value: 'value', seen: [], fastPath: { active: false, reason } })
  expect(warnings).toContain(`works as plain ioredis: ${reason}`)
})
