// Accepting while the kernel refuses (engines.md §2.3, C13): back off or go on, no spin, recover, say so once.
import assert from 'node:assert/strict'
import type { constants } from 'node:os'
import { ACCEPT_BATCH_MAX } from '@celeris/engine/layout'
import { describe } from 'vitest'
import type { RawClient } from '../../engine/conformance/raw-client.ts'
import { get } from '../../engine/conformance/request-text.ts'
import type { Scope, Served } from '../../engine/conformance/scope.ts'
import { descriptors, faultTest, holdsNothing } from './support/fault-case.ts'
import { faultReport, faults } from './support/faults.ts'

type Errno = keyof typeof constants.errno

async function expectPath(client: RawClient, path: string): Promise<void> {
  await client.send(get(path))
  assert.equal((await client.readAnswer()).body.toString(), path)
}

/** A server that notes its warnings. */
async function serve(scope: Scope): Promise<{ served: Served; warnings: string[] }> {
  const warnings: string[] = []
  const served = await scope.serve({}, { warn: (message) => warnings.push(message) })
  return { served, warnings }
}

describe.each<Errno>(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])(
  'accept4 fails with %s',
  (errno) => {
    faultTest('backs off, warns once, serves everybody later (C13)', async (scope) => {
      const { served, warnings } = await serve(scope)
      const early = await served.connect()
      await expectPath(early, '/early')
      faults({ call: 'accept4', from: 3, times: 5, errno })
      const clients: RawClient[] = []
      for (let i = 0; i < 6; i++) {
        const client = await served.connect()
        await client.send(get(`/${i}`))
        await expectPath(early, '/meanwhile')
        clients.push(client)
      }
      for (const [i, client] of clients.entries())
        assert.equal((await client.readAnswer()).body.toString(), `/${i}`)
      const { hit, made } = faultReport()
      assert.equal(hit.accept4, 5)
      // Six that came, each with one more call that found nobody, and the failures: nothing else asked.
      assert.ok(made.accept4 <= 17, `${made.accept4} calls`)
      const { acceptBackoffs, accepted, rejected, errors } = served.engine.metrics()
      assert.deepEqual([acceptBackoffs, accepted, rejected, errors], [5, 7, 0, 0])
      assert.equal(warnings.length, 1)
      assert.match(warnings[0] as string, /file descriptors/)
    })
  },
)

const PASSING: readonly Errno[] = [
  'EINTR',
  'ECONNABORTED',
  'EPROTO',
  'EPERM',
  'ENETDOWN',
  'EHOSTUNREACH',
]

describe.each(PASSING)('accept4 fails with %s', (errno) => {
  faultTest(
    'the next connection is accepted in the same turn, without a warning (C13)',
    async (scope) => {
      const { served, warnings } = await serve(scope)
      faults({ call: 'accept4', times: 5, errno })
      await expectPath(await served.connect(), '/next')
      assert.equal(faultReport().hit.accept4, 5)
      assert.equal(served.engine.metrics().acceptBackoffs, 0)
      assert.deepEqual(warnings, [])
    },
  )

  faultTest(
    'for as long as nothing else comes it does not spin, and recovers (C13)',
    async (scope) => {
      const { served } = await serve(scope)
      const early = await served.connect()
      await expectPath(early, '/early')
      faults({ call: 'accept4', errno })
      const waiting = await served.connect()
      await waiting.send(get('/waited'))
      await scope.until(() => served.engine.metrics().acceptBackoffs >= 3, 'three batches failed')
      for (let i = 0; i < 200; i++) await expectPath(early, '/served')
      const most = (served.engine.metrics().acceptBackoffs + 1) * ACCEPT_BATCH_MAX
      assert.ok(
        faultReport().made.accept4 <= most,
        `${faultReport().made.accept4} calls, ${most} allowed`,
      )
      faults()
      assert.equal((await waiting.readAnswer()).body.toString(), '/waited')
    },
  )
})

