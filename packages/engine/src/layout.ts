// Numeric constants and the name hash. Core bundles this file, so that its hot path reads constants of its own module.
export * from './layout.generated.ts'
export { bytesHash, nameHash } from './name-hash.ts'
