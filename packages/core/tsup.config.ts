import { library } from '../../tsup.base.ts'

export default library({
  // The subpath names its own package, whose declarations do not exist yet while it is built.
  dts: {
    compilerOptions: {
      composite: false,
      incremental: false,
      stripInternal: true,
      baseUrl: '.',
      paths: { '@celeris/core': ['./src/index.ts'] },
    },
  },
  entry: ['src/index.ts', 'src/middleware.ts'],
  // The record layout becomes constants of this module: the hot path reads no import bindings.
  noExternal: ['@celeris/engine/layout'],
  // The subpath takes classes from the package by name: one copy of each.
  external: ['@celeris/core'],
})