describe('a second without one accepted connection', () => {
  faultTest(
    'the head of the queue is turned away, again and again, until one can be accepted',
    async (scope) => {
      const { served, warnings } = await serve(scope)
      const before = descriptors()
      faults({ call: 'accept4', errno: 'EMFILE' })
      for (let i = 0; i < 2; i++) {
        const client = await served.connect()
        assert.equal((await client.readUntilGone()).bytes.length, 0)
        await client.close()
      }
      assert.equal(served.engine.metrics().rejected, 2)
      faults()
      const client = await served.connect()
      await expectPath(client, '/now')
      await client.close()
      await holdsNothing(scope, served)
      await scope.until(() => descriptors() === before, 'the held-back descriptor is there again')
      assert.equal(warnings.length, 1)
    },
  )
})

describe('a connection that epoll does not take', () => {
  for (const errno of ['ENOMEM', 'ENOSPC'] as const) {
    faultTest(`is closed, counted and leaves nothing (${errno}, C13)`, async (scope) => {
      const { served } = await serve(scope)
      const before = descriptors()
      for (let i = 1; i <= 3; i++) {
        faults({ call: 'epoll_ctl_add', times: 1, errno })
        const client = await served.connect()
        assert.equal((await client.readUntilGone()).bytes.length, 0)
        await client.close()
        assert.equal(served.engine.metrics().errors, i)
      }
      const next = await served.connect()
      await expectPath(next, '/next')
      await next.close()
      await holdsNothing(scope, served)
      await scope.until(() => descriptors() === before, 'descriptors as before')
    })
  }
})

describe('a listener that epoll does not take back', () => {
  faultTest('after a pause is tried again until it does (C10, C13)', async (scope) => {
    const { served } = await serve(scope)
    served.engine.pauseAccept()
    const waiting = await served.connect()
    await waiting.send(get('/waited'))
    faults({ call: 'epoll_ctl_add', times: 4, errno: 'ENOMEM' })
    served.engine.resumeAccept()
    assert.equal((await waiting.readAnswer()).body.toString(), '/waited')
    assert.equal(faultReport().hit.epoll_ctl_add, 4)
  })

  faultTest('after a back-off is tried again until it does (C13)', async (scope) => {
    const { served } = await serve(scope)
    faults(
      { call: 'accept4', times: 1, errno: 'EMFILE' },
      { call: 'epoll_ctl_add', times: 3, errno: 'ENOMEM' },
    )
    await expectPath(await served.connect(), '/late')
    assert.equal(faultReport().hit.epoll_ctl_add, 3)
  })
})

describe('reasons not to accept', () => {
  faultTest(
    'are counted apart: the timer of a back-off does not lift a pause (R15, C10)',
    async (scope) => {
      const { served } = await serve(scope)
      const early = await served.connect()
      await expectPath(early, '/early')
      faults({ call: 'accept4', errno: 'EMFILE' })
      const waiting = await served.connect()
      await waiting.send(get('/waited'))
      await scope.until(
        () => served.engine.metrics().acceptBackoffs === 3,
        'backed off three times',
      )
      served.engine.pauseAccept()
      faults()
      // Another server's timer of the same clock: longer than any back-off by now.
      const clock = await scope.serve({}, { idleTimeoutMs: 400 })
      await (await clock.connect()).readEnd()
      await expectPath(early, '/still')
      assert.equal(faultReport().made.accept4, 2, 'only the other server asked')
      assert.equal(served.engine.metrics().accepted, 1)
      served.engine.resumeAccept()
      assert.equal((await waiting.readAnswer()).body.toString(), '/waited')
    },
  )

  faultTest(
    'a pause ended during a back-off waits for the back-off, and close ends both (R15, C10)',
    async (scope) => {
      const { served } = await serve(scope)
      const early = await served.connect()
      await expectPath(early, '/early')
      faults({ call: 'accept4', errno: 'EMFILE' })
      const waiting = await served.connect()
      await scope.until(() => served.engine.metrics().acceptBackoffs === 2, 'backed off twice')
      served.engine.pauseAccept()
      const { accept4 } = faultReport().made
      served.engine.resumeAccept()
      await expectPath(early, '/still')
      served.engine.pauseAccept()
      const asked = faultReport().made.accept4
      assert.ok(asked <= accept4 + 1, `asked ${asked - accept4} times`)
      await served.engine.close({ timeoutMs: 2000 })
      assert.equal((await waiting.readUntilGone()).bytes.length, 0)
      assert.equal(served.engine.metrics().active, 0)
    },
  )
})
