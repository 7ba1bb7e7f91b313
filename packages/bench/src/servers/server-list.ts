import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { shortReason } from '../errors.ts'
import { packageRoot } from '../package-root.ts'
import { findPeer, installedVersion, peerFile } from '../peers/peer-list.ts'
import type { Scenario } from '../scenarios/scenario-list.ts'
import { compiledTool } from '../tools/compile.ts'
import { runProgram } from '../tools/run-program.ts'
import { moduleVersion } from './module-version.ts'

/** Options handed to a server of ours; anything `new Server()` takes. */
export type ServerOptions = Readonly<Record<string, unknown>>

/** What a server is started with. */
export interface LaunchRequest {
  readonly scenario: Scenario
  readonly options: ServerOptions
  readonly nodeFlags: readonly string[]
}

/** One server of the matrix. */
export interface ServerKind {
  readonly name: string
  /** One process serves one scenario only, so it is started anew for each. */
  readonly perScenario: boolean
  /** Speaks over IPC (heap figures), which only our own Node children do. */
  readonly answersControl: boolean
  /** Its version, or the reason why it cannot run here. */
  availability(): Promise<{ version: string } | { missing: string }>
  command(request: LaunchRequest): Promise<string[]>
}

const script = (file: string): string => join(packageRoot, 'servers', file)

const nodeScript =
  (file: string, fixed: ServerOptions = {}) =>
  async (request: LaunchRequest) => [
    process.execPath,
    ...request.nodeFlags,
    script(file),
    JSON.stringify({ ...fixed, ...request.options }),
  ]

const limit: ServerKind = {
  name: 'limit',
  perScenario: true,
  answersControl: false,
  availability: async () => {
    try {
      await compiledTool('limit')
      return { version: 'C, epoll' }
    } catch (error) {
      return { missing: error instanceof Error ? error.message : String(error) }
    }
  },
  command: async ({ scenario }) => [
    await compiledTool('limit'),
    scenario.contentType,
    scenario.body,
  ],
}

/** Why an installed engine cannot run here, such as an addon of another build; empty when it can. */
const engineRefusal = async (name: string): Promise<string> => {
  const script = `import(${JSON.stringify(name)}).then(({ probe }) => console.log(JSON.stringify(probe())))`
  const { code, stdout, stderr } = await runProgram(process.execPath, ['-e', script], {
    cwd: packageRoot,
  })
  if (code !== 0) return shortReason(stderr.trim())
  const found = JSON.parse(stdout) as { available: boolean; reason: string }
  return found.available ? '' : found.reason
}

const ours = (name: string, engine: 'epoll' | 'node', needs: string): ServerKind => ({
  name,
  perScenario: false,
  answersControl: true,
  availability: async () => {
    const version = await moduleVersion('@celeris/core')
    if (!version) return { missing: '@celeris/core is not built: run `npm run setup`' }
    if (needs && !(await moduleVersion(needs))) return { missing: `${needs} is not installed` }
    const refusal = needs ? await engineRefusal(needs) : ''
    return refusal ? { missing: refusal } : { version }
  },
  command: nodeScript('celeris.mjs', { engine }),
})

const nodeHttp: ServerKind = {
  name: 'node-http',
  perScenario: false,
  answersControl: true,
  availability: async () => ({ version: process.version }),
  command: nodeScript('node-http.mjs'),
}

const peerServer = (name: string, file: string, words: readonly string[] = []): ServerKind => ({
  name,
  perScenario: false,
  answersControl: words.length === 0,
  availability: async () => {
    const peer = findPeer(name)
    const version = peer && (await installedVersion(peer))
    if (!peer || !version) return { missing: `not installed: celeris-bench peers install ${name}` }
    const major = Number(process.versions.node.split('.')[0])
    if (peer.nodeMajors && !peer.nodeMajors.includes(major))
      return { missing: `${name} ${version} has no binary for Node ${major}` }
    if (peer.program && !existsSync(peerFile(peer, peer.program)))
      return { missing: `its binary is missing: celeris-bench peers install ${name}` }
    return { version }
  },
  command: async (request) => {
    const peer = findPeer(name)
    if (!peer?.program) return nodeScript(file)(request)
    return [peerFile(peer, peer.program), ...words, script(file)]
  },
})

/** Every server of the matrix, in the order of a report; ratios are to the first that runs. */
export const serverKinds: readonly ServerKind[] = [
  limit,
  ours('celeris-epoll', 'epoll', '@celeris/engine-epoll'),
  ours('celeris-node', 'node', ''),
  peerServer('uws', 'uws.mjs'),
  peerServer('bun', 'bun.mjs', ['run']),
  peerServer('deno', 'deno.mjs', ['run', '--allow-net', '--quiet']),
  nodeHttp,
  peerServer('fastify', 'fastify.mjs'),
]

/** The server of that name, or undefined. */
export const findServerKind = (name: string): ServerKind | undefined =>
  serverKinds.find((kind) => kind.name === name)
