// The only place that imports a package by a computed name.
import { type Engine, EngineUnavailableError, type ProbeResult } from '@celeris/engine'
import { nodeEngine } from './node-http/engine.ts'
import type { EngineName } from './server-config.ts'

/** An engine that was considered. */
export interface EngineCandidate {
  /** As in `engine.type`. */
  readonly type: string
  readonly available: boolean
  /** One sentence for people: why not, or what speaks for it. */
  readonly reason: string
}

/** The engine that serves, and why it does. */
export interface EngineChoice {
  readonly engine: Engine
  readonly reason: string
  /** In the order of preference. */
  readonly candidates: readonly EngineCandidate[]
}

/** Where engines come from; replaced in tests. */
export interface EngineSources {
  readonly importPackage: (name: string) => Promise<unknown>
  readonly nodeEngine: () => Engine | Promise<Engine>
  /** `'Bun'` or `'Deno'`, where addons are not loaded; undefined in Node. */
  readonly foreignRuntime: string | undefined
}

interface Usable extends EngineCandidate {
  /** Makes the engine; present if available. */
  readonly create?: () => Engine
}

const NATIVE = {
  adaptive: { package: '@celeris/engine-adaptive', factory: 'adaptiveEngine' },
  iouring: { package: '@celeris/engine-iouring', factory: 'iouringEngine' },
  epoll: { package: '@celeris/engine-epoll', factory: 'epollEngine' },
} as const

type NativeName = keyof typeof NATIVE

const TLS_REASON = 'tls is served by the node engine only'

const defaultSources: EngineSources = {
  importPackage: (name) => import(/* @vite-ignore */ name),
  // Not imported when needed: the bundler would wrap every module that it shares with the hot path.
  nodeEngine,
  foreignRuntime:
    process.versions.bun !== undefined
      ? 'Bun'
      : process.versions.deno !== undefined
        ? 'Deno'
        : undefined,
}

/**
 * Finds the engine for a server (L-4, L-12). `'auto'` takes the first that is installed and runs
 * here; a name or an engine is taken as asked, without fallback.
 * @throws EngineUnavailableError `CELERIS_ENGINE_UNAVAILABLE` if the one asked for cannot run here,
 * with the reason and the cure.
 */
export async function resolveEngine(
  asked: EngineName | Engine,
  options: { readonly tls: boolean },
  sources: EngineSources = defaultSources,
): Promise<EngineChoice> {
  if (typeof asked === 'object') return given(asked, options.tls)
  if (asked === 'node') return chosen(await nodeCandidate(sources), [], 'asked for by name')
  if (asked === 'auto') return options.tls ? forTls(sources) : auto(sources)
  if (options.tls) {
    throw new EngineUnavailableError(
      `engine '${asked}' cannot serve this: ${TLS_REASON}; use engine 'node' or 'auto', or end tls in a proxy`,
    )
  }
  const candidate = await nativeCandidate(asked, sources)
  if (candidate.create === undefined) {
    throw new EngineUnavailableError(
      `engine '${asked}' cannot run here: ${candidate.reason} (engine: 'auto' takes what can)`,
    )
  }
  return chosen(candidate, [], 'asked for by name')
}

function given(engine: Engine, tls: boolean): EngineChoice {
  if (tls && engine.type !== 'node' && engine.capabilities?.tls !== true) {
    throw new EngineUnavailableError(
      `engine '${engine.type}' cannot serve this: its capabilities do not name tls; use engine 'node'`,
    )
  }
  const reason = 'given by the program'
  return { engine, reason, candidates: [{ type: engine.type, available: true, reason }] }
}

async function auto(sources: EngineSources): Promise<EngineChoice> {
  const missed: EngineCandidate[] = []
  const adaptive = await nativeCandidate('adaptive', sources)
  if (adaptive.create !== undefined) {
    const both = [
      await nativeCandidate('iouring', sources),
      await nativeCandidate('epoll', sources),
    ]
    const lacking = both.find(({ available }) => !available)
    if (lacking === undefined) return chosen(adaptive, [], 'epoll and io_uring both run here')
    const reason = `needs epoll and io_uring, and ${lacking.type}: ${lacking.reason}`
    missed.push({ type: 'adaptive', available: false, reason })
  } else missed.push(plain(adaptive))
  for (const name of ['iouring', 'epoll'] as const) {
    const candidate = await nativeCandidate(name, sources)
    if (candidate.create !== undefined) {
      return chosen(candidate, missed, 'the first of adaptive, iouring, epoll, node that runs here')
    }
    missed.push(plain(candidate))
  }
  return chosen(await nodeCandidate(sources), missed, 'no native engine runs here')
}

async function forTls(sources: EngineSources): Promise<EngineChoice> {
  const others = Object.keys(NATIVE).map((type) => ({ type, available: false, reason: TLS_REASON }))
  return chosen(await nodeCandidate(sources), others, TLS_REASON)
}

function plain({ type, available, reason }: EngineCandidate): EngineCandidate {
  return { type, available, reason }
}

function chosen(
  candidate: Usable,
  missed: readonly EngineCandidate[],
  reason: string,
): EngineChoice {
  const engine = (candidate.create as () => Engine)()
  return { engine, reason, candidates: [...missed, plain(candidate)] }
}

async function nodeCandidate(sources: EngineSources): Promise<Usable> {
  const engine = await sources.nodeEngine()
  return { type: 'node', available: true, reason: 'built in, on node:http', create: () => engine }
}

async function nativeCandidate(type: NativeName, sources: EngineSources): Promise<Usable> {
  const miss = (reason: string): Usable => ({ type, available: false, reason })
  const { package: name, factory } = NATIVE[type]
  if (sources.foreignRuntime !== undefined) {
    return miss(`native engines are not loaded under ${sources.foreignRuntime}`)
  }
  let module: Readonly<Record<string, unknown>>
  try {
    module = (await sources.importPackage(name)) as typeof module
  } catch (error) {
    return miss(
      isMissing(error, name) ? notInstalled(name) : `${name} does not load: ${text(error)}`,
    )
  }
  const create = module[factory]
  const probe = module.probe
  if (typeof create !== 'function' || (type !== 'adaptive' && typeof probe !== 'function')) {
    return miss(`${name} does not fit this version of @celeris/core; install the latest of both`)
  }
  try {
    const result = (typeof probe === 'function' ? probe() : IN_JAVASCRIPT) as ProbeResult
    if (!result.available) return miss(result.reason)
    return { type, available: true, reason: result.reason, create: create as () => Engine }
  } catch (error) {
    return miss(`probing failed: ${text(error)}`)
  }
}

/** The adaptive engine has no addon of its own. */
const IN_JAVASCRIPT: ProbeResult = { available: true, reason: 'installed' }

/** Packages that can be had today; the others are names kept for later releases. */
const PUBLISHED: ReadonlySet<string> = new Set(['@celeris/engine-epoll'])

function notInstalled(name: string): string {
  return PUBLISHED.has(name)
    ? `${name} is not installed; run npm i ${name}`
    : `${name} is not installed`
}

/** Whether it is the package itself that is missing, not something it needs. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown }
  const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
  return missing && typeof message === 'string' && message.includes(`'${name}'`)
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
