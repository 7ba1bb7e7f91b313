import { type Engine, EngineUnavailableError } from '@celeris/engine'
import { describe, expect, it } from 'vitest'
import { type EngineSources, resolveEngine } from './resolve-engine.ts'

const stub = (type: string, more: Partial<Engine> = {}): Engine => ({ type, ...more }) as Engine

const good = (factory: string, type: string): object => ({
  [factory]: () => stub(type),
  probe: () => ({ available: true, reason: `${type} runs` }),
})
const epoll = good('epollEngine', 'epoll')
const iouring = good('iouringEngine', 'iouring')
const adaptive = { adaptiveEngine: () => stub('adaptive') }
const refused = {
  ...iouring,
  probe: () => ({ available: false, reason: 'seccomp refuses io_uring_setup (EPERM)' }),
}

/** Engine packages by the last part of their name; others are not installed. */
function sources(packages: Record<string, unknown>, foreignRuntime?: string): EngineSources {
  return {
    foreignRuntime,
    nodeEngine: async () => stub('node'),
    async importPackage(name) {
      const module = packages[name.replace('@celeris/engine-', '')]
      if (module instanceof Error) throw module
      if (module !== undefined) return module
      const error = new Error(`Cannot find package '${name}' imported from here`)
      throw Object.assign(error, { code: 'ERR_MODULE_NOT_FOUND' })
    },
  }
}

const plain = { tls: false }

describe("engine 'auto' (L-4)", () => {
  it.each([
    ['node', {}],
    ['epoll', { epoll }],
    ['iouring', { epoll, iouring }],
    ['adaptive', { epoll, iouring, adaptive }],
    ['epoll', { epoll, adaptive }],
    ['epoll', { epoll, iouring: refused, adaptive }],
    ['iouring', { iouring, adaptive }],
    ['node', { adaptive }],
    ['node', { epoll: {} }],
  ])('takes %s of %j', async (type, packages) => {
    const choice = await resolveEngine('auto', plain, sources(packages))
    expect(choice.engine.type).toBe(type)
    expect(choice.candidates.at(-1)).toMatchObject({ type, available: true })
    expect(choice.candidates.slice(0, -1).every(({ available }) => !available)).toBe(true)
  })

  it('tells why the others were not taken', async () => {
    const choice = await resolveEngine(
      'auto',
      plain,
      sources({ epoll, iouring: refused, adaptive }),
    )
    expect(choice).toMatchObject({
      reason: 'the first of adaptive, iouring, epoll, node that runs here',
      candidates: [
        {
          type: 'adaptive',
          available: false,
          reason: 'needs epoll and io_uring, and iouring: seccomp refuses io_uring_setup (EPERM)',
        },
        { type: 'iouring', available: false, reason: 'seccomp refuses io_uring_setup (EPERM)' },
        { type: 'epoll', available: true, reason: 'epoll runs' },
      ],
    })
  })

  it('survives packages that do not load, do not fit or fail to probe', async () => {
    const choice = await resolveEngine(
      'auto',
      plain,
      sources({
        adaptive: new Error('layout mismatch'),
        iouring: {},
        epoll: {
          ...epoll,
          probe() {
            throw new Error('boom')
          },
        },
      }),
    )
    expect(choice.engine.type).toBe('node')
    expect(choice.candidates.map(({ reason }) => reason)).toEqual([
      '@celeris/engine-adaptive does not load: layout mismatch',
      '@celeris/engine-iouring does not fit this version of @celeris/core; install the latest of both',
      'probing failed: boom',
      'built in, on node:http',
    ])
  })

  it('loads no addon under another runtime', async () => {
    const missing = async (): Promise<never> => {
      throw new Error('must not be called')
    }
    const choice = await resolveEngine('auto', plain, {
      ...sources({}, 'Bun'),
      importPackage: missing,
    })
    expect(choice.engine.type).toBe('node')
    expect(choice.candidates[0]?.reason).toBe('native engines are not loaded under Bun')
  })

  it('takes node for tls (L-12)', async () => {
    const choice = await resolveEngine('auto', { tls: true }, sources({ epoll }))
    expect(choice.engine.type).toBe('node')
    expect(choice.reason).toBe('tls is served by the node engine only')
  })
})

describe('engine by name (L-4)', () => {
  it('is taken without fallback', async () => {
    const choice = await resolveEngine('epoll', plain, sources({ epoll, iouring }))
    expect(choice).toMatchObject({ engine: { type: 'epoll' }, reason: 'asked for by name' })
    expect((await resolveEngine('node', { tls: true }, sources({}))).engine.type).toBe('node')
  })

  it.each([
    ['iouring', {}, false, '@celeris/engine-iouring is not installed'],
    ['adaptive', {}, false, '@celeris/engine-adaptive is not installed'],
    ['iouring', { iouring: refused }, false, 'seccomp refuses'],
    ['epoll', { epoll }, true, 'tls is served by the node engine only'],
  ] as const)('%s that cannot run fails with the reason', async (name, packages, tls, reason) => {
    const failing = resolveEngine(name, { tls }, sources(packages))
    await expect(failing).rejects.toThrow(EngineUnavailableError)
    await expect(failing).rejects.toThrow(reason)
    await expect(failing).rejects.toMatchObject({ code: 'CELERIS_ENGINE_UNAVAILABLE' })
  })
})

describe('an engine of the program', () => {
  it('is used as it is', async () => {
    const engine = stub('mine')
    expect(await resolveEngine(engine, plain, sources({}))).toEqual({
      engine,
      reason: 'given by the program',
      candidates: [{ type: 'mine', available: true, reason: 'given by the program' }],
    })
  })

  it('serves tls only if it says so', async () => {
    await expect(resolveEngine(stub('mine'), { tls: true })).rejects.toThrow(EngineUnavailableError)
    const able = stub('mine', { capabilities: { tls: true } })
    expect((await resolveEngine(able, { tls: true })).engine).toBe(able)
  })
})
