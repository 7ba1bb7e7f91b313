import { CelerisError } from '@celeris/engine'
import { LAYOUT_HASH } from '@celeris/engine/layout'
import open from '../binding.cjs'

/** Numbers and addresses as the addon takes them; everything is validated by core. */
export interface AddonOptions {
  readonly [name: string]: unknown
}

/** A running loop; opaque. */
export type Handle = object

/** Functions of the native addon. */
export interface Addon {
  readonly layoutHash: string
  open(
    memory: ArrayBuffer,
    options: AddonOptions,
    dispatch: (base: number, requests: number, events: number) => void,
    closed: (drained: number, cut: number, elapsedMs: number) => void,
    warn: (message: string) => void,
  ): { handle: Handle; address: string; port: number }
  flush(handle: Handle): void
  pause(handle: Handle, paused: boolean): void
  close(handle: Handle, timeoutMs: number): void
  metrics(handle: Handle, counters: Float64Array): void
  takeSocket(handle: Handle, slot: number, generation: number): [fd: number, rest: Buffer] | null
  peer(handle: Handle, slot: number, generation: number): [address: string, port: number] | null
}

let loaded: Addon | undefined

/** Loads the addon once. Throws a readable error where there is none or it belongs to another layout. */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded
  const addon = open() as Addon
  if (addon.layoutHash !== LAYOUT_HASH) {
    throw new CelerisError(
      'CELERIS_ENGINE_LAYOUT_MISMATCH',
      `the native addon has record layout ${addon.layoutHash}, @celeris/engine has ${LAYOUT_HASH}: install versions that were released together, or rebuild with \`npx celeris-engine-epoll\``,
    )
  }
  loaded = addon
  return addon
}
