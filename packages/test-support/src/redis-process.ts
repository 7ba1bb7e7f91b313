import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MISSING = 'redis-server is missing (on Debian: apt-get install redis-server)'
const READY = /Ready to accept connections|Sentinel ID is/
const LOG_LINES_MAX = 200
const START_MS = 30_000

/** Whether redis-server can be started here. */
export function redisAvailable(): boolean {
  return spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0
}

/** One redis-server process at a time, over one folder. */
export interface RedisProcess {
  /** Holds configuration and data; removed by `stop`. */
  readonly folder: string
  /** Of the running process. */
  readonly pid: number
  readonly running: boolean
  /** The last lines it wrote. */
  readonly log: () => string
  /**
   * Starts it and awaits that it listens; rejects with the end of its log if it ends before. Without
   * `config` the configuration file stays as it is: a sentinel keeps its state there.
   */
  readonly start: (args: readonly string[], config?: readonly string[]) => Promise<void>
  /** Sends a signal that ends the process and awaits the end. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<void>
  readonly signal: (signal: NodeJS.Signals) => void
  /** Kills what runs and removes the folder. Never rejects, may be called again. */
  readonly stop: () => Promise<void>
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null

/**
 * A shell that outlives us by a moment: when we end without having said so, however that came, its
 * input ends too, and it kills the server and removes the folder.
 */
function guard(child: ChildProcess, folder: string): void {
  const script = 'read -r done || { kill -9 "$1"; rm -rf "$2"; }'
  const shell = spawn('sh', ['-c', script, 'guard', `${child.pid}`, folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.unref()
  shell.on('error', () => {})
  shell.stdin?.on('error', () => {})
  child.once('exit', () => shell.stdin?.end('done\n'))
}

/** A place for a server that is not started yet. */
export function redisProcess(): RedisProcess {
  const folder = mkdtempSync(join(tmpdir(), 'celeris-redis-'))
  const lines: string[] = []
  let child: ChildProcess | undefined

  const log = (): string => lines.join('\n')

  const start: RedisProcess['start'] = async (args, config) => {
    const file = join(folder, 'redis.conf')
    if (config !== undefined) writeFileSync(file, `${config.join('\n')}\n`)
    lines.length = 0
    const started = spawn('redis-server', [file, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = started
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => {
        clearTimeout(timer)
        reject(new Error(`redis-server: ${why}\n${log()}`))
      }
      const timer = setTimeout(() => {
        started.kill('SIGKILL')
        fail(`not ready after ${START_MS} ms`)
      }, START_MS)
      const read = (text: string): void => {
        lines.push(...text.trimEnd().split('\n'))
        lines.splice(0, lines.length - LOG_LINES_MAX)
        if (!READY.test(text)) return
        clearTimeout(timer)
        resolve()
      }
      started.stdout.setEncoding('utf8').on('data', read)
      started.stderr.setEncoding('utf8').on('data', read)
      started.once('error', (error: NodeJS.ErrnoException) =>
        fail(error.code === 'ENOENT' ? MISSING : error.message),
      )
      started.once('close', () => fail('ended before it was ready'))
      if (started.pid !== undefined) guard(started, folder)
    })
  }

  const kill: RedisProcess['kill'] = async (signal = 'SIGKILL') => {
    if (child?.pid === undefined || hasEnded(child)) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  return {
    folder,
    get pid() {
      return child?.pid ?? 0
    },
    get running() {
      return child?.pid !== undefined && !hasEnded(child)
    },
    log,
    start,
    kill,
    signal: (signal) => {
      child?.kill(signal)
    },
    stop: async () => {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
