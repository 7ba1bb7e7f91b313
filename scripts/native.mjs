// Builds native addons. Run in the folder of a native package:
//   node ../../scripts/native.mjs build        native/build/Release, for the workspace
//   node ../../scripts/native.mjs prebuilds    native/prebuilds/<platform>, for the tarball
//   node ../../scripts/native.mjs prepack | postpack    copies the shared C++ into the package
// `prebuilds` cross-builds with --arch=arm64 and CC, CXX and PREBUILD_STRIP_BIN set; --libc=musl
// only names the result, so run it where the compiler targets musl.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cache, root } from './paths.mjs'
import { missingTools, nodeHeaders, toolchainFingerprint } from './toolchain.mjs'

const GENERATED = new Set(['build', 'prebuilds', 'shared'])
const UNSHIPPED = new Set(['test', 'fuzz', 'bench', 'build', 'faults'])
const sharedSources = join(root, 'packages/engine/native')
const faultSources = join(sharedSources, 'faults')

const copyWithout = (from, to, names) => {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(from)) {
    if (!names.has(entry)) cpSync(join(from, entry), join(to, entry), { recursive: true })
  }
}

const environment = (extra) => {
  const env = { JOBS: 'max', ...process.env, ...extra }
  env.npm_config_nodedir ??= nodeHeaders() ?? ''
  if (env.npm_config_nodedir === '') delete env.npm_config_nodedir
  env.PATH = [join(root, 'node_modules/.bin'), env.PATH].join(delimiter)
  return env
}

/** Runs a tool quietly; its output is shown only when it fails. */
const run = (command, args, cwd, extra = {}) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: environment(extra),
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
  if (status === 0) return
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}`)
  throw new Error(`${command} ${args.join(' ')} failed in ${cwd}`)
}

/**
 * Copies a package's native folder with the shared C++ beside it, laid out as in its tarball, so
 * that a special build (prebuilt, cross, sanitized) leaves the workspace's own build alone. Calls
 * `work` with that folder unless the same sources, compiler and flags made `result` before.
 * `withFaults` adds what a test build has and a tarball has not.
 */
const staged = (folder, name, flags, result, work, withFaults = false) => {
  const copy = join(cache, 'native', 'staged', `${basename(folder)}-${name}`)
  const stamp = `${copy}.hash`
  const sources = { native: join(folder, 'native'), shared: sharedSources }
  if (withFaults) sources.faults = faultSources
  const hash = createHash('sha256').update(JSON.stringify([flags, result, toolchainFingerprint()]))
  for (const [place, from] of Object.entries(sources)) hashFolder(hash, place, from)
  const fingerprint = hash.digest('hex')
  if (existsSync(result) && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return
  rmSync(stamp, { force: true })
  rmSync(copy, { recursive: true, force: true })
  copyWithout(sources.native, copy, GENERATED)
  copyWithout(sources.shared, join(copy, 'shared'), UNSHIPPED)
  if (withFaults) copyWithout(faultSources, join(copy, 'shared/faults'), new Set())
  work(copy)
  writeFileSync(stamp, fingerprint)
}

function hashFolder(hash, place, folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort(byName)) {
    if (GENERATED.has(entry.name) || UNSHIPPED.has(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) hashFolder(hash, `${place}/${entry.name}`, path)
    else hash.update(`${place}/${entry.name}\0`).update(readFileSync(path)).update('\0')
  }
}

const byName = (a, b) => (a.name < b.name ? -1 : 1)

export function build(folder) {
  if (process.env.CELERIS_TOOLCHAIN === 'none' || process.platform !== 'linux') {
    const why = process.platform === 'linux' ? `missing: ${missingTools().join(', ')}` : 'not Linux'
    process.stdout.write(`${basename(folder)}: native build skipped (${why})\n`)
    return
  }
  run('node-gyp', ['rebuild', '-C', 'native'], folder)
}

/** The file a package ships for one platform; `flags` name another compiler (CC, CXX, …). */
export function prebuilds(folder, options = {}) {
  const { arch = process.arch, libc, out = join(folder, 'native'), flags = {} } = options
  const tag = libc === undefined ? ['--tag-libc'] : ['--tag-libc', libc]
  const target = join(out, 'prebuilds', `${process.platform}-${arch}`)
  const result = join(target, `celeris.${libc ?? 'glibc'}.node`)
  const key = [flags, process.env.CC, process.env.CXX, process.env.CXXFLAGS, process.env.LDFLAGS]
  staged(folder, `prebuild-${arch}`, key, result, (copy) => {
    const named = ['--napi', '--strip', '--name', 'celeris', `--arch=${arch}`, ...tag]
    run('prebuildify', [...named, '--cwd', copy, '--out', out], copy, flags)
  })
  return result
}

/** Linker flags that divert the calls which faults.cc defines a `__wrap_` for. */
function diverted() {
  const text = readFileSync(join(faultSources, 'faults.cc'), 'utf8')
  const symbols = new Set([...text.matchAll(/\b__wrap_(\w+)\(/g)].map(([, symbol]) => symbol))
  return [...symbols].map((symbol) => `-Wl,--wrap=${symbol}`)
}

/**
 * The test build, whose system calls and allocations fail when a script says so (engines.md §1.3),
 * with further compiler flags; returns a folder fit for CELERIS_NATIVE_DIR.
 */
export function faultBuild(folder, name, flags = {}) {
  const { CXXFLAGS = '-g -O1', LDFLAGS = '' } = flags
  const all = {
    CXXFLAGS: `${CXXFLAGS} -DCELERIS_DEBUG -DCELERIS_FAULTS`,
    LDFLAGS: [LDFLAGS, ...diverted()].join(' '),
  }
  const target = join(cache, 'native', name)
  const result = join(target, basename(folder), 'celeris.node')
  const work = (copy) => {
    run('node-gyp', ['rebuild'], copy, all)
    const release = join(copy, 'build/Release')
    const addon = readdirSync(release).find((file) => file.endsWith('.node'))
    mkdirSync(join(target, basename(folder)), { recursive: true })
    cpSync(join(release, addon), result)
  }
  staged(folder, name, all, result, work, true)
  return target
}

function prepack(folder) {
  if (!existsSync(join(folder, 'native/prebuilds'))) {
    throw new Error('native/prebuilds is missing: run `npm run pnpm turbo run prebuilds` first')
  }
  postpack(folder)
  copyWithout(sharedSources, join(folder, 'native/shared'), UNSHIPPED)
}

// A left-over copy would shadow the real sources at the next build.
function postpack(folder) {
  rmSync(join(folder, 'native/shared'), { recursive: true, force: true })
}

const commands = { build, prebuilds, prepack, postpack }

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [name, ...rest] = process.argv.slice(2)
  const command = commands[name]
  if (!command) throw new Error(`usage: native.mjs ${Object.keys(commands).join(' | ')}`)
  const options = Object.fromEntries(rest.map((option) => option.replace(/^--/, '').split('=')))
  try {
    command(process.cwd(), options)
  } catch (error) {
    process.stderr.write(`native.mjs ${name}: ${error.message}\n`)
    process.exitCode = 1
  }
}
