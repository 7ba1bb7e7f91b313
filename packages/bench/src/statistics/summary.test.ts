import { describe, expect, it } from 'vitest'
import { summarize } from './summary.ts'

describe('summarize', () => {
  it('gives median and quartiles', () => {
    expect(summarize([4, 1, 3, 2, 5])).toEqual({ median: 3, q1: 2, q3: 4, count: 5 })
  })

  it('does not reorder its argument', () => {
    const values = [3, 1, 2]
    summarize(values)
    expect(values).toEqual([3, 1, 2])
  })

  it('has no figure for an empty sample', () => {
    expect(summarize([]).median).toBeNaN()
  })
})
