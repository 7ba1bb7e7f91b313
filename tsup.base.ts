import { defineConfig, type Options } from 'tsup'

type Config = ReturnType<typeof defineConfig>

/**
 * What every published package shares: ESM and CommonJS, declarations, Node 20.
 *
 * `paths` of tsconfig.base.json is emptied for the declarations, so that they refer to other
 * packages by name, as a consumer sees them, instead of swallowing their sources.
 */
export const library = (options: Options = {}): Config =>
  defineConfig({
    entry: ['src/index.ts'],
    format: ['esm', 'cjs'],
    dts: {
      compilerOptions: { composite: false, incremental: false, paths: {}, stripInternal: true },
    },
    target: 'node20',
    platform: 'node',
    sourcemap: true,
    clean: true,
    splitting: false,
    shims: true,
    removeNodeProtocol: false,
    ...options,
  })
