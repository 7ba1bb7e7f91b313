import assert from 'node:assert/strict'
import { createBatchMemory } from '@celeris/engine'
import { listenOptions } from './listen-options.ts'
import { createReference } from './reference-dispatch.ts'
import { get } from './request-text.ts'
import type { CaseDefinition } from './scope.ts'

export const acceptControlCases: readonly CaseDefinition[] = [
  {
    name: 'paused: nobody new is served, accepted connections go on; resumed: nobody is lost (C10)',
    async run(scope) {
      const served = await scope.serve()
      const old = await served.connect()
      await old.send(get('/old'))
      await old.readAnswer()
      served.engine.pauseAccept()
      served.engine.pauseAccept()
      const waiting = []
      for (let i = 0; i < 5; i++) {
        const client = await served.connect()
        await client.send(get(`/new${i}`))
        waiting.push(client)
      }
      for (let i = 0; i < 20; i++) {
        await old.send(get('/old'))
        assert.equal((await old.readAnswer()).status, 200)
      }
      assert.ok(served.requests.every(({ path }) => path === '/old'))
      served.engine.resumeAccept()
      served.engine.resumeAccept()
      for (const [index, client] of waiting.entries())
        assert.equal((await client.readAnswer()).body.toString(), `/new${index}`)
    },
  },
  {
    name: 'pauseAccept before listen starts paused (1.1, L-11)',
    async run(scope) {
      const engine = scope.engine()
      engine.pauseAccept()
      const memory = createBatchMemory()
      const reference = createReference(engine, memory, {}, scope.signal)
      const { port } = await engine.listen(listenOptions(memory), reference.dispatch)
      const client = await scope.connect({ port })
      await client.send(get('/early'))
      // Another engine in the same loop serves round trips meanwhile.
      const clock = await scope.serve()
      for (let i = 0; i < 20; i++) {
        const other = await clock.connect()
        await other.send(get('/'))
        await other.readAnswer()
      }
      assert.equal(reference.requests.length, 0)
      engine.resumeAccept()
      assert.equal((await client.readAnswer()).body.toString(), '/early')
    },
  },
  {
    name: 'any interleaving of pause, resume and close ends closed (C10)',
    async run(scope) {
      for (const order of ['pc', 'prc', 'cp', 'cr', 'pcr', 'rpcpr']) {
        const served = await scope.serve()
        const client = await served.connect()
        await client.send(get('/'))
        await client.readAnswer()
        let closing: Promise<unknown> = Promise.resolve()
        for (const step of order) {
          if (step === 'p') served.engine.pauseAccept()
          else if (step === 'r') served.engine.resumeAccept()
          else closing = served.engine.close({ timeoutMs: 200 })
        }
        await closing
        assert.equal((await client.readUntilGone()).bytes.length, 0)
        await assert.rejects(served.connect())
      }
    },
  },
]
