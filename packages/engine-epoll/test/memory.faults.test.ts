// ENOMEM from every allocation in turn (engines.md §10, C13, C9): that connection or that listen fails cleanly, nothing
// leaks, the next one works.
import assert from 'node:assert/strict'
import net from 'node:net'
import { createBatchMemory } from '@celeris/engine'
import { describe } from 'vitest'
import { listenOptions } from '../../engine/conformance/listen-options.ts'
import { get } from '../../engine/conformance/request-text.ts'
import { descriptors, faultTest, holdsNothing } from './support/fault-case.ts'
import { ALLOCATIONS, faultReport, faults } from './support/faults.ts'
import { VISITS, visited, visitOrCut } from './support/visits.ts'

const hits = (): number => {
  const { hit } = faultReport()
  return ALLOCATIONS.reduce((sum, call) => sum + hit[call], 0)
}

describe('a connection whose n-th allocation fails', () => {
  for (const [name, visit] of Object.entries(VISITS)) {
    faultTest(name, async (scope) => {
      const served = await scope.serve(visited())
      let failures = 0
      for (let n = 1; ; n++) {
        faults(
          { call: ALLOCATIONS, from: n, times: 1, errno: 'ENOMEM' },
          { call: 'send', every: 2, errno: 'EAGAIN' },
          { call: 'send', take: [1000], times: 5 },
        )
        const client = await served.connect()
        const whole = await visitOrCut(client, visit)
        const struck = hits()
        assert.ok(whole || struck === 1, `allocation ${n}: cut, although no allocation failed`)
        if (!whole) failures++
        await client.close()
        faults()
        await holdsNothing(scope, served)
        const next = await served.connect()
        await next.send(get('/next'))
        assert.equal((await next.readAnswer()).body.toString(), '/next ', `after allocation ${n}`)
        await next.close()
        if (struck === 0) break
      }
      assert.ok(failures > 0, 'some allocation was met')
      assert.ok(served.engine.metrics().errors >= failures)
    })
  }
})

const CALLS_OF_LISTEN = [
  ...ALLOCATIONS,
  'socket',
  'bind',
  'listen',
  'epoll_create1',
  'epoll_ctl_add',
] as const

describe('listen whose n-th allocation or system call fails', () => {
  faultTest(
    'rejects with its code, leaves no descriptor, and can be tried again (1.1)',
    async (scope) => {
      const warm = await scope.serve()
      await warm.engine.close({ timeoutMs: 0 })
      const met = new Set<string>()
      for (let n = 1; ; n++) {
        const before = descriptors()
        const engine = scope.engine()
        const options = listenOptions(createBatchMemory(), scope.subject.listen)
        faults({ call: CALLS_OF_LISTEN, from: n, times: 1, errno: 'ENOMEM' })
        const failed = await engine
          .listen(options, () => undefined)
          .then(
            () => undefined,
            (error: unknown) => error as { code?: string; syscall?: string },
          )
        const { hit } = faultReport()
        const struck = CALLS_OF_LISTEN.find((call) => hit[call] > 0)
        faults()
        if (struck === undefined) {
          assert.equal(failed, undefined)
          assert.deepEqual(
            [...met].sort(),
            CALLS_OF_LISTEN.filter((call) => call !== 'malloc').sort(),
          )
          return
        }
        met.add(struck)
        assert.deepEqual([struck, failed?.code], [struck, 'ENOMEM'])
        assert.equal(descriptors(), before, `descriptors after ${struck} failed`)
        const again = await scope.serve()
        const client = await again.connect()
        await client.send(get('/again'))
        assert.equal((await client.readAnswer()).body.toString(), '/again')
        await client.close()
        const { port } = await engine.listen(options, () => undefined)
        assert.ok(port > 0)
        await engine.close({ timeoutMs: 0 })
        await again.engine.close({ timeoutMs: 0 })
      }
    },
  )
})

/** Handles whose descriptors were given away; closing one would close a stranger. */
const givenAway: object[] = []

/** A descriptor of a bound stream socket, as a service manager hands it over. */
function boundDescriptor(): number {
  const { _createServerHandle: create } = net as unknown as {
    _createServerHandle(address: string, port: number, family: 4): { readonly fd: number }
  }
  const handle = create('127.0.0.1', 0, 4)
  givenAway.push(handle)
  return handle.fd
}

describe('listen on an inherited descriptor', () => {
  faultTest(
    'a failure leaves the descriptor to its owner, who may try again (1.1, L-6)',
    async (scope) => {
      for (const call of ['listen', 'epoll_create1', 'epoll_ctl_add'] as const) {
        const engine = scope.engine()
        const fd = boundDescriptor()
        const options = listenOptions(createBatchMemory(), { ...scope.subject.listen, fd })
        faults({ call, times: 1, errno: 'ENOMEM' })
        await assert.rejects(engine.listen(options, () => undefined))
        assert.equal(faultReport().hit[call], 1)
        faults()
        const { port } = await engine.listen(options, () => undefined)
        await (await scope.connect({ port })).close()
        await engine.close({ timeoutMs: 0 })
      }
    },
  )
})
