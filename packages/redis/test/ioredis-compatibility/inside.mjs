// Runs in a network namespace of its own, where the ports that ioredis's suite wants are free:
// starts the servers, then mocha. Arguments: kind, output, fast path on or off, test files.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const PORT = 6379
const CLUSTER_PORTS = [3000, 3001, 3002, 3003, 3004, 3005]
const START_MS_MAX = 30_000
/** More than the suite's own 8 s: machines that test are busy. */
const TEST_MS_MAX = '30000'
const RUN_MS_MAX = 15 * 60_000

const [kind, reporter, output, fastPath, ...files] = process.argv.slice(2)
if (process.env.CELERIS_OWN_NAMESPACE === '1') spawnSync('ip', ['link', 'set', 'lo', 'up'])

const folder = mkdtempSync(join(tmpdir(), 'celeris-ioredis-suite-'))
const servers = []
try {
  if (kind === 'cluster') await startCluster()
  else await startServer(PORT)
  process.exitCode = await mocha()
} finally {
  for (const server of servers) server.kill()
  await Promise.all(servers.map((server) => server.exitCode ?? once(server, 'exit')))
  rmSync(folder, { recursive: true, force: true })
}

async function startServer(port, ...options) {
  if (await accepts(port)) throw new Error(`port ${port} is taken`)
  const common = ['--port', port, '--save', '', '--appendonly', 'no', '--dir', folder]
  const server = spawn('redis-server', [...common, ...options].map(String), { stdio: 'ignore' })
  servers.push(server)
  const end = performance.now() + START_MS_MAX
  while (!(await accepts(port))) {
    if (server.exitCode !== null || performance.now() > end) {
      throw new Error(`redis-server did not start on port ${port}`)
    }
    await delay(50)
  }
}

async function startCluster() {
  for (const port of CLUSTER_PORTS) {
    const config = ['--cluster-config-file', `nodes-${port}.conf`]
    await startServer(port, '--cluster-enabled', 'yes', ...config)
  }
  const nodes = CLUSTER_PORTS.map((port) => `127.0.0.1:${port}`)
  const flags = ['--cluster-replicas', '1', '--cluster-yes']
  const made = spawnSync('redis-cli', ['--cluster', 'create', ...nodes, ...flags])
  if (made.status !== 0) throw new Error(`no cluster: ${made.stdout}${made.stderr}`)
  const end = performance.now() + START_MS_MAX
  while (!CLUSTER_PORTS.every(isReady)) {
    if (performance.now() > end) throw new Error('the cluster did not become ready')
    await delay(100)
  }
}

/** Knows that all slots are served and three nodes are replicas. */
function isReady(port) {
  const ask = (what) => spawnSync('redis-cli', ['-p', port, 'cluster', what], { encoding: 'utf8' })
  const replicas = ask('nodes').stdout.match(/\bslave /g) ?? []
  return ask('info').stdout.includes('cluster_state:ok') && replicas.length === 3
}

async function accepts(port) {
  const socket = createConnection({ port, host: '127.0.0.1' })
  const accepted = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false)
  socket.destroy()
  return accepted
}

async function mocha() {
  const program = join(process.cwd(), '..', 'node_modules', 'mocha', 'bin', 'mocha.js')
  const report = ['--reporter', reporter, '--reporter-option', `output=${output}`]
  // Node would else strip types itself, and the suite's imports without extension would not resolve.
  const types = process.allowedNodeEnvironmentFlags.has('--experimental-strip-types')
    ? ['--no-experimental-strip-types']
    : []
  const patience = ['--timeout', TEST_MS_MAX]
  const child = spawn(process.execPath, [...types, program, ...report, ...patience, ...files], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      NODE_ENV: 'test',
      TS_NODE_TRANSPILE_ONLY: 'true',
      ...(fastPath === 'off' ? { CELERIS_REDIS_FASTPATH: '0' } : {}),
    },
    timeout: RUN_MS_MAX,
    killSignal: 'SIGKILL',
  })
  const [code] = await once(child, 'exit')
  return code ?? 1
}
