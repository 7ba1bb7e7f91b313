import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * Where compiled tools and installed peers live: `CELERIS_BENCH_CACHE`, else `celeris-bench` in the
 * XDG cache. Never the workspace: a peer in its node_modules would be found by what is measured.
 */
export const cacheFolder = (env: NodeJS.ProcessEnv = process.env): string => {
  if (env.CELERIS_BENCH_CACHE) return env.CELERIS_BENCH_CACHE
  const base = env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return join(base, 'celeris-bench')
}
