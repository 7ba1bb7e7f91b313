// Packs every public package and uses the tarballs as a stranger would: in an empty folder outside
// the workspace, with npm, from ESM, CommonJS and a worker, prebuilt and built from source.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packInto } from '../packs.mjs'
import { nativePackages, publicPackages, readJson, root } from '../paths.mjs'
import { run, say } from '../steps.mjs'

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare']
const UNWANTED_FILE = /^(binding\.gyp|native\/build\/|.*\.tsbuildinfo$|.*\.test\.|(test|src)\/)/

/** Runs `work` with an empty folder that is outside the workspace and gone afterwards. */
export async function inEmptyFolder(work) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'celeris-gate-')))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function inspect(tarball, folder) {
  const unpacked = mkdtempSync(join(folder, 'unpacked-'))
  spawnSync('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components=1'])
  const manifest = readJson(join(unpacked, 'package.json'))
  const files = readdirSync(unpacked, { recursive: true }).map(String)
  const problems = [
    ...INSTALL_SCRIPTS.filter((name) => manifest.scripts?.[name]).map((name) => `script ${name}`),
    ...files.filter((file) => UNWANTED_FILE.test(file)).map((file) => `file ${file}`),
    ...(JSON.stringify(manifest).includes('workspace:') ? ['a workspace: range'] : []),
    ...(files.includes('LICENSE') ? [] : ['no LICENSE']),
  ]
  for (const problem of problems) say(`${manifest.name} must not be published with: ${problem}`)
  return problems.length === 0
}

async function lint(tarball) {
  // The CLI of attw takes tarballs; resolution of before Node 12 knows no subpaths and is left out.
  const attw = await run('attw', [tarball, '--profile', 'node16', '--no-emoji'], { quiet: true })
  const publint = await run('publint', [tarball, '--strict'], { quiet: true })
  return attw === 0 && publint === 0
}

/** Programs run in the folder where the tarballs are installed. */
function loaders(names, addons) {
  const list = JSON.stringify(names)
  const open = JSON.stringify(addons.map((name) => `${name}/package.json`))
  const openAddons = `for (const file of ${open}) {
  const addon = require(require('node:path').join(require.resolve(file), '../binding.cjs'))()
  if (Object.keys(addon).length === 0) throw new Error(file + ': the addon exports nothing')
}`
  return {
    'import.mjs': `for (const name of ${list}) await import(name)\n`,
    'require.cjs': `for (const name of ${list}) require(name)\n${openAddons}\n`,
    'worker.mjs': `import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
const worker = new Worker(new URL('./require.cjs', import.meta.url))
const [code] = await once(worker, 'exit')
process.exitCode = code\n`,
    'types.mts': `${names.map((name, index) => `import * as m${index} from '${name}'`).join('\n')}
export const loaded: object[] = [${names.map((_, index) => `m${index}`).join(', ')}]\n`,
  }
}

const installedFolder = (folder, name) => join(folder, 'node_modules', name)

export function tarballs() {
  return inEmptyFolder(async (folder) => {
    if ((await packInto(folder)) !== 0) return 1
    const files = readdirSync(folder).filter((file) => file.endsWith('.tgz'))
    let ok = true
    for (const file of files) {
      if (!inspect(join(folder, file), folder)) ok = false
      if (!(await lint(join(folder, file)))) ok = false
    }
    return (await install(folder, files)) && ok ? 0 : 1
  })
}

/** Installs `what` (tarballs or names) with npm and loads it in every way; true if all worked. */
async function install(folder, what) {
  const inside = (command, args, env = {}) => run(command, args, { cwd: folder, env, quiet: true })
  const names = publicPackages().map(({ manifest }) => manifest.name)
  const addons = nativePackages().map(({ manifest }) => manifest.name)
  writeFileSync(join(folder, 'package.json'), '{ "name": "stranger", "private": true }\n')
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline']
  const tarballs = what.map((file) => `./${file}`)
  if ((await inside('npm', ['install', ...flags, ...tarballs])) !== 0) return false

  const programs = loaders(names, addons)
  for (const [file, text] of Object.entries(programs)) writeFileSync(join(folder, file), text)
  const load = async (stage, env) => {
    let ok = true
    for (const file of Object.keys(programs).filter((name) => !name.endsWith('.mts'))) {
      if ((await inside(process.execPath, [file], env)) === 0) continue
      say(`${file} failed with ${stage}`)
      ok = false
    }
    return ok
  }
  let ok = await load('the prebuilt addons', { PREBUILDS_ONLY: '1' })
  if (!(await typesResolve(folder))) ok = false

  for (const { manifest } of nativePackages()) {
    rmSync(join(installedFolder(folder, manifest.name), 'native/prebuilds'), { recursive: true })
    const [command] = Object.keys(manifest.bin)
    // As after `npm install` in an application: PATH without the workspace's own tools.
    const PATH = process.env.PATH.split(':')
      .filter((part) => !part.startsWith(root))
      .join(':')
    if ((await inside('npx', ['--no-install', command], { PATH })) !== 0) return false
  }
  if (!(await load('addons built from the tarball', {}))) ok = false
  return ok
}

/** What a consumer's compiler sees, from an ES module and from CommonJS. */
async function typesResolve(folder) {
  cpSync(join(folder, 'types.mts'), join(folder, 'types.cts'))
  let ok = true
  for (const module of ['node20', 'nodenext']) {
    const flags = ['--noEmit', '--strict', '--module', module, '--skipLibCheck', 'false']
    const files = ['types.mts', 'types.cts']
    const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node']
    const code = await run('tsc', [...flags, ...types, '--target', 'es2023', ...files], {
      cwd: folder,
      quiet: true,
    })
    if (code !== 0) ok = false
  }
  return ok
}
