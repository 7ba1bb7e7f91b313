import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { BenchError } from '../errors.ts'
import { peerFolder } from '../peers/peer-list.ts'
import type { Scenario } from '../scenarios/scenario-list.ts'
import { type Pinning, pinnedCommand } from '../tools/pinning.ts'
import type { ServerKind, ServerOptions } from './server-list.ts'

const START_MS = 15_000

/** How to start a server. */
export interface StartOptions {
  readonly scenario: Scenario
  readonly options?: ServerOptions
  readonly nodeFlags?: readonly string[]
  /** Opens an IPC channel for {@link RunningServer.ask}; it costs memory, so only where needed. */
  readonly control?: boolean
  /** Folder whose `@celeris/core` is served; what this package resolves by default. */
  readonly base?: string
}

/** A server process that listens. */
export interface RunningServer {
  readonly pid: number
  readonly port: number
  /** Sends a control message to a child started with `control`, and waits for its answer. */
  ask(message: string): Promise<unknown>
  /** How it ended and what it said on stderr; empty while it runs in silence. */
  lastWords(): string
  stop(): Promise<void>
}

interface Ready {
  readonly port: number
  readonly pid: number
}

/** A server process, whatever it serves. */
export interface ProcessOptions {
  readonly name: string
  readonly command: readonly string[]
  readonly control: boolean
  readonly base?: string
}

const readReady = (name: string, child: ChildProcess, complaint: () => string): Promise<Ready> =>
  new Promise((resolve, reject) => {
    const refuse = (why: string): void => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(new BenchError('CELERIS_BENCH_SERVER', `server ${name} ${why}\n${complaint()}`.trim()))
    }
    const timer = setTimeout(
      () => refuse(`did not say its port within ${START_MS / 1000} s`),
      START_MS,
    )
    child.once('error', (error) => refuse(`does not start: ${error.message}`))
    child.once('exit', (code, signal) =>
      refuse(`ended before it listened (${signal ?? `exit ${code}`})`),
    )
    if (!child.stdout) return refuse('has no stdout')
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return
      clearTimeout(timer)
      child.removeAllListeners('exit')
      resolve(JSON.parse(line) as Ready)
    })
  })

const ask = (name: string, child: ChildProcess, message: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const gone = (): void =>
      reject(
        new BenchError(
          'CELERIS_BENCH_SERVER',
          `server ${name} ended instead of answering "${message}"`,
        ),
      )
    child.once('exit', gone)
    child.once('message', (answer) => {
      child.off('exit', gone)
      resolve(answer)
    })
    child.send(message)
  })

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const patience = setTimeout(() => child.kill('SIGKILL'), 2000)
  await ended
  clearTimeout(patience)
}

/**
 * Starts a program on the server's core and waits until it says where it listens.
 *
 * @throws BenchError `CELERIS_BENCH_SERVER` with what the process said, when it does not.
 */
export const startProcess = async (
  pinning: Pinning,
  { name, command, control, base = '' }: ProcessOptions,
): Promise<RunningServer> => {
  const [file, args] = pinnedCommand(pinning, pinning.serverCore, command)
  const child = spawn(file, args, {
    // Its own process group: on Ctrl-C the bench finishes first, then stops its servers itself.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(control ? (['ipc'] as const) : [])],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      CELERIS_BENCH_PEERS: peerFolder(),
      CELERIS_BENCH_BASE: base,
    },
  })
  let complaint = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4000)
  })
  const ready = await readReady(name, child, () => complaint)
  return {
    ...ready,
    ask: (message) => ask(name, child, message),
    lastWords: () => {
      const ended = child.signalCode ?? child.exitCode
      return [ended === null ? '' : `ended (${ended})`, complaint.trim()].filter(Boolean).join('\n')
    },
    stop: () => stop(child),
  }
}

/**
 * Starts a server on its core and waits until it listens.
 *
 * @throws BenchError `CELERIS_BENCH_SERVER` with what the process said, when it does not.
 */
export const startServer = async (
  pinning: Pinning,
  kind: ServerKind,
  { scenario, options = {}, nodeFlags = [], control = false, base = '' }: StartOptions,
): Promise<RunningServer> => {
  const command = await kind.command({ scenario, options, nodeFlags })
  return startProcess(pinning, { name: kind.name, command, control, base })
}
