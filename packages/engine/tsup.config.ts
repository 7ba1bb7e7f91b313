import { library } from '../../tsup.base.ts'

export default library({
  // The suite names its own package, whose declarations do not exist yet while it is built.
  dts: {
    compilerOptions: {
      composite: false,
      incremental: false,
      stripInternal: true,
      baseUrl: '.',
      paths: {
        '@celeris/engine': ['./src/index.ts'],
        '@celeris/engine/layout': ['./src/layout.ts'],
      },
    },
  },
  entry: {
    index: 'src/index.ts',
    layout: 'src/layout.ts',
    conformance: 'conformance/index.ts',
  },
  // The suite takes classes from the package by name: one copy of each class, whatever the entry.
  external: ['@celeris/engine'],
})
