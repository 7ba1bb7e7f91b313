import type { ProbeResult } from '@celeris/engine'
import { loadAddon } from './addon.ts'

function refusal(): string | undefined {
  // Bun ends the process in libuv calls, Deno lacks prepare handles: the addon is never loaded there.
  if (process.versions.bun !== undefined) return 'Bun cannot run engines that drive libuv'
  if (process.versions.deno !== undefined) return 'Deno cannot run engines that drive libuv'
  if (process.platform !== 'linux') return `epoll is a Linux interface, this is ${process.platform}`
  return undefined
}

/**
 * Tells whether the epoll engine can run here, and why not. Loads the addon, opens nothing, never throws.
 */
export function probe(): ProbeResult {
  const refused = refusal()
  if (refused !== undefined) return { available: false, reason: refused }
  try {
    loadAddon()
    return { available: true, reason: 'the native addon is loaded' }
  } catch (error) {
    const detail = error instanceof Error ? error.message.split('\n', 1)[0] : String(error)
    return {
      available: false,
      reason: `no native addon for ${process.platform}-${process.arch} on Node ${process.versions.node} (${detail}); \`npx celeris-engine-epoll\` builds one from the shipped sources`,
    }
  }
}
