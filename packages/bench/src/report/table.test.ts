import { describe, expect, it } from 'vitest'
import { drawTable, markdownTable } from './table.ts'

const plan = {
  head: ['server', 'µs', 'note'],
  rows: [
    ['limit', '5.10', 'a | b'],
    ['celeris-epoll', '10.2', ''],
  ],
  words: [2],
}

describe('markdownTable', () => {
  it('pads columns, aligns figures right and escapes bars', () => {
    expect(markdownTable(plan).split('\n')).toEqual([
      '| server        |   µs | note   |',
      '| ------------- | ---: | ------ |',
      '| limit         | 5.10 | a \\| b |',
      '| celeris-epoll | 10.2 |        |',
    ])
  })
})

describe('drawTable', () => {
  it('has no lines and no colours', () => {
    expect(drawTable(plan)).not.toMatch(/\[[\d;]*m|[│─]/)
    expect(drawTable(plan).split('\n')[2]).toMatch(/^celeris-epoll {2}10\.2/)
  })
})
