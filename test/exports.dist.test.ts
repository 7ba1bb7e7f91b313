import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)
const packages = fileURLToPath(new URL('../packages/', import.meta.url))

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly bin?: Record<string, string>
  readonly exports: Record<string, unknown>
}

const manifests = readdirSync(packages)
  .map((name) => join(packages, name, 'package.json'))
  .filter((file) => existsSync(file))
  .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Manifest)
  .filter((manifest) => manifest.private !== true)

/** Runs a program in a package's folder, where the package can name itself. */
async function evaluate(manifest: Manifest, flags: string[], program: string): Promise<unknown> {
  const cwd = join(packages, manifest.name.replace('@celeris/', ''))
  const { stdout } = await run(process.execPath, [...flags, '--eval', program], { cwd })
  return JSON.parse(stdout)
}

describe.each(manifests)('$name', (manifest) => {
  const entries = Object.keys(manifest.exports)
    .filter((subpath) => subpath !== './package.json')
    .map((subpath) => `${manifest.name}${subpath.slice(1)}`)

  it.each(entries)(
    '%s is one module for import and require, with the same names',
    async (entry) => {
      const program = `
      import { createRequire } from 'node:module'
      import * as imported from '${entry}'
      const required = createRequire(process.cwd() + '/')('${entry}')
      const names = Object.keys(imported).filter((name) => name !== 'default' && name !== 'module.exports')
      const differing = names.filter((name) => imported[name] !== required[name])
      process.stdout.write(JSON.stringify({ names, differing }))`
      const result = await evaluate(manifest, ['--input-type=module'], program)
      expect(result).toMatchObject({ differing: [] })
    },
  )

  it.each(entries)('%s has the same names in its CommonJS build', async (entry) => {
    const names = `Object.keys(m).filter((name) => name !== 'default' && name !== '__esModule' && name !== 'module.exports').sort()`
    const esm = await evaluate(
      manifest,
      ['--input-type=module'],
      `import * as m from '${entry}'; process.stdout.write(JSON.stringify(${names}))`,
    )
    const file = entry === manifest.name ? 'index' : entry.slice(manifest.name.length + 1)
    const cjs = await evaluate(
      manifest,
      ['--input-type=commonjs'],
      `const m = require('./dist/${file}.cjs'); process.stdout.write(JSON.stringify(${names}))`,
    )
    expect(cjs).toEqual(esm)
  })
})

// One such character makes V8 keep the whole source in two bytes each: 0.4 MiB of every server that runs.
it.each(manifests)('the modules of $name are latin1', ({ name }) => {
  const dist = join(packages, name.replace('@celeris/', ''), 'dist')
  const wide = readdirSync(dist)
    .filter((file) => file.endsWith('.js'))
    .filter((file) => /[^\0-\xff]/.test(readFileSync(join(dist, file), 'utf8')))
  expect(wide).toEqual([])
})

// esbuild wraps what is imported both ways, and then no constant of the hot path is one.
it('no module of core is wrapped to be initialised later', () => {
  expect(readFileSync(join(packages, 'core/dist/index.js'), 'utf8')).not.toContain('__esm')
})
