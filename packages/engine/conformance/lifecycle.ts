import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBatchMemory } from '@celeris/engine'
import { COUNTER_NAMES } from '@celeris/engine/layout'
import { listenOptions } from './listen-options.ts'
import { createReference } from './reference-dispatch.ts'
import type { CaseDefinition, Scope } from './scope.ts'

const GET = 'GET /hello HTTP/1.1\r\nhost: a\r\n\r\n'
const nothing = (): void => undefined

async function expectState(promise: Promise<unknown>): Promise<void> {
  await assert.rejects(
    promise,
    (error: { code?: unknown }) => error.code === 'CELERIS_ENGINE_STATE',
  )
}

/** A port somebody else holds. */
async function takenPort(scope: Scope): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  scope.onEnd(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return (server.address() as net.AddressInfo).port
}

/** Handles whose descriptors were given away; closing one would close a stranger. */
const givenAway: object[] = []

/** A descriptor of a bound stream socket, as a service manager hands it over. */
function boundDescriptor(port = 0): number {
  const handles = net as unknown as {
    _createServerHandle(address: string, port: number, family: 4): { readonly fd: number }
  }
  const handle = handles._createServerHandle('127.0.0.1', port, 4)
  givenAway.push(handle)
  return handle.fd
}

/** A bound descriptor whose port another engine listens on until it is released. */
async function takenPortByDescriptor(
  scope: Scope,
): Promise<{ fd: number; port: number; release: () => Promise<unknown> }> {
  const first = boundDescriptor()
  const port = portOf(givenAway.at(-1) as object)
  const fd = boundDescriptor(port)
  const holder = await scope.serve({}, { fd: first })
  return { fd, port, release: () => holder.engine.close({ timeoutMs: 0 }) }
}

/** The port that a handle is bound to. */
function portOf(handle: object): number {
  const name: { port?: number } = {}
  ;(handle as { getsockname(into: object): number }).getsockname(name)
  return name.port ?? 0
}

