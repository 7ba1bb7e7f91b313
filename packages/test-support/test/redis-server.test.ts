import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { redisAvailable } from '../src/redis-process.ts'
import { type RedisServer, type RedisServerOptions, startRedis } from '../src/redis-server.ts'

const servers: RedisServer[] = []

async function start(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedis(options)
  servers.push(server)
  return server
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

const refused = { code: 'ECONNREFUSED' }

describe('startRedis', () => {
  it('is possible here (on Debian: apt-get install redis-server)', () => {
    expect(redisAvailable()).toBe(true)
  })

  it('starts several at once, each with its own port and data', async () => {
    const started = await Promise.all([start(), start(), start()])
    await Promise.all(started.map((server) => server.command('SET', 'port', server.port)))
    for (const server of started) {
      expect(await server.command('GET', 'port')).toBe(`${server.port}`)
    }
  })

  it('keeps nothing over a kill and a restart, and comes back on the same port', async () => {
    const server = await start()
    const { port, pid } = server
    await server.command('SET', 'key', 'value')
    await server.kill()
    expect(server.running).toBe(false)
    await expect(server.command('PING')).rejects.toMatchObject(refused)
    await server.restart()
    expect(server.port).toBe(port)
    expect(server.pid).not.toBe(pid)
    expect(await server.command('GET', 'key')).toBe(null)
  })

  it('keeps acknowledged writes with appendonly', async () => {
    const server = await start({ appendonly: true })
    await server.command('SET', 'key', 'value')
    await server.restart()
    expect(await server.command('GET', 'key')).toBe('value')
  })

  it('answers nothing during a pause, and afterwards what was asked', async () => {
    const [paused, other] = await Promise.all([start(), start()])
    paused.pause()
    let answered = false
    const reply = paused.command('ECHO', 'late').finally(() => {
      answered = true
    })
    for (let i = 0; i < 5; i++) await other.command('PING')
    expect(answered).toBe(false)
    paused.resume()
    expect(await reply).toBe('late')
  })

  it('asks for the password, and knows the users of an access list', async () => {
    const server = await start({
      requirepass: 'open "sesame"',
      users: ['alice on >secret ~* +@all'],
    })
    expect(await server.command('PING')).toBe('PONG')
    expect(await server.command('AUTH', 'alice', 'secret')).toBe('OK')
    await expect(server.command('AUTH', 'alice', 'wrong')).rejects.toThrow('WRONGPASS')
  })

  it('speaks TLS alone, with a certificate its authority vouches for', async () => {
    const server = await start({ tls: true })
    expect(server.ca).toContain('BEGIN CERTIFICATE')
    expect(await server.command('PING')).toBe('PONG')
  })

  it('listens on a Unix socket too, and removes its folder when stopped', async () => {
    const server = await start({ unixSocket: true, args: ['--maxmemory', '5mb'] })
    const path = server.path as string
    expect(existsSync(path)).toBe(true)
    expect(await server.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '5242880'])
    await server.stop()
    await server.stop()
    expect(existsSync(dirname(path))).toBe(false)
    await expect(server.command('PING')).rejects.toMatchObject(refused)
  })

  it('says why it did not start, with the end of the log', async () => {
    await expect(startRedis({ args: ['--no-such-option', 'x'] })).rejects.toThrow(/no-such-option/)
  })

  it('fails on a port that is taken, if that one was asked for', async () => {
    const { port } = await start()
    await expect(startRedis({ port })).rejects.toThrow(/in use/)
  })
})
