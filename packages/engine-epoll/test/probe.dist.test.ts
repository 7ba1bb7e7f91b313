// What a user reads where the addon cannot serve, and that everything else goes on.
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { runModule } from './support/child.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** Directory for CELERIS_NATIVE_DIR with this as the addon. */
function nativeDirectory(addon: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'celeris-'))
  folders.push(folder)
  mkdirSync(join(folder, 'engine-epoll'))
  writeFileSync(join(folder, 'engine-epoll', 'celeris.node'), addon)
  return folder
}

/** The addons that were built: for the workspace, and for tarballs. */
function addons(): Buffer[] {
  const folder = new URL('../native/', import.meta.url)
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.node') && !name.includes('obj.target'))
    .map((name) => readFileSync(new URL(name, folder)))
}

const REPORT = `
  import { probe, epollEngine } from '@celeris/engine-epoll'
  import { Server } from '@celeris/core'
  const byName = new Server({ port: 0, host: '127.0.0.1', engine: 'epoll' })
  const auto = new Server({ port: 0, host: '127.0.0.1' })
  auto.get('/', () => 'served')
  const refusal = await byName.listen().then(() => 'listens', ({ name, code, message }) => ({ name, code, message }))
  const { engine, port } = await auto.listen()
  const { candidates, reason } = auto.engineInfo()
  const text = await (await fetch('http://127.0.0.1:' + port)).text()
  await Promise.all([byName, auto].map((app) => app.close({ timeoutMs: 0 })))
  console.log(JSON.stringify({ probe: probe(), again: probe(), made: epollEngine().type, refusal, engine, reason, candidates, text }))
`

interface Report {
  readonly probe: { available: boolean; reason: string }
  readonly again: { available: boolean; reason: string }
  readonly made: string
  readonly refusal: { name: string; code: string; message: string } | 'listens'
  readonly engine: string
  readonly reason: string
  readonly candidates: readonly { type: string; available: boolean; reason: string }[]
  readonly text: string
}

async function report(env: NodeJS.ProcessEnv, flags: readonly string[] = []): Promise<Report> {
  const { code, signal, out, err } = await runModule(REPORT, { env, flags })
  expect([code, signal, err]).toEqual([0, null, ''])
  return JSON.parse(out) as Report
}

/** The addon is refused for the reason, by name too, and `auto` serves on node and repeats it. */
function expectFallback(seen: Report, reason: RegExp): void {
  expect(seen.probe).toEqual({ available: false, reason: expect.stringMatching(reason) })
  expect(seen.probe.reason).not.toContain('\n')
  expect(seen.again).toEqual(seen.probe)
  expect(seen.made).toBe('epoll')
  expect(seen.refusal).toMatchObject({
    name: 'EngineUnavailableError',
    code: 'CELERIS_ENGINE_UNAVAILABLE',
    message: expect.stringMatching(reason),
  })
  expect([seen.engine, seen.text]).toEqual(['node', 'served'])
  expect(seen.candidates.map(({ type }) => type)).toEqual(['adaptive', 'iouring', 'epoll', 'node'])
  expect(seen.candidates[2]).toMatchObject({
    available: false,
    reason: expect.stringMatching(reason),
  })
}

test('where the addon loads, probe() says so and listen() uses it', async () => {
  const seen = await report({})
  expect(seen.probe.available).toBe(true)
  expect([seen.refusal, seen.engine, seen.text]).toEqual(['listens', 'epoll', 'served'])
}, 30_000)

