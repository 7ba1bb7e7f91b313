import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { packageRoot } from '../package-root.ts'
import { findPeer, installedVersion, peerFile } from '../peers/peer-list.ts'
import { moduleVersion } from '../servers/module-version.ts'
import type { RedisPoint } from './redis-points.ts'

/** One side of the comparison. */
export interface RedisLibrary {
  /** Its name in reports and on the command line. */
  readonly name: string
  /** The name servers/redis-libraries.mjs knows it by. */
  readonly loads: string
  /** Runs in a Node of ours, so that its heap can be read. */
  readonly onNode: boolean
  /** Its version, or the reason why it cannot run here. */
  availability(): Promise<{ version: string } | { missing: string }>
  /** The program and its flags; the script comes behind. */
  program(nodeFlags: readonly string[]): string[]
  /** False for loads it does not offer, or is not asked for. */
  fits(point: RedisPoint): boolean
}

const onNode = {
  onNode: true,
  program: (nodeFlags: readonly string[]) => [process.execPath, ...nodeFlags],
  fits: () => true,
}

/** The subject: every ratio is of its figure to another's. */
export const celeris: RedisLibrary = {
  ...onNode,
  name: 'celeris',
  loads: 'celeris',
  availability: async () => {
    const version = await moduleVersion('@celeris/redis')
    return version ? { version } : { missing: '@celeris/redis is not built: run `npm run setup`' }
  },
}

const stock: RedisLibrary = {
  ...onNode,
  name: 'ioredis',
  loads: 'ioredis',
  availability: async () => {
    try {
      const ours = createRequire(join(packageRoot, 'package.json')).resolve('@celeris/redis')
      const version = await moduleVersion('ioredis', join(ours, '..'))
      return version ? { version } : { missing: 'not beside @celeris/redis' }
    } catch {
      return { missing: '@celeris/redis is not built: run `npm run setup`' }
    }
  },
}

const peerLibrary = (name: string): Pick<RedisLibrary, 'availability'> => ({
  availability: async () => {
    const peer = findPeer(name)
    const version = peer && (await installedVersion(peer))
    if (!version || (peer.program && !existsSync(peerFile(peer, peer.program))))
      return { missing: `not installed: celeris-bench peers install ${name}` }
    return { version }
  },
})

/** Whom it is measured against, in the order of a report. */
export const redisRivals: readonly RedisLibrary[] = [
  stock,
  {
    ...stock,
    name: 'ioredis-auto',
    loads: 'ioredis-auto',
    // Auto-pipelining is about many callers of one server.
    fits: ({ name }) => name === '64' || name === '512',
  },
  { ...onNode, name: 'redis', loads: 'redis', ...peerLibrary('redis') },
  {
    name: 'bun',
    loads: 'bun',
    onNode: false,
    ...peerLibrary('bun'),
    program: () => {
      const bun = findPeer('bun')
      return [bun?.program ? peerFile(bun, bun.program) : 'bun', 'run']
    },
    fits: ({ topology }) => topology !== 'cluster',
  },
  // The subject once more: what its ratio says besides 1 is chance.
  { ...celeris, name: 'self' },
]

/** The rival of that name, or undefined. */
export const findRedisRival = (name: string): RedisLibrary | undefined =>
  redisRivals.find((one) => one.name === name)
