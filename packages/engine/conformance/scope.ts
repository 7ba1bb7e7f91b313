// What a case gets: servers and clients that are closed when it ends, whatever happened.
import { setMaxListeners } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import type { Engine, ListenAddress } from '@celeris/engine'
import { createBatchMemory } from '@celeris/engine'
import { listenOptions, type Overrides } from './listen-options.ts'
import { connectRaw, type RawClient } from './raw-client.ts'
import { createReference, type Handlers, type Reference } from './reference-dispatch.ts'

/** What the suite runs against. */
export interface Subject {
  /** A fresh, idle engine each time. */
  readonly create: () => Engine
  /** Capabilities to test; by default what the engine says itself. */
  readonly capabilities?: Engine['capabilities']
  /** `'quick'` (default) bounds loops so that the suite takes seconds; `'torture'` repeats them. */
  readonly mode?: 'quick' | 'torture'
  /** `'node'` accepts what http1.md permits the node engine to do differently; by default nothing. */
  readonly differences?: 'none' | 'node'
  /** Options of every server that a case serves with, unless the case sets them itself. */
  readonly listen?: Overrides
}

export interface Served extends Reference {
  readonly engine: Engine
  readonly address: ListenAddress
  readonly memory: ReturnType<typeof createBatchMemory>
  connect(): Promise<RawClient>
}

export interface Scope {
  readonly signal: AbortSignal
  readonly subject: Subject
  /** A listening engine with the suite's dispatch; closed with the case. */
  serve(handlers?: Handlers, overrides?: Overrides): Promise<Served>
  /** An idle engine; closed with the case if it ever listened. */
  engine(): Engine
  connect(to: { port: number; host?: string } | { path: string }): Promise<RawClient>
  /** Waits, turn by turn of the event loop, until the condition holds. */
  until(condition: () => boolean, what: string): Promise<void>
  /** Runs when the case ends, last first. */
  onEnd(clean: () => unknown): void
}

/** A case before it is bound to a subject. */
export interface CaseDefinition {
  readonly name: string
  readonly needs?: readonly (keyof NonNullable<Engine['capabilities']>)[]
  /** Set when the node engine is permitted to differ here. */
  readonly nativeOnly?: string
  /** Milliseconds after which the case counts as hung; default 15 000. */
  readonly guardMs?: number
  readonly run: (scope: Scope) => Promise<void>
}

const GUARD_MS = 15_000
/** How much longer a case may take that repeats itself. */
const TORTURE_GUARDS = 60

/** Runs one case: its guard, its fixtures, and the promises of the contract that hold in every case. */
export async function runCase(
  definition: CaseDefinition,
  subject: Subject,
  signal: AbortSignal,
): Promise<void> {
  const guard = new AbortController()
  const guardMs =
    (definition.guardMs ?? GUARD_MS) * (subject.mode === 'torture' ? TORTURE_GUARDS : 1)
  const timer = setTimeout(
    () => guard.abort(new Error(`hung: nothing happened for ${guardMs} ms`)),
    guardMs,
  )
  const merged = AbortSignal.any([signal, guard.signal])
  // Every client that waits listens to it.
  setMaxListeners(0, merged)
  const cleanups: (() => unknown)[] = []
  const broken: Error[] = []
  const scope: Scope = {
    signal: merged,
    subject,
    onEnd: (clean) => void cleanups.push(clean),
    engine() {
      const engine = subject.create()
      cleanups.push(() => engine.close({ timeoutMs: 0 }).catch(() => undefined))
      return engine
    },
    async connect(to) {
      const client = await connectRaw(to, merged)
      cleanups.push(() => client.close())
      return client
    },
    async serve(handlers = {}, overrides = {}) {
      const engine = scope.engine()
      const memory = createBatchMemory()
      const reference = createReference(engine, memory, handlers, merged)
      cleanups.push(() => void broken.push(...reference.broken))
      const options = listenOptions(memory, { ...subject.listen, ...overrides })
      const address = await engine.listen(options, reference.dispatch)
      const to = overrides.path === undefined ? { port: address.port } : { path: overrides.path }
      return { ...reference, engine, memory, address, connect: () => scope.connect(to) }
    },
    async until(condition, what) {
      while (!condition()) {
        if (merged.aborted) throw new Error(`never came true: ${what}`, { cause: merged.reason })
        await turn()
      }
    },
  }
  try {
    await definition.run(scope)
  } finally {
    try {
      for (const clean of cleanups.reverse()) await clean()
    } finally {
      clearTimeout(timer)
    }
  }
  if (broken.length > 0) throw broken[0]
}
