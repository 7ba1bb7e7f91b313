import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { defineConfig, type Options } from 'tsup'
import { library } from '../../tsup.base.ts'

const base = library({ clean: false }) as Options

/** One copy of the classes for both module systems: the ES module names what CommonJS exports. */
async function facade(): Promise<void> {
  const require = createRequire(import.meta.url)
  const names = Object.keys(require('./dist/index.cjs')).filter((name) => name !== 'default')
  const lines = [
    `import Redis from './index.cjs'`,
    `export default Redis`,
    `const { ${names.map((name) => (name === 'Redis' ? 'Redis: named' : name)).join(', ')} } = Redis`,
    `export { ${names.map((name) => (name === 'Redis' ? 'named as Redis' : name)).join(', ')} }`,
  ]
  await writeFile(new URL('dist/index.js', import.meta.url), `${lines.join('\n')}\n`)
}

export default defineConfig([
  {
    ...base,
    format: ['cjs'],
    // `require('@celeris/redis')` is the constructor, as with ioredis; every export is a property of it.
    footer: { js: 'module.exports = module.exports.default' },
    onSuccess: facade,
  },
  { ...base, format: ['esm'], dts: { ...(base.dts as object), only: true } },
  { ...base, entry: { helpers: 'src/helpers/index.ts' } },
])
