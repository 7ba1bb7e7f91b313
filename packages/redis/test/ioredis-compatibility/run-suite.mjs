// One run of ioredis's suite by one subject: its results by test, from a process of its own. It is the
// proof of SUITE-1, and with the fast path off of GUARD-4; by command, as it takes minutes.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))

const FILES_PER_RUN = 60
const RUNS_MAX = 3

export const KINDS = ['unit', 'functional', 'cluster']

/** The suite's test files of a kind, as paths from the suite's folder. */
export function testFiles(folder, kind) {
  return readdirSync(join(folder, 'test', kind), { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `test/${kind}/${file}`)
    .sort()
}

/**
 * Runs files of one kind. `results` maps a test's name to its state and message; `ended` is false
 * when mocha died or gave up. Some files at a time: one that gives up takes fewer others along.
 */
export async function runSuite(folder, kind, files, fastPath) {
  const results = new Map()
  let ended = true
  for (let at = 0; at < files.length; at += FILES_PER_RUN) {
    const some = files.slice(at, at + FILES_PER_RUN)
    let run
    for (let left = RUNS_MAX; left > 0 && !run?.ended; left--) {
      run = await runFiles(folder, kind, some, fastPath)
    }
    for (const [name, result] of run.results) results.set(name, result)
    ended = ended && run.ended
  }
  return { results, ended }
}

async function runFiles(folder, kind, files, fastPath) {
  const scratch = mkdtempSync(join(tmpdir(), 'celeris-ioredis-results-'))
  const output = join(scratch, 'results')
  // ioredis's `test:cluster` leaves the helpers out: their clean-up wants a server on 6379.
  const helpers = kind === 'cluster' ? [] : testFiles(folder, 'helpers')
  const args = [here('inside.mjs'), kind, here('reporter.cjs'), output, fastPath]
  const prefix = namespace()
  const [command, ...rest] = [...prefix, process.execPath, ...args, ...helpers, ...files]
  try {
    const env = { ...process.env, CELERIS_OWN_NAMESPACE: prefix.length === 0 ? '0' : '1' }
    const child = spawn(command, rest, {
      cwd: folder,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    await once(child, 'exit')
    return readResults(output)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function readResults(output) {
  const results = new Map()
  if (!existsSync(output)) return { results, ended: false }
  let ended = false
  for (const line of readFileSync(output, 'utf8').split('\n')) {
    if (line === '') continue
    const { state, file, title, message } = JSON.parse(line)
    if (state === 'end') {
      ended = true
      continue
    }
    let name = `${file} > ${title}`
    for (let copy = 2; results.has(name); copy++) name = `${file} > ${title} (${copy})`
    results.set(name, { state, file, message })
  }
  return { results, ended }
}

/** A command in front of another that gives it its own ports; empty where that is not allowed. */
function namespace() {
  const candidates = [
    ['unshare', '--net'],
    ['unshare', '--map-root-user', '--net'],
  ]
  return candidates.find(([command, ...args]) => isAllowed(command, args)) ?? []
}

const isAllowed = (command, args) =>
  spawnSync(command, [...args, 'ip', 'link', 'set', 'lo', 'up']).status === 0
