// Everything a command may rely on: tools, pnpm, dependencies, environment.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { readJson, root, workspacePackages } from './paths.mjs'
import { run, say, step } from './steps.mjs'
import { aptInstall, missingTools, nodeHeaders, toolchainFingerprint } from './toolchain.mjs'

const DEBIAN_PACKAGES = { make: 'make', python3: 'python3' }

/** Returns false when the dependencies could not be installed. */
export async function prepare() {
  process.env.npm_config_nodedir ??= nodeHeaders() ?? ''
  if (process.env.npm_config_nodedir === '') delete process.env.npm_config_nodedir
  findToolchain()
  const pnpm = await providePnpm()
  if (!pnpm) return false
  process.env.PATH = [pnpm, join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  return installDependencies()
}

function findToolchain() {
  if (process.platform === 'linux') {
    const missing = missingTools()
    const packages = missing.map((tool) => DEBIAN_PACKAGES[tool] ?? 'g++')
    if (missing.length > 0 && !(aptInstall(packages) && missingTools().length === 0)) {
      say(
        `no native engine without ${missing.join(', ')} (Debian: apt-get install ${packages.join(' ')})`,
      )
    }
  }
  process.env.CELERIS_TOOLCHAIN = toolchainFingerprint()
  process.env.TURBO_TELEMETRY_DISABLED = '1'
  process.env.TURBO_NO_UPDATE_NOTIFIER = '1'
}

/** Folder with the pnpm of `packageManager`; no global install, no corepack. */
async function providePnpm() {
  const [name, version] = readJson(join(root, 'package.json')).packageManager.split('@')
  const folder = join(root, '.tools', `${name}-${version}`)
  const bin = join(folder, 'node_modules/.bin')
  if (existsSync(join(bin, process.platform === 'win32' ? 'pnpm.cmd' : 'pnpm'))) return bin
  mkdirSync(folder, { recursive: true })
  const flags = ['--silent', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', folder]
  const installed = await step(
    `install ${name} ${version}`,
    () =>
      spawnSync('npm', ['install', ...flags, `${name}@${version}`], {
        stdio: ['ignore', 'inherit', 'inherit'],
        shell: process.platform === 'win32',
      }).status,
  )
  return installed ? bin : undefined
}

/** Asks pnpm only when a manifest or the lock file changed since the last install. */
async function installDependencies() {
  const hash = createHash('sha256')
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', '.npmrc', 'package.json'].map((file) =>
    join(root, file),
  )
  for (const { folder } of workspacePackages()) files.push(join(folder, 'package.json'))
  for (const file of files) hash.update(`${file.slice(root.length)}\0`).update(readFileSync(file))
  const fingerprint = hash.digest('hex')
  const stamp = join(root, 'node_modules/.celeris-install')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return true
  const flags = ['--frozen-lockfile', '--prefer-offline', '--reporter=append-only']
  const installed = await step('install dependencies', () => run('pnpm', ['install', ...flags]))
  if (installed) writeFileSync(stamp, fingerprint)
  return installed
}
