import { describe, expect, it } from 'vitest'
import { allocationsOf } from './in-process.ts'

const round = (requests: number, engineAllocations: number, jsAllocations: number) => ({
  requests,
  turns: 100,
  cpuNs: 1,
  parseNs: 1,
  jsNs: 1,
  emitNs: 1,
  engineAllocations,
  jsAllocations,
})

describe('allocationsOf', () => {
  it('tells what a turn allocates from what its requests allocate', () => {
    const found = allocationsOf({
      deep: [round(1600, 0, 100), round(1600, 3, 250)],
      single: [round(100, 0, 100), round(100, 0, 107)],
    })
    expect(found).toEqual({ enginePerRequest: 0, jsPerRequest: 0, perTurn: 1 })
  })

  it('sees one allocation per request on either side', () => {
    const found = allocationsOf({
      deep: [round(1600, 1600, 1700)],
      single: [round(100, 100, 200)],
    })
    expect(found).toEqual({ enginePerRequest: 1, jsPerRequest: 1, perTurn: 2 })
  })
})
