// Fails when a native addon imports a symbol newer than the oldest system Node itself supports, or
// when it is the test build, whose system calls can be made to fail.
//   node scripts/gates/symbols.mjs FILE…
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { say } from '../steps.mjs'

const CEILING = { GLIBC: '2.28', GLIBCXX: '3.4.25', CXXABI: '1.3.11' }
const E_MACHINE_OFFSET = 18
const OBJDUMP = { 62: 'objdump', 183: 'aarch64-linux-gnu-objdump' }
const NATIVE_MACHINE = { x64: 62, arm64: 183 }

const numbers = (version) => version.split('.').map(Number)

function newer(version, ceiling) {
  const [a, b] = [numbers(version), numbers(ceiling)]
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return false
}

/** What only the test build has: exports of faults.cc, and calls that the linker diverted to it. */
const FAULTS = ['faultReport', 'faultCalls', '__wrap_']

/** Checks one file and says the newest version it needs of each library. */
export function checkSymbols(file) {
  const bytes = readFileSync(file)
  const machine = bytes.readUInt16LE(E_MACHINE_OFFSET)
  const native = machine === NATIVE_MACHINE[process.arch]
  const objdump = native ? 'objdump' : (OBJDUMP[machine] ?? 'objdump')
  const { status, stdout, stderr, error } = spawnSync(objdump, ['-T', file], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${objdump} -T ${file}: ${error?.message ?? stderr}`)
  const newest = {}
  const problems = FAULTS.filter((name) => bytes.includes(name)).map(
    (name) => `it is the test build: it has ${name}`,
  )
  for (const line of stdout.split('\n')) {
    if (!line.includes('*UND*')) continue
    const match = /\(?(GLIBC|GLIBCXX|CXXABI)_([0-9.]+|PRIVATE)\)?\s+(\S+)$/.exec(line)
    if (!match) continue
    const [, library, version, symbol] = match
    if (version === 'PRIVATE' || newer(version, CEILING[library])) {
      problems.push(`${symbol} needs ${library}_${version}, allowed is ${CEILING[library]}`)
    } else if (newest[library] === undefined || newer(version, newest[library])) {
      newest[library] = version
    }
  }
  for (const problem of problems) say(`${file}: ${problem}`)
  const needs = Object.entries(newest).map(([library, version]) => `${library}_${version}`)
  say(`  ${basename(file)} (machine ${machine}) needs ${needs.join(', ') || 'no versioned symbol'}`)
  return problems.length === 0 ? 0 : 1
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  for (const file of process.argv.slice(2)) if (checkSymbols(file) !== 0) process.exitCode = 1
}
