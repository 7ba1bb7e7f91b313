import { setImmediate as turn } from 'node:timers/promises'
import { createBatchMemory } from '@celeris/engine'
import { ABORT_CODE_CLIENT, EVENT_KIND_ABORTED } from '@celeris/engine/layout'
import { expect, test } from 'vitest'
import { BatchTurns } from './batch-turns.ts'
import { RecordWriter } from './record-writer.ts'

const name = { slot: 3, generation: 7, sequence: 1 }
const request = {
  head: { method: 'GET', target: '/', major: 1, minor: 1, fields: [] },
  verdict: {
    status: 0,
    minor: 1,
    flags: 0,
    contentLength: 0,
    hasBody: false,
    pathStart: 0,
    pathEnd: 1,
  },
  body: null,
}

test('a request whose connection ends before its batch is not dispatched (EOF-3)', async () => {
  const memory = createBatchMemory()
  const calls: [requests: number, events: number][] = []
  const turns = new BatchTurns(
    memory,
    new RecordWriter(memory, []),
    (_, requests, events) => void calls.push([requests, events]),
    { drain: () => undefined, onThrow: () => undefined, onBatch: () => undefined },
  )
  turns.pushRequest({ ...name, ...request })
  turns.pushRequest({ ...name, generation: 8, ...request })
  turns.pushEvent({ ...name, kind: EVENT_KIND_ABORTED, code: ABORT_CODE_CLIENT, bytes: null })
  await turn()
  // Only that of the slot's next owner.
  expect(calls).toEqual([[1, 1]])
})
