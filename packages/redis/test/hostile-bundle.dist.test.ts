// The package inside a bundle that is an ES module.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compileFunction } from 'node:vm'
import { expect, it } from 'vitest'

it('loads where there is no __dirname, as in a bundle that is an ES module (API-2)', () => {
  const require = createRequire(import.meta.url)
  const source = readFileSync(new URL('../dist/index.cjs', import.meta.url), 'utf8')
  const module = { exports: {} as Record<string, unknown> }
  compileFunction(source, ['require', 'module', 'exports'])(require, module, module.exports)
  const Redis = module.exports as unknown as typeof import('@celeris/redis').Redis
  expect(new Redis({ lazyConnect: true }).fastPath).toEqual({ active: true })
})