describe('an addon that does not serve', () => {
  test('no shared object: the reason names platform, node and the cure', async () => {
    const seen = await report({ CELERIS_NATIVE_DIR: nativeDirectory('not an addon') })
    expectFallback(seen, /linux-(x64|arm64) on Node .*npx celeris-engine-epoll/)
  })

  test('a directory without the addon is passed over: the package’s own is taken', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'celeris-'))
    folders.push(folder)
    expect((await report({ CELERIS_NATIVE_DIR: folder })).engine).toBe('epoll')
  })

  test('another record layout: both hashes and what to install are named', async () => {
    // The hash stands in the addon as text; one other digit is another layout.
    const { out } = await runModule(
      `import { LAYOUT_HASH } from '@celeris/engine/layout'; console.log(LAYOUT_HASH)`,
    )
    const hash = out.trim()
    const addon = addons().find((bytes) => bytes.includes(hash))
    if (addon === undefined) throw new Error(`no addon with layout ${hash}: build it`)
    const other = hash.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))
    for (let at = addon.indexOf(hash); at >= 0; at = addon.indexOf(hash, at + 1))
      addon.write(other, at, 'latin1')
    const seen = await report({ CELERIS_NATIVE_DIR: nativeDirectory(addon) })
    expectFallback(seen, new RegExp(`layout ${other}.*${hash}.*released together`))
  })

  test('the package is missing: npm i is the cure', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'celeris-'))
    folders.push(folder)
    // Core and the contract alone, as npm would put them.
    for (const name of ['core', 'engine']) {
      const from = new URL(`../../${name}/`, import.meta.url)
      cpSync(from, join(folder, 'node_modules', '@celeris', name), {
        recursive: true,
        dereference: true,
        filter: (path) =>
          !path.includes('node_modules') && !/\/(src|test|native|\.tsc)(\/|$)/.test(path),
      })
    }
    const dependencies = new URL('../../core/node_modules/', import.meta.url)
    for (const name of ['cookie', 'ipaddr.js', 'negotiator'])
      cpSync(new URL(name, dependencies), join(folder, 'node_modules', name), {
        recursive: true,
        dereference: true,
      })
    const { code, out, err } = await runModule(`
      process.chdir(${JSON.stringify(folder)})
      const { Server } = await import(${JSON.stringify(join(folder, 'node_modules/@celeris/core/dist/index.js'))})
      const app = new Server({ port: 0, host: '127.0.0.1' })
      const { engine } = await app.listen()
      const refusal = await new Server({ engine: 'epoll' }).listen().catch(({ message }) => message)
      console.log(JSON.stringify([engine, app.engineInfo().candidates.map(({ reason }) => reason), refusal]))
      await app.close({ timeoutMs: 0 })
    `)
    expect([code, err]).toEqual([0, ''])
    const [engine, reasons, refusal] = JSON.parse(out) as [string, string[], string]
    expect(engine).toBe('node')
    expect(reasons[2]).toBe(
      '@celeris/engine-epoll is not installed; run npm i @celeris/engine-epoll',
    )
    expect(refusal).toContain('npm i @celeris/engine-epoll')
  })
})

describe.each(['bun', 'deno'])('under %s', (runtime) => {
  test('nothing loads the addon, the node engine serves and says why (P4)', async () => {
    const name = runtime === 'bun' ? 'Bun' : 'Deno'
    const fake = `
      Object.defineProperty(process, 'versions', { value: { ...process.versions, ${runtime}: '1.0.0' } })
      process.dlopen = () => { throw new Error('an addon was loaded') }
    `
    const { code, err, out } = await runModule(`${fake}
      const { probe } = await import('@celeris/engine-epoll')
      const { Server } = await import('@celeris/core')
      const app = new Server({ port: 0, host: '127.0.0.1' })
      app.get('/', () => 'served')
      const { engine, port } = await app.listen()
      const refusal = await new Server({ engine: 'epoll' }).listen().catch(({ message }) => message)
      const text = await (await fetch('http://127.0.0.1:' + port)).text()
      console.log(JSON.stringify([probe(), engine, app.engineInfo().candidates[2].reason, refusal, text]))
      await app.close({ timeoutMs: 0 })
    `)
    expect([code, err]).toEqual([0, ''])
    const [probed, engine, reason, refusal, text] = JSON.parse(out) as [
      Report['probe'],
      string,
      string,
      string,
      string,
    ]
    expect(probed.available).toBe(false)
    for (const sentence of [probed.reason, reason, refusal]) expect(sentence).toContain(name)
    expect([engine, text]).toEqual(['node', 'served'])
  })
})
