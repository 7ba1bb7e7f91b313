import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { BenchError } from '../errors.ts'
import { compiledTool } from './compile.ts'
import { type Pinning, pinnedCommand } from './pinning.ts'

/** What the generator drives: one path of one running server. */
export interface Target {
  /** Unique in a run; letters, digits, `.`, `_` and `-`. */
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly path: string
  /** The exact bytes every answer must carry. */
  readonly body: string
}

/** One slice, as the generator reports it. Times in nanoseconds, latencies of whole batches in µs. */
export interface Slice {
  readonly type: 'slice'
  readonly cycle: number
  readonly index: number
  readonly server: string
  readonly requests: number
  readonly wallNs: number
  readonly cpuNs: number
  readonly waitNs: number
  readonly userTicks: number
  readonly systemTicks: number
  readonly generatorCpuNs: number
  readonly p50Us: number
  readonly p90Us: number
  readonly p99Us: number
  readonly p999Us: number
}

/** Everything the generator says, one JSON line each. */
export type GeneratorLine =
  | Slice
  | { readonly type: 'cycle'; readonly cycle: number; readonly disturbed: boolean }
  | {
      readonly type: 'ramp'
      readonly requests: number
      readonly wallNs: number
      readonly cpuNs: number
    }
  | { readonly type: 'ready' }
  | { readonly type: 'done' }
  | { readonly type: 'error'; readonly server: string; readonly message: string }

/** A generator under way. */
export interface GeneratorRun {
  /** Lines as they come; throws a BenchError when the generator gives up. Ends after `done`. */
  readonly lines: AsyncIterableIterator<GeneratorLine>
  /** Sends a line to the modes that listen (`count`). */
  write(line: string): void
  /** Ends what waits on stdin (`hold`, `count`). */
  endInput(): void
  /** Stops at once; `lines` then ends without an error. */
  stop(): void
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

async function* readLines(child: Child, stopped: () => boolean): AsyncGenerator<GeneratorLine> {
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString()
  })
  // A generator that ended early must not crash us when its stdin is written to.
  child.stdin.on('error', () => {})
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(`exit ${signal ?? code}`))
  })
  try {
    for await (const text of createInterface({ input: child.stdout })) {
      const line = JSON.parse(text) as GeneratorLine
      if (line.type === 'error') {
        const where = line.server ? `${line.server}: ` : ''
        const code = line.message.startsWith('wrong answer')
          ? 'CELERIS_BENCH_ANSWER'
          : 'CELERIS_BENCH_GENERATOR'
        throw new BenchError(code, `load generator: ${where}${line.message}`)
      }
      yield line
      if (line.type === 'done') return
    }
    if (stopped()) return
    throw new BenchError(
      'CELERIS_BENCH_GENERATOR',
      `the load generator ended early (${await ended}) ${complaint}`.trim(),
    )
  } finally {
    child.kill()
  }
}

/** Starts the generator in one of its modes; `options` are its own, see native/generator/main.c. */
export const startGenerator = async (
  pinning: Pinning,
  mode: 'pair' | 'count' | 'hold' | 'ramp',
  targets: readonly Target[],
  options: Readonly<Record<string, number>>,
): Promise<GeneratorRun> => {
  const tool = await compiledTool('generator')
  const folder = await mkdtemp(join(tmpdir(), 'celeris-bench-'))
  const args: string[] = [mode]
  for (const [name, value] of Object.entries(options)) args.push(`--${name}`, String(value))
  for (const [index, target] of targets.entries()) {
    const body = join(folder, `body-${index}`)
    await writeFile(body, target.body)
    args.push(
      '--server',
      `name=${target.name},pid=${target.pid},port=${target.port},path=${target.path},body=${body}`,
    )
  }
  const [file, words] = pinnedCommand(pinning, pinning.generatorCore, [tool, ...args])
  // Its own process group: Ctrl-C is ours to handle, or the cycle under way would be lost.
  const child = spawn(file, words, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  // The bodies were read at its start; a run that nobody iterates must leave nothing behind, too.
  child.once('close', () => {
    rm(folder, { recursive: true, force: true }).catch(() => undefined)
  })
  let stopped = false
  return {
    lines: readLines(child, () => stopped),
    write: (line) => child.stdin.write(`${line}\n`),
    endInput: () => child.stdin.end(),
    stop: () => {
      stopped = true
      child.kill()
    },
  }
}
