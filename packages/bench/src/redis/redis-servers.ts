import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { BenchError } from '../errors.ts'
import { type Pinning, pinnedCommand } from '../tools/pinning.ts'
import { precedence, raiseSession } from '../tools/priority.ts'
import { runProgram } from '../tools/run-program.ts'
import type { RedisPoint } from './redis-points.ts'

/** Where a client finds its servers. */
export interface RedisEndpoint {
  readonly pids: readonly number[]
  readonly ports: readonly number[]
  /** File of the certificate to trust; undefined without TLS. */
  readonly ca: string | undefined
}

/** Where servers and clients run, and with what precedence. */
export interface RedisMachine {
  readonly pinning: Pinning
  /** Asks the kernel to prefer them to other programs. */
  readonly raised: boolean
}

/** The bench's own servers, each started when first asked for. */
export interface RedisServers {
  endpoint(topology: RedisPoint['topology']): Promise<RedisEndpoint>
  stopAll(): Promise<void>
}

const START_MS = 15_000
const MASTERS = 3
// A Cluster's bus listens this far above the port, as every version of Redis does by default.
const BUS_OFFSET = 10_000

const refuse = (why: string): BenchError => new BenchError('CELERIS_BENCH_REDIS', why)

/** The version of `redis-server`, or undefined when there is none. */
export const redisServerVersion = async (): Promise<string | undefined> => {
  const { code, stdout } = await runProgram('redis-server', ['--version'])
  return code === 0 ? (stdout.match(/v=(\S+)/)?.[1] ?? 'unknown') : undefined
}

const portIsFree = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(undefined))
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })

const freePort = async (): Promise<number> => {
  for (;;) {
    const port = await portIsFree(0)
    if (port && port + BUS_OFFSET < 65_536 && (await portIsFree(port + BUS_OFFSET))) return port
  }
}

type Child = ChildProcessByStdio<null, Readable, Readable>

const untilReady = (child: Child): Promise<void> =>
  new Promise((resolve, reject) => {
    let said = ''
    const fail = (why: string): void => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(refuse(`redis-server ${why}\n${said.slice(-1000)}`.trim()))
    }
    const timer = setTimeout(() => fail('does not get ready'), START_MS)
    child.once('error', ({ message }) => fail(`does not start: ${message}`))
    child.once('exit', (code, signal) => fail(`ended at once (${signal ?? `exit ${code}`})`))
    const hear = (chunk: Buffer): void => {
      said += chunk.toString()
      if (!said.includes('Ready to accept connections')) return
      clearTimeout(timer)
      child.removeAllListeners('exit')
      // It goes on talking; nobody listens, and its pipe must not fill.
      child.stdout.off('data', hear).resume()
      resolve()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
  })

const startOne = async (
  { pinning, raised }: RedisMachine,
  folder: string,
  more: readonly string[] = [],
): Promise<{ child: Child; port: number }> => {
  const port = await freePort()
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
  const plain = ['--save', '', '--appendonly', 'no', '--daemonize', 'no', '--logfile', '']
  const [file, words] = pinnedCommand(pinning, pinning.generatorCore, [
    ...precedence(raised),
    'redis-server',
    ...settings,
    ...plain,
    ...more,
  ])
  const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  await raiseSession(raised, child.pid)
  await untilReady(child)
  return { child, port }
}

const cli = async (args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await runProgram('redis-cli', args, { timeout: 30_000 })
  if (code !== 0) throw refuse(`redis-cli ${args.join(' ')}: ${`${stdout}${stderr}`.trim()}`)
  return stdout
}

const makeCluster = async (ports: readonly number[]): Promise<void> => {
  const nodes = ports.map((port) => `127.0.0.1:${port}`)
  await cli(['--cluster', 'create', ...nodes, '--cluster-yes'])
  for (const port of ports)
    while (!(await cli(['-p', String(port), 'cluster', 'info'])).includes('cluster_state:ok'))
      await delay(50)
}

/** A key and a certificate that signs itself, for 127.0.0.1. */
const certificate = async (folder: string): Promise<{ key: string; cert: string }> => {
  const key = join(folder, 'key.pem')
  const cert = join(folder, 'cert.pem')
  const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const { code, stderr } = await runProgram('openssl', [
    ...words.split(' '),
    ...['-keyout', key, '-out', cert],
    ...subject,
  ])
  if (code !== 0) throw refuse(`openssl makes no certificate for the TLS point: ${stderr.trim()}`)
  return { key, cert }
}

/**
 * Prepares to start servers on the core beside the client's.
 *
 * @throws BenchError `CELERIS_BENCH_REDIS` when there is no redis-server.
 */
export const createRedisServers = async (machine: RedisMachine): Promise<RedisServers> => {
  if (!(await redisServerVersion()))
    throw refuse('redis-server is missing (Debian: apt-get install redis-server)')
  const folders: string[] = []
  const children: Child[] = []
  const endpoints = new Map<RedisPoint['topology'], RedisEndpoint>()

  const folder = async (): Promise<string> => {
    const made = await mkdtemp(join(tmpdir(), 'celeris-bench-redis-'))
    folders.push(made)
    return made
  }
  const start = async (
    more?: readonly string[],
    at?: string,
  ): Promise<{ pid: number; port: number }> => {
    const { child, port } = await startOne(machine, at ?? (await folder()), more)
    children.push(child)
    return { pid: child.pid ?? 0, port }
  }

  const topologies: Record<RedisPoint['topology'], () => Promise<RedisEndpoint>> = {
    single: async () => {
      const { pid, port } = await start()
      return { pids: [pid], ports: [port], ca: undefined }
    },
    tls: async () => {
      const at = await folder()
      const { key, cert } = await certificate(at)
      const port = await freePort()
      const { pid } = await start(
        [
          ...['--tls-port', String(port), '--tls-cert-file', cert, '--tls-key-file', key],
          ...['--tls-ca-cert-file', cert, '--tls-auth-clients', 'no'],
        ],
        at,
      )
      return { pids: [pid], ports: [port], ca: cert }
    },
    cluster: async () => {
      const nodes = []
      for (let node = 0; node < MASTERS; node++)
        nodes.push(await start(['--cluster-enabled', 'yes']))
      const ports = nodes.map(({ port }) => port)
      await makeCluster(ports)
      return { pids: nodes.map(({ pid }) => pid), ports, ca: undefined }
    },
  }

  return {
    endpoint: async (topology) => {
      const known = endpoints.get(topology) ?? (await topologies[topology]())
      endpoints.set(topology, known)
      return known
    },
    stopAll: async () => {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return
          const ended = once(child, 'exit')
          child.kill('SIGKILL')
          await ended
        }),
      )
      for (const made of folders) await rm(made, { recursive: true, force: true })
    },
  }
}
