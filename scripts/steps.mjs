// Runs programs as named steps and says how long each took.
import { spawn } from 'node:child_process'
import { root } from './paths.mjs'

export const say = (line) => process.stdout.write(`${line}\n`)

/**
 * Runs a program in the repository's root; resolves with its exit code (1 when it cannot start).
 * With `quiet`, what it prints is shown only when it fails.
 */
export function run(command, args, { env = {}, cwd = root, quiet = false } = {}) {
  return new Promise((resolve) => {
    const output = quiet ? 'pipe' : 'inherit'
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', output, output],
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
    }
    child.on('error', (error) => {
      say(`${command}: ${error.message}`)
      resolve(1)
    })
    child.on('close', (code, signal) => {
      if (text !== '' && code !== 0) say(text)
      if (signal) say(`${command}: ended by ${signal}`)
      resolve(code ?? 1)
    })
  })
}

/** Runs `work` and prints its name, outcome and milliseconds; an exception counts as failure. */
export async function step(name, work) {
  const start = performance.now()
  let ok = false
  try {
    ok = (await work()) === 0
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
  }
  say(`${ok ? 'ok' : 'FAILED'} ${name} (${Math.round(performance.now() - start)} ms)`)
  return ok
}
