// Runs a program in a process of its own and waits for its end.
import { spawn } from 'node:child_process'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

const core = new URL('../../../core/', import.meta.url)

/** Runs an ES module given as text where the built engine and core can be imported by name. */
export function runModule(
  source: string,
  options: { readonly flags?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [...(options.flags ?? []), '--input-type=module', '--eval', source],
      {
        cwd: core,
        env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '', ...options.env },
      },
    )
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString()
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, out, err }))
  })
}
