// A program of test/programs in a process of its own, on the packages as they were built.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Ended } from './child.ts'
import { atEnd } from './serve.ts'

export interface Program {
  readonly child: ChildProcess
  /** The next line of its output; rejects when it ends before. */
  line(): Promise<string>
  readonly ended: Promise<Ended>
}

export interface ProgramOptions extends Pick<SpawnOptions, 'uid' | 'gid' | 'stdio'> {
  readonly env?: NodeJS.ProcessEnv
  /** What runs node, with node's own path and arguments behind. */
  readonly wrapper?: readonly string[]
}

/** Path of a program of test/programs. */
export const programPath = (name: string): string =>
  fileURLToPath(new URL(`../programs/${name}.mjs`, import.meta.url))

/** Starts a program; what still runs when the test ends is killed. */
export function startProgram(
  name: string,
  args: readonly (string | number)[],
  options: ProgramOptions = {},
): Program {
  const { wrapper = [], env, ...spawnOptions } = options
  const [command = '', ...rest] = [
    ...wrapper,
    process.execPath,
    programPath(name),
    ...args.map(String),
  ]
  const child = spawn(command, rest, {
    ...spawnOptions,
    env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '', ...env },
  })
  let out = ''
  let err = ''
  let taken = 0
  let over = false
  let wake = (): void => {}
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString()
    wake()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      over = true
      wake()
      resolve({ code, signal, out, err })
    })
  })
  atEnd(async () => {
    if (!over) child.kill('SIGKILL')
    await ended
  })
  return {
    child,
    ended,
    async line() {
      for (;;) {
        const end = out.indexOf('\n', taken)
        if (end >= 0) {
          const line = out.slice(taken, end)
          taken = end + 1
          return line
        }
        if (over) throw new Error(`${name} ended: ${out}${err}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
