import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { BenchError } from '../errors.ts'
import { packageRoot } from '../package-root.ts'
import { peerFolder } from '../peers/peer-list.ts'
import { pinnedCommand } from '../tools/pinning.ts'
import { precedence, raiseSession } from '../tools/priority.ts'
import type { RedisLibrary } from './redis-libraries.ts'
import type { RedisPoint } from './redis-points.ts'
import type { RedisEndpoint, RedisMachine } from './redis-servers.ts'

/** What a client says about a slice. */
export interface ClientSlice {
  readonly ops: number
  readonly wallNs: number
  readonly userUs: number
  readonly systemUs: number
  /** Latencies of single operations; of a lone caller only. */
  readonly p50Us?: number
  readonly p99Us?: number
}

/** What a client says about a number of operations on its heap. */
export interface ClientCount {
  readonly ops: number
  readonly bytes: number
  readonly collections: number
}

/** A client that is connected and waits. */
export interface ClientProcess {
  readonly pid: number
  warm(ms: number): Promise<void>
  run(ms: number): Promise<ClientSlice>
  count(ops: number): Promise<ClientCount>
  stop(): Promise<void>
}

/** How to start one. */
export interface ClientOptions {
  readonly library: RedisLibrary
  readonly point: Pick<RedisPoint, 'work' | 'callers' | 'valueBytes' | 'topology'>
  readonly endpoint: RedisEndpoint
  readonly nodeFlags?: readonly string[]
}

// A client that says nothing for this long beyond what it was asked hangs.
const PATIENCE_MS = 20_000

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/** Asks a child line by line. Each answer comes before the next question. */
const conversation = (name: string, child: Child) => {
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4000)
  })
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (allowedMs: number): Promise<unknown> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), allowedMs)
    try {
      const next = await lines.next()
      if (!next.done) return JSON.parse(next.value)
    } finally {
      clearTimeout(timer)
    }
    throw new BenchError(
      'CELERIS_BENCH_REDIS',
      `client ${name} gave up\n${complaint.trim() || '(it said nothing)'}`,
    )
  }
  return {
    answer: () => answer(PATIENCE_MS),
    ask: (question: string, ms: number): Promise<unknown> => {
      child.stdin.write(`${question}\n`)
      return answer(ms + PATIENCE_MS)
    },
  }
}

/**
 * Starts a client on its core and waits until it is connected and its keys are there.
 *
 * @throws BenchError `CELERIS_BENCH_REDIS` with what it said, when it gives up.
 */
export const startClient = async (
  { pinning, raised }: RedisMachine,
  { library, point, endpoint, nodeFlags = [] }: ClientOptions,
): Promise<ClientProcess> => {
  const options = {
    library: library.loads,
    work: point.work,
    callers: point.callers,
    valueBytes: point.valueBytes,
    cluster: point.topology === 'cluster',
    ports: endpoint.ports,
    ca: endpoint.ca,
  }
  const [file, words] = pinnedCommand(pinning, pinning.serverCore, [
    ...precedence(raised),
    ...library.program(nodeFlags),
    join(packageRoot, 'servers', 'redis-client.mjs'),
    JSON.stringify(options),
  ])
  const child = spawn(file, words, {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Its own process group: on Ctrl-C the bench ends its clients itself.
    detached: true,
    env: { ...process.env, NODE_ENV: 'production', CELERIS_BENCH_PEERS: peerFolder() },
  })
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
  const { answer, ask } = conversation(library.name, child)
  await raiseSession(raised, child.pid)
  await answer()
  return {
    pid: child.pid ?? 0,
    warm: async (ms) => {
      await ask(`warm ${ms}`, 5 * ms)
    },
    run: async (ms) => (await ask(`run ${ms}`, ms)) as ClientSlice,
    count: async (ops) => (await ask(`count ${ops}`, 0)) as ClientCount,
    // Its own end, not a signal: a profile is written on the way out.
    stop: async () => {
      child.stdin.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
      await ended
      clearTimeout(timer)
    },
  }
}
