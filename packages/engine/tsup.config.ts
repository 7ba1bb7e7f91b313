import { library } from '../../tsup.base.ts'

export default library({
  entry: {
    index: 'src/index.ts',
    layout: 'src/layout.ts',
    conformance: 'conformance/index.ts',
  },
  // The suite takes classes from the package by name: one copy of each class, whatever the entry.
  external: ['@celeris/engine'],
})
