import { fileURLToPath } from 'node:url'

// One level deep both in src and in dist, so the native sources and the servers are found from either.
/** The folder of this package, with a trailing separator. */
export const packageRoot: string = fileURLToPath(new URL('../', import.meta.url))
