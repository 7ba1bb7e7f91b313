// What this machine can compile with, and where Node's headers are.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Output of a command, or undefined when it is missing or fails. */
export function ask(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** The prefix of the running Node, if it has the headers node-gyp would otherwise download. */
export function nodeHeaders() {
  const prefix = dirname(dirname(process.execPath))
  return existsSync(join(prefix, 'include/node/node_api.h')) ? prefix : undefined
}

/** Commands node-gyp needs and this machine lacks. */
export function missingTools() {
  const compiler = (process.env.CXX || 'c++').split(' ')[0]
  return [compiler, 'make', 'python3'].filter((tool) => ask(tool, ['--version']) === undefined)
}

/**
 * Names compiler, architecture and libc, so that a cached native build is not replayed on another
 * machine; `none` when nothing native can be built here.
 */
export function toolchainFingerprint() {
  if (process.platform !== 'linux' || missingTools().length > 0) return 'none'
  const [compiler, ...flags] = (process.env.CXX || 'c++').split(' ')
  // Two calls: gcc answers only one of several -dump options.
  const machine = ask(compiler, [...flags, '-dumpmachine'])
  const version =
    ask(compiler, [...flags, '-dumpfullversion']) ?? ask(compiler, [...flags, '-dumpversion'])
  return machine && version ? `${compiler} ${machine} ${version}` : 'none'
}

const canInstall = () => process.getuid?.() === 0 && ask('apt-get', ['--version']) !== undefined

let listsAreFresh = false

/** Installs Debian packages when run as root on a system with apt; true if that worked. */
export function aptInstall(packages) {
  if (!canInstall()) return false
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args) =>
    spawnSync('apt-get', ['-qq', ...args], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 180_000,
    }).status === 0
  if (!listsAreFresh) listsAreFresh = apt('update')
  return apt('install', '-y', '--no-install-recommends', ...packages)
}

/** Installs what is missing of `{ command: package }`; returns the commands still missing. */
export function ensureCommands(wanted) {
  // Not asked for its version: openssl has no such option before 3.2.
  const isMissing = (command) => ask('sh', ['-c', 'command -v "$0"', command]) === undefined
  const missing = () => Object.keys(wanted).filter(isMissing)
  const before = missing()
  if (before.length === 0) return []
  if (!aptInstall([...new Set(before.flatMap((command) => wanted[command]))])) return before
  return missing()
}
