import assert from 'node:assert/strict'
import { createBatchMemory } from '@celeris/engine'
import { collectBodies } from './body-collector.ts'
import { assertSameFootprint, footprint } from './footprint.ts'
import { listenOptions } from './listen-options.ts'
import { chunk, chunkedHead, get, lastChunk, post } from './request-text.ts'
import type { CaseDefinition, Scope } from './scope.ts'

const WAYS = ['close', 'reset', 'half', 'pipelined', 'chunked', 'garbage', 'partial'] as const

async function visit(port: number, scope: Scope, way: (typeof WAYS)[number]): Promise<void> {
  const client = await scope.connect({ port })
  if (way === 'close') {
    await client.send(get('/', 'connection: close'))
    await client.readAnswer()
    await client.readEnd()
  } else if (way === 'reset') {
    await client.send(get('/'))
    client.reset()
  } else if (way === 'half') {
    await client.send(post('/', 'body'))
    client.end()
    await client.readAnswer()
    await client.readEnd()
  } else if (way === 'pipelined') {
    await client.send(get('/').repeat(10))
    for (let i = 0; i < 10; i++) await client.readAnswer()
  } else if (way === 'chunked') {
    await client.send(chunkedHead('/') + chunk('abc') + lastChunk)
    await client.readAnswer()
  } else if (way === 'garbage') {
    await client.send('\x16\x03\x01')
    await client.readUntilGone()
  } else await client.send('GET / HT')
  await client.close()
}

export const soakCases: readonly CaseDefinition[] = [
  {
    name: 'connection churn of every kind leaves no descriptor and no connection (C15, faults)',
    guardMs: 120_000,
    async run(scope) {
      // Warm-up: what the process opens once stays open.
      const warm = await scope.serve(collectBodies())
      for (const way of WAYS) await visit(warm.address.port, scope, way)
      await warm.engine.close({ timeoutMs: 0 })
      const before = await footprint()
      const served = await scope.serve(collectBodies())
      const rounds = scope.subject.mode === 'torture' ? 5000 : 60
      for (let round = 0; round < rounds; round++) {
        await Promise.all(WAYS.map((way) => visit(served.address.port, scope, way)))
      }
      await scope.until(() => served.engine.metrics().active === 0, 'active is back to 0')
      const metrics = served.engine.metrics()
      assert.equal(metrics.accepted, metrics.closed)
      assert.equal(metrics.queuedBytes, 0)
      assert.equal(metrics.ownedBuffers, 0)
      await served.engine.close({ timeoutMs: 0 })
      await assertSameFootprint(scope, before)
    },
  },
  {
    name: 'open connections at close leave no descriptor and no thread (C11)',
    async run(scope) {
      const memory = createBatchMemory()
      const before = await footprint()
      for (let round = 0; round < 5; round++) {
        const engine = scope.subject.create()
        const { port } = await engine.listen(listenOptions(memory), () => undefined)
        const clients = await Promise.all(Array.from({ length: 10 }, () => scope.connect({ port })))
        for (const client of clients.slice(5)) await client.send(get('/'))
        await engine.close({ timeoutMs: 50 })
        for (const client of clients) await client.close()
      }
      await assertSameFootprint(scope, before)
    },
  },
  {
    name: 'an idle connection owns no buffer (2.5, BP-4)',
    async run(scope) {
      const served = await scope.serve(collectBodies())
      const client = await served.connect()
      await client.sendPieces(post('/', 'x'.repeat(300)), 50)
      await client.readAnswer()
      assert.equal(served.engine.metrics().ownedBuffers, 0)
    },
  },
]
