import { createRequire } from 'node:module'

let require: NodeJS.Require | undefined

/**
 * Gives a module at its first use: what a server never needs costs it no memory. Loading CommonJS
 * this way also spares ES modules the wasm lexer (5 MiB of resident memory).
 */
export function lazily<T>(name: string): () => T {
  let loaded: T | undefined
  return () => {
    require ??= createRequire(import.meta.url)
    loaded ??= require(name) as T
    return loaded
  }
}
