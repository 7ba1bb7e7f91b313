// Packs every public package, inspects the tarballs and uses them as a stranger would.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { packInto } from '../packs.mjs'
import { readJson } from '../paths.mjs'
import { run, say } from '../steps.mjs'
import { inEmptyFolder, useAsStranger } from './stranger.mjs'

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare']
const UNWANTED_FILE = /^(binding\.gyp$|native\/build\/|(test|src)\/)|\.tsbuildinfo$|\.test\./

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
  // Resolution of before Node 12 knows no subpaths and is left out.
  const codes = await Promise.all([
    run('attw', [tarball, '--profile', 'node16', '--no-emoji'], { quiet: true }),
    run('publint', [tarball, '--strict'], { quiet: true }),
  ])
  return codes.every((code) => code === 0)
}

export function tarballs() {
  return inEmptyFolder(async (folder) => {
    if ((await packInto(folder)) !== 0) return 1
    const files = readdirSync(folder).filter((file) => file.endsWith('.tgz'))
    let ok = true
    for (const file of files) {
      if (!inspect(join(folder, file), folder)) ok = false
      if (!(await lint(join(folder, file)))) ok = false
    }
    const specifiers = files.map((file) => `./${file}`)
    return (await useAsStranger(folder, specifiers)) && ok ? 0 : 1
  })
}
