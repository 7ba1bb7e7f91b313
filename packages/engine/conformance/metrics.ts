import assert from 'node:assert/strict'
import type { EngineMetrics } from '@celeris/engine'
import { COUNTER_NAMES } from '@celeris/engine/layout'
import { get } from './request-text.ts'
import type { CaseDefinition } from './scope.ts'

/** What may fall as well as rise. */
const GAUGES: ReadonlySet<string> = new Set([
  'active',
  'queuedBytes',
  'ownedBuffers',
  'pooledBytes',
  'arenaBytes',
  'tableSlots',
  'workers',
  'batchMax',
])

function assertMonotonic(before: EngineMetrics, after: EngineMetrics): void {
  for (const name of COUNTER_NAMES) {
    if (!GAUGES.has(name))
      assert.ok(after[name] >= before[name], `${name} fell from ${before[name]} to ${after[name]}`)
  }
}

const balance = ({ accepted, adopted, closed, released, active }: EngineMetrics): number =>
  accepted + adopted - closed - released - active

export const metricsCases: readonly CaseDefinition[] = [
  {
    name: 'all counters are numbers; connections balance at every step (C12)',
    async run(scope) {
      const served = await scope.serve()
      let before = served.engine.metrics()
      const step = (): void => {
        const after = { ...served.engine.metrics() }
        assert.deepEqual(
          COUNTER_NAMES.filter((name) => !Number.isFinite(after[name])),
          [],
        )
        assert.equal(balance(after), 0)
        assertMonotonic(before, after)
        before = after
      }
      step()
      for (let round = 0; round < 10; round++) {
        const client = await served.connect()
        step()
        await client.send(get('/').repeat(round + 1))
        for (let i = 0; i <= round; i++) await client.readAnswer()
        step()
        if (round % 2 === 0) client.reset()
        await client.close()
        step()
      }
      await scope.until(() => served.engine.metrics().active === 0, 'all are gone')
      step()
      assert.equal(before.accepted, 10)
      assert.equal(before.closed, 10)
      assert.equal(before.requests, 55)
      await served.engine.close({ timeoutMs: 100 })
      step()
    },
  },
  {
    name: 'bytes read and written are the bytes on the wire (9)',
    async run(scope) {
      const served = await scope.serve()
      const client = await served.connect()
      const text = get('/counted').repeat(7)
      await client.send(text)
      let written = 0
      for (let i = 0; i < 7; i++) {
        const answer = await client.readAnswer()
        const lines = answer.fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
        written +=
          `HTTP/1.1 ${answer.status} ${answer.phrase}\r\n${lines}\r\n`.length + answer.body.length
      }
      const metrics = served.engine.metrics()
      assert.equal(metrics.bytesRead, text.length)
      assert.equal(metrics.bytesWritten, written)
    },
  },
]
