// ioredis's own tests, at the version that is installed, laid out in a folder of the cache: never in
// the repository, never in a package. Its licence comes along.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const REPOSITORY = 'https://github.com/redis/ioredis.git'
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url))
const TAKEN = ['LICENSE', 'package.json', 'tsconfig.json', 'test']
/** What the suite uses of ioredis's development dependencies; ioredis's manifest has the versions. */
const TOOLS = [
  'chai',
  'chai-as-promised',
  'mocha',
  'server-destroy',
  'sinon',
  'ts-node',
  'typescript',
]
/** What ioredis replaces in its own tests: the copy that it loads itself. */
const SHARED = ['@ioredis/commands', 'cluster-key-slot', 'debug', 'denque', 'redis-errors']
/** Modules of ioredis's `lib` whose default export a program gets from us. */
const OURS = { Redis: 'Redis', 'cluster/index': 'Cluster', index: undefined }

const requireFromPackage = createRequire(join(PACKAGE, 'package.json'))
/** The copy of ioredis that `@celeris/redis` extends. */
const ioredis = dirname(requireFromPackage.resolve('ioredis/package.json'))
const manifest = requireFromPackage('ioredis/package.json')

export const ioredisVersion = manifest.version
export const celeris = join(PACKAGE, 'dist', 'index.cjs')

/**
 * Provides one folder per subject, each with ioredis's tests and a `lib` for them.
 * @returns {{ stock: string, celeris: string }}
 */
export function provideSuite(cache, from) {
  const home = join(cache, 'ioredis-suite', ioredisVersion)
  mkdirSync(home, { recursive: true })
  const archive = join(home, from === undefined ? 'suite.tar' : 'suite-from.tar')
  if (from !== undefined || !existsSync(archive)) obtain(from ?? REPOSITORY, home, archive)
  const folders = { stock: join(home, 'stock'), celeris: join(home, 'celeris') }
  for (const [subject, folder] of Object.entries(folders)) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    need('tar', ['-xf', archive, '-C', folder])
    writeLib(join(folder, 'lib'), subject)
    linkShared(join(folder, 'node_modules'))
  }
  installTools(home, createRequire(`${home}/`)(join(folders.stock, 'package.json')))
  return folders
}

/** Leaves `archive` behind: the taken paths of the tag, or of a folder that is no repository. */
function obtain(from, home, archive) {
  if (existsSync(join(from, 'test')) && existsSync(join(from, 'lib')) && !isRepository(from)) {
    need('tar', ['-cf', archive, '-C', from, ...TAKEN])
    return
  }
  const tag = `v${ioredisVersion}`
  const clone = join(home, 'clone.git')
  try {
    if (!isRepository(from)) {
      const flags = ['--quiet', '--bare', '--depth', '1', '--branch', tag]
      need('git', ['-c', 'advice.detachedHead=false', 'clone', ...flags, from, clone])
    }
    const repository = isRepository(from) ? from : clone
    need('git', ['-C', repository, 'archive', '--output', archive, tag, ...TAKEN])
  } catch (error) {
    rmSync(archive, { force: true })
    throw new Error(`ioredis's suite (${tag}) cannot be obtained from ${from}: ${error.message}`)
  } finally {
    rmSync(clone, { recursive: true, force: true })
  }
}

function isRepository(folder) {
  if (!existsSync(folder)) return false
  const found = spawnSync('git', ['-C', folder, 'rev-parse', '--git-dir'], { encoding: 'utf8' })
  return found.status === 0 && (found.stdout.trim() === '.' || existsSync(join(folder, '.git')))
}

/** One line per module of ioredis: its own, or ours in its place. */
function writeLib(lib, subject) {
  const built = join(ioredis, 'built')
  for (const entry of readdirSync(built, { recursive: true })) {
    if (!entry.endsWith('.js')) continue
    const name = entry.slice(0, -'.js'.length).split(sep).join('/')
    const target = join(lib, entry)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, moduleText(name, JSON.stringify(join(built, entry)), subject))
  }
}

function moduleText(name, stock, subject) {
  if (subject === 'stock' || !(name in OURS)) return `module.exports = require(${stock})\n`
  const ours = `require(${JSON.stringify(celeris)})`
  const exported = OURS[name]
  if (exported === undefined) return `module.exports = ${ours}\n`
  return `module.exports = { ...require(${stock}), __esModule: true, default: ${ours}.${exported} }\n`
}

function linkShared(modules) {
  const requireFromIoredis = createRequire(join(ioredis, 'package.json'))
  for (const name of SHARED) {
    const entry = requireFromIoredis.resolve(name)
    const marker = `${sep}node_modules${sep}${name.split('/').join(sep)}${sep}`
    const folder = entry.slice(0, entry.lastIndexOf(marker) + marker.length - 1)
    const link = join(modules, name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(relative(dirname(link), folder), link)
  }
}

/** Beside the folders of the subjects, so that both find them; npm writes nowhere else. */
function installTools(home, { devDependencies }) {
  const stamp = join(home, 'node_modules', '.installed')
  if (existsSync(stamp)) return
  const dependencies = Object.fromEntries(TOOLS.map((name) => [name, devDependencies[name]]))
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, dependencies }))
  const flags = [
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--ignore-scripts',
    '--prefix',
    home,
  ]
  need('npm', ['install', ...flags])
  cpSync(join(home, 'package.json'), stamp)
}

function need(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status === 0) return
  const reason = (error?.message ?? stderr).trim().split('\n').at(-1)
  throw new Error(`${command}: ${reason}`)
}