export const lifecycleCases: readonly CaseDefinition[] = [
  {
    name: 'listens on a free port, serves, and closes with a report (C11)',
    async run(scope) {
      const served = await scope.serve()
      assert.ok(served.address.port > 0, 'the bound port is reported')
      assert.equal(served.address.address, '127.0.0.1')
      const client = await served.connect()
      await client.send(GET)
      const answer = await client.readAnswer()
      assert.equal(answer.status, 200)
      assert.equal(answer.body.toString(), '/hello')
      await client.close()
      const report = await served.engine.close({ timeoutMs: 1000 })
      assert.deepEqual(Object.keys(report).sort(), ['cut', 'drained', 'elapsedMs'])
      assert.equal(report.cut, 0)
      assert.ok(report.elapsedMs >= 0 && report.elapsedMs < 5000, `elapsed ${report.elapsedMs} ms`)
    },
  },
  {
    name: 'listen is refused in every state but idle (1.1)',
    async run(scope) {
      const served = await scope.serve()
      const again = (): Promise<unknown> =>
        served.engine.listen(listenOptions(createBatchMemory()), nothing)
      await expectState(again())
      served.engine.pauseAccept()
      await expectState(again())
      const closing = served.engine.close({ timeoutMs: 100 })
      await expectState(again())
      await closing
      await expectState(again())
    },
  },
  {
    name: 'a taken port fails with the system code, and listen can be tried again (1.1, L-3)',
    async run(scope) {
      const port = await takenPort(scope)
      const engine = scope.engine()
      const memory = createBatchMemory()
      await assert.rejects(
        engine.listen(listenOptions(memory, { port }), nothing),
        (error: { code?: unknown; syscall?: unknown; port?: unknown; address?: unknown }) => {
          assert.equal(error.code, 'EADDRINUSE')
          assert.equal(typeof error.syscall, 'string')
          assert.equal(error.port, port)
          assert.equal(error.address, '127.0.0.1')
          return true
        },
      )
      const address = await engine.listen(listenOptions(memory), nothing)
      assert.ok(address.port > 0)
    },
  },
  {
    name: 'an address of no interface fails with the system code',
    async run(scope) {
      const engine = scope.engine()
      await assert.rejects(
        engine.listen(listenOptions(createBatchMemory(), { host: '192.0.2.1' }), nothing),
        (error: { code?: unknown }) => error.code === 'EADDRNOTAVAIL',
      )
    },
  },
  {
    name: 'the port can be bound again at once after close (C11)',
    async run(scope) {
      let port = 0
      for (let round = 0; round < 5; round++) {
        const served = await scope.serve({}, { port })
        port = served.address.port
        const client = await served.connect()
        await client.send(GET)
        await client.readAnswer()
        await served.engine.close({ timeoutMs: 500 })
        await client.close()
      }
    },
  },
  {
    name: 'a second close returns the promise of the first (C11)',
    async run(scope) {
      const served = await scope.serve()
      const first = served.engine.close({ timeoutMs: 100 })
      assert.equal(served.engine.close({ timeoutMs: 5 }), first)
      await first
      assert.equal(served.engine.close({ timeoutMs: 5 }), first)
    },
  },
  {
    name: 'a closed engine refuses new connections',
    async run(scope) {
      const served = await scope.serve()
      await served.engine.close({ timeoutMs: 100 })
      await assert.rejects(served.connect())
    },
  },
  {
    name: 'two engines in one process do not see each other (C15)',
    async run(scope) {
      const one = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: 'one' }),
      })
      const two = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: 'two' }),
      })
      for (const [served, body] of [
        [one, 'one'],
        [two, 'two'],
        [one, 'one'],
      ] as const) {
        const client = await served.connect()
        await client.send(GET)
        assert.equal((await client.readAnswer()).body.toString(), body)
      }
      await one.engine.close({ timeoutMs: 300 })
      const client = await two.connect()
      await client.send(GET)
      assert.equal((await client.readAnswer()).body.toString(), 'two')
    },
  },
  {
    name: 'start and close many times in one process (C15)',
    guardMs: 60_000,
    async run(scope) {
      const rounds = scope.subject.mode === 'torture' ? 1000 : 40
      const memory = createBatchMemory()
      for (let round = 0; round < rounds; round++) {
        const engine = scope.subject.create()
        await engine.listen(listenOptions(memory), nothing)
        await engine.close({ timeoutMs: 0 })
      }
    },
  },
  {
    name: 'methods are safe in every state (C10, C12)',
    async run(scope) {
      const engine = scope.engine()
      const useAll = (): void => {
        engine.flush()
        assert.equal(engine.peer(0, 0), null)
        const metrics = engine.metrics()
        for (const name of COUNTER_NAMES)
          assert.equal(typeof metrics[name], 'number', `counter ${name}`)
        engine.pauseAccept()
        engine.resumeAccept()
      }
      useAll()
      await engine.listen(listenOptions(createBatchMemory()), nothing)
      useAll()
      const closing = engine.close({ timeoutMs: 100 })
      useAll()
      await closing
      useAll()
    },
  },
  {
    name: 'peer tells the address of the other end, and null for a stale name',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      await client.send(GET)
      await client.readAnswer()
      const { slot, generation } = await served.seen(1)
      assert.deepEqual(served.engine.peer(slot, generation), {
        address: '127.0.0.1',
        port: client.port,
      })
      assert.equal(served.engine.peer(slot, generation + 1), null)
      assert.equal(served.engine.peer(slot + 1000, generation), null)
      assert.equal(served.engine.peer(-1, generation), null)
      await client.close()
      await scope.until(
        () => served.engine.peer(slot, generation) === null,
        'the peer of a closed connection is null',
      )
    },
  },
  {
    name: 'serves IPv6 and IPv4 on one dual-stack socket, v4-mapped peers as IPv4 (L-5)',
    async run(scope) {
      const served = await scope.serve({}, { host: '::' })
      const hosts = served.address.address === '::' ? ['127.0.0.1', '::1'] : ['127.0.0.1']
      for (const [index, host] of hosts.entries()) {
        const client = await scope.connect({ port: served.address.port, host })
        await client.send(GET)
        assert.equal((await client.readAnswer()).status, 200)
        const { slot, generation } = await served.seen(index + 1)
        assert.equal(served.engine.peer(slot, generation)?.address, host)
      }
    },
  },
  {
    name: 'serves a unix socket, without addresses, and removes it (L-7)',
    needs: ['unixSocket'],
    async run(scope) {
      const folder = await mkdtemp(join(tmpdir(), 'celeris-'))
      scope.onEnd(() => rm(folder, { recursive: true, force: true }))
      const path = join(folder, 'socket')
      const served = await scope.serve({}, { path })
      assert.deepEqual(served.address, { address: path, port: 0 })
      const client = await served.connect()
      await client.send(GET)
      assert.equal((await client.readAnswer()).body.toString(), '/hello')
      const { slot, generation } = await served.seen(1)
      assert.deepEqual(served.engine.peer(slot, generation), { address: '', port: 0 })
      await served.engine.close({ timeoutMs: 100 })
      assert.equal(existsSync(path), false, 'the path is gone')
    },
  },
  {
    name: 'serves an inherited descriptor and closes it (L-6)',
    needs: ['inheritFd'],
    async run(scope) {
      const served = await scope.serve({}, { fd: boundDescriptor() })
      assert.ok(served.address.port > 0, 'the port it is bound to')
      const client = await served.connect()
      await client.send(GET)
      assert.equal((await client.readAnswer()).body.toString(), '/hello')
      await served.engine.close({ timeoutMs: 100 })
      await assert.rejects(scope.connect({ port: served.address.port }))
    },
  },
  {
    name: 'an inherited descriptor outlives a listen that failed, and can be tried again (1.1, L-6)',
    needs: ['inheritFd'],
    nativeOnly: 'node closes a descriptor that it cannot listen on',
    async run(scope) {
      // Bound to one port, which only one of them can listen on.
      const taken = await takenPortByDescriptor(scope)
      const engine = scope.engine()
      const memory = createBatchMemory()
      const reference = createReference(engine, memory, {}, scope.signal)
      for (let attempt = 0; attempt < 2; attempt++)
        await assert.rejects(
          engine.listen(listenOptions(memory, { fd: taken.fd }), reference.dispatch),
          {
            syscall: 'listen',
          },
        )
      await taken.release()
      const { port } = await engine.listen(
        listenOptions(memory, { fd: taken.fd }),
        reference.dispatch,
      )
      assert.equal(port, taken.port)
      const client = await scope.connect({ port })
      await client.send(GET)
      assert.equal((await client.readAnswer()).body.toString(), '/hello')
    },
  },
]
