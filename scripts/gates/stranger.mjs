// Uses packages as a stranger would: in an empty folder outside the workspace, with npm, from ESM,
// CommonJS, a worker and a compiler, with the prebuilt addon and with one built from source.
import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { nativePackages, publicPackages, root } from '../paths.mjs'
import { run, say } from '../steps.mjs'

/** Runs `work` with an empty folder that is outside the workspace and gone afterwards. */
export async function inEmptyFolder(work) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'celeris-stranger-')))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Programs run where the packages are installed. */
function loaders(names, addons) {
  const list = JSON.stringify(names)
  const manifests = JSON.stringify(addons.map((name) => `${name}/package.json`))
  return {
    'import.mjs': `for (const name of ${list}) await import(name)\n`,
    'require.cjs': `for (const name of ${list}) require(name)
for (const file of ${manifests}) {
  const addon = require(require('node:path').join(require.resolve(file), '../binding.cjs'))()
  if (Object.keys(addon).length === 0) throw new Error(file + ': the addon exports nothing')
}\n`,
    'worker.mjs': `import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
const [code] = await once(new Worker(new URL('./require.cjs', import.meta.url)), 'exit')
process.exitCode = code\n`,
    'server.mjs': `import { Server } from '@celeris/core'
const app = new Server({ port: 0, host: '127.0.0.1' })
app.get('/hello', () => 'hello')
const { port } = await app.listen()
const response = await fetch('http://127.0.0.1:' + port + '/hello')
const text = await response.text()
const { type } = app.engineInfo()
await app.close()
if (text !== 'hello' || type !== 'epoll') throw new Error(type + ' answered ' + text)\n`,
  }
}

async function load(folder, programs, stage, env) {
  let ok = true
  for (const file of programs) {
    if ((await run(process.execPath, [file], { cwd: folder, env, quiet: true })) === 0) continue
    say(`${file} failed with ${stage}`)
    ok = false
  }
  return ok
}

/** What a consumer's compiler sees, from an ES module and from CommonJS. */
async function typesResolve(folder, names) {
  const imports = names.map((name, index) => `import * as m${index} from '${name}'`)
  const text = `${imports.join('\n')}
export const loaded: object[] = [${names.map((_, index) => `m${index}`).join(', ')}]\n`
  writeFileSync(join(folder, 'types.mts'), text)
  cpSync(join(folder, 'types.mts'), join(folder, 'types.cts'))
  const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node']
  const flags = ['--noEmit', '--strict', '--target', 'es2023', '--skipLibCheck', 'false', ...types]
  let ok = true
  for (const module of ['node20', 'nodenext']) {
    const args = [...flags, '--module', module, 'types.mts', 'types.cts']
    if ((await run('tsc', args, { cwd: folder, quiet: true })) !== 0) ok = false
  }
  return ok
}

/**
 * Installs `specifiers` (names or tarballs) with npm into an empty folder and uses them in every
 * way; `npmrc` says where names come from. Resolves with true if all of it worked.
 */
export async function useAsStranger(folder, specifiers, npmrc = '') {
  const inside = (command, args, env = {}) => run(command, args, { cwd: folder, env, quiet: true })
  const names = publicPackages().map(({ manifest }) => manifest.name)
  const addons = nativePackages().map(({ manifest }) => manifest)
  writeFileSync(join(folder, 'package.json'), '{ "name": "stranger", "private": true }\n')
  writeFileSync(join(folder, '.npmrc'), npmrc)
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline']
  if ((await inside('npm', ['install', ...flags, ...specifiers])) !== 0) return false

  const texts = loaders(
    names,
    addons.map(({ name }) => name),
  )
  for (const [file, text] of Object.entries(texts)) writeFileSync(join(folder, file), text)
  const programs = Object.keys(texts)
  const prebuilt = await load(folder, programs, 'the prebuilt addon', { PREBUILDS_ONLY: '1' })
  const typed = await typesResolve(folder, names)

  // As in an application: PATH without the workspace's own tools.
  const outside = process.env.PATH.split(delimiter).filter((part) => !part.startsWith(root))
  for (const { name, bin } of addons) {
    rmSync(join(folder, 'node_modules', name, 'native/prebuilds'), { recursive: true })
    const [command] = Object.keys(bin)
    const PATH = outside.join(delimiter)
    if ((await inside('npx', ['--no-install', command], { PATH })) !== 0) return false
  }
  const built = await load(folder, programs, 'the addon built from its package', {})
  return prebuilt && typed && built
}
