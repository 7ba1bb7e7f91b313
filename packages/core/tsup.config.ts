import { library } from '../../tsup.base.ts'

export default library({
  entry: ['src/index.ts', 'src/middleware.ts'],
  // The record layout becomes constants of this module: the hot path reads no import bindings.
  noExternal: ['@celeris/engine/layout'],
  // The subpath takes classes from the package by name: one copy of each.
  external: ['@celeris/core'],
})
