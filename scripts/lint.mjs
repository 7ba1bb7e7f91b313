// Lint and format of TypeScript (biome) and C++ (clang-format), and proof that a rule is alive.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buildSteps } from './commands.mjs'
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
  'unawaited promises are found': findsFloatingPromises,
}

/**
 * The rule is young; an update that renames or drops it must not go unnoticed. Nor must one that
 * no longer sees the types of another package, which biome finds through its declarations in dist.
 */
function findsFloatingPromises() {
  const folder = mkdtempSync(join(tmpdir(), 'celeris-lint-'))
  try {
    const { vcs, files, ...rules } = readJson(join(root, 'biome.json'))
    const exports = { '.': { import: { types: './dist/index.d.ts', default: './dist/index.js' } } }
    const texts = {
      'biome.json': JSON.stringify({ ...rules, root: true }),
      'node_modules/far/package.json': JSON.stringify({ name: 'far', type: 'module', exports }),
      'node_modules/far/dist/index.d.ts': 'export declare function far(): Promise<void>\n',
      'near.ts': 'export async function near(): Promise<void> {}\n',
      'now.ts': `import { far } from 'far'
import { near } from './near.ts'

export function now(): void {
  near()
  far()
}
`,
    }
    for (const [file, text] of Object.entries(texts)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), text)
    }
    const { stdout, stderr } = spawnSync('biome', ['lint', '--colors=off', '.'], {
      cwd: folder,
      encoding: 'utf8',
    })
    const found = `${stdout}${stderr}`.match(/now\.ts:\d+:\d+ lint\/\S*noFloatingPromises/g)
    if (found?.length === 2) return 0
    say(`biome did not report two promises that nobody awaits:\n${stdout}${stderr}`)
    return 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export async function lint() {
  let ok = await step('build', buildSteps.build)
  for (const [name, work] of Object.entries(lintSteps)) ok = (await step(name, work)) && ok
  return ok ? 0 : 1
}

export async function format() {
  const typescript = await step('biome', () => run('biome', ['check', '--write', '.']))
  const native = await step('clang-format', () => clangFormat('-i'))
  return typescript && native ? 0 : 1
}
