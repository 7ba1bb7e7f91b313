import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from '../cache-folder.ts'

/** A rival that npm can bring; versions are pinned so that two reports compare. */
export interface Peer {
  readonly name: string
  readonly package: string
  readonly version: string
  /** Program inside the package that runs the server, where it is not our own Node. */
  readonly program: string | undefined
  /** Package of its binary, for those that ship one per platform. */
  readonly postinstall: string | undefined
  /** Majors of Node it loads on, where it is picky. */
  readonly nodeMajors: readonly number[] | undefined
}

/** Every peer `celeris-bench peers install` knows. */
export const peers: readonly Peer[] = [
  {
    name: 'fastify',
    package: 'fastify',
    version: '5.12.8',
    program: undefined,
    postinstall: undefined,
    nodeMajors: undefined,
  },
  // An unofficial copy on npm: the project itself ships no npm package. Later builds need glibc 2.38.
  {
    name: 'uws',
    package: 'uwebsockets',
    version: '3.0.5',
    program: undefined,
    postinstall: undefined,
    nodeMajors: [20, 22, 24],
  },
  {
    name: 'bun',
    package: 'bun',
    version: '1.4.5',
    program: 'bin/bun.exe',
    postinstall: 'install.js',
    nodeMajors: undefined,
  },
  {
    name: 'redis',
    package: 'redis',
    version: '6.3.1',
    program: undefined,
    postinstall: undefined,
    nodeMajors: undefined,
  },
  {
    name: 'deno',
    package: 'deno',
    version: '2.9.6',
    program: 'deno',
    postinstall: 'install.cjs',
    nodeMajors: undefined,
  },
]

/** The peer of that name, or undefined. */
export const findPeer = (name: string): Peer | undefined => peers.find((peer) => peer.name === name)

/** The folder peers are installed into, with their node_modules. */
export const peerFolder = (): string => join(cacheFolder(), 'peers')

/** A file of an installed peer. */
export const peerFile = (peer: Peer, file: string): string =>
  join(peerFolder(), 'node_modules', peer.package, file)

/** The version of an installed peer, or undefined. */
export const installedVersion = async (peer: Peer): Promise<string | undefined> => {
  try {
    const manifest: unknown = JSON.parse(await readFile(peerFile(peer, 'package.json'), 'utf8'))
    return typeof manifest === 'object' && manifest !== null && 'version' in manifest
      ? String(manifest.version)
      : undefined
  } catch {
    return undefined
  }
}
