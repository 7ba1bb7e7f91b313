import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Alias } from 'vite'
import { defaultExclude, defineConfig } from 'vitest/config'
import { faultFolder } from './scripts/fault-build.mjs'

const packages = fileURLToPath(new URL('packages/', import.meta.url))

/** `@celeris/x` and its subpaths, as sources: tests see what was just edited, coverage what runs. */
function sourceAliases(): Alias[] {
  return readdirSync(packages).flatMap((name) => {
    const manifest = `${packages}${name}/package.json`
    if (!existsSync(manifest)) return []
    const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as { exports?: object }
    return Object.keys(exports ?? {}).flatMap((subpath) => {
      const entry = subpath === '.' ? 'index' : subpath.slice(2)
      const source = [`src/${entry}.ts`, `${entry}/index.ts`]
        .map((file) => `${packages}${name}/${file}`)
        .find((file) => existsSync(file))
      if (source === undefined) return []
      return [{ find: new RegExp(`^@celeris/${name}${subpath.slice(1)}$`), replacement: source }]
    })
  })
}

const built = '**/*.dist.test.ts'
const faulty = '**/*.faults.test.ts'
const exclude = [...defaultExclude, '**/.tools/**', '**/native/**']

// A test waits for events; these only end what hangs, on a busy machine too. Projects do not inherit them.
const timeouts = { testTimeout: 30_000, hookTimeout: 30_000 }

export default defineConfig({
  test: {
    // Files mostly wait, for sockets and timers: one worker a core, where vitest would leave one core free.
    maxWorkers: availableParallelism(),
    coverage: { provider: 'v8', include: ['packages/*/src/**', 'packages/engine/conformance/**'] },
    projects: [
      {
        resolve: { alias: sourceAliases() },
        test: {
          ...timeouts,
          name: 'source',
          include: [
            'packages/*/{src,test,conformance,layout}/**/*.test.ts',
            'examples/*/**/*.test.ts',
          ],
          exclude: [...exclude, built, faulty],
        },
      },
      {
        // The engines in a build whose system calls fail on demand.
        resolve: { alias: sourceAliases() },
        test: {
          ...timeouts,
          name: 'faults',
          include: [`packages/*/test/${faulty}`],
          exclude,
          globalSetup: 'scripts/fault-build.mjs',
          env: { CELERIS_NATIVE_DIR: faultFolder },
        },
      },
      {
        // No alias: what a user gets from dist, as ESM and as CommonJS.
        test: {
          ...timeouts,
          name: 'dist',
          include: [`{packages,examples,test}/${built}`],
          exclude,
        },
      },
    ],
  },
})
