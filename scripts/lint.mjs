// Lint and format of TypeScript (biome) and C++ (clang-format), and proof that a rule is alive.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readJson, root, workspacePackages } from './paths.mjs'
import { run, say, step } from './steps.mjs'

const GENERATED_FOLDERS = new Set(['build', 'prebuilds', 'shared', 'corpus'])

function nativeSources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (GENERATED_FOLDERS.has(entry.name)) return []
    if (entry.isDirectory()) return nativeSources(join(folder, entry.name))
    return /\.(cc|c|h)$/.test(entry.name) && !entry.name.includes('.generated.')
      ? [join(folder, entry.name)]
      : []
  })
}

function clangFormat(...flags) {
  const files = workspacePackages()
    .map(({ folder }) => join(folder, 'native'))
    .filter((folder) => existsSync(folder))
    .flatMap(nativeSources)
  return run('clang-format', [...flags, ...files])
}

export const lintSteps = {
  biome: () => run('biome', ['ci', '.', '--error-on-warnings', '--colors=off']),
  'clang-format': () => clangFormat('--dry-run', '-Werror'),
  'unawaited promises are found': findsFloatingPromise,
}

/** The rule is young; an update that renames or drops it must not go unnoticed. */
function findsFloatingPromise() {
  const folder = mkdtempSync(join(tmpdir(), 'celeris-lint-'))
  try {
    const { vcs, files, ...rules } = readJson(join(root, 'biome.json'))
    writeFileSync(join(folder, 'biome.json'), JSON.stringify({ ...rules, root: true }))
    writeFileSync(join(folder, 'later.ts'), 'export async function later(): Promise<void> {}\n')
    writeFileSync(
      join(folder, 'now.ts'),
      "import { later } from './later.ts'\n\nexport function now(): void {\n  later()\n}\n",
    )
    const { stdout, stderr } = spawnSync('biome', ['lint', '.'], { cwd: folder, encoding: 'utf8' })
    if (`${stdout}${stderr}`.includes('noFloatingPromises')) return 0
    say(`biome did not report a promise that nobody awaits:\n${stdout}${stderr}`)
    return 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export async function lint() {
  let ok = true
  for (const [name, work] of Object.entries(lintSteps)) ok = (await step(name, work)) && ok
  return ok ? 0 : 1
}

export async function format() {
  const typescript = await step('biome', () => run('biome', ['check', '--write', '.']))
  const native = await step('clang-format', () => clangFormat('-i'))
  return typescript && native ? 0 : 1
}
