import { describe, expect, it } from 'vitest'
import { type Bar, besidePrototype, valueBar } from '../bars/bar.ts'
import { barsTable } from './bars-table.ts'

const met: Bar = valueBar('RSS idle', 40, 'MiB', 48)
const missed: Bar = besidePrototype(valueBar('in-process', 100, 'ns', 90), '42 ns')

describe('barsTable', () => {
  it('has the figure of the prototype beside ours, and a dash where there is none', () => {
    const { head, rows } = barsTable([met, missed], false)
    const at = head.indexOf('prototype')
    expect(rows.map((row) => row[at])).toEqual(['–', '42 ns'])
  })

  it('shows losses first where a reader is to see them', () => {
    const { rows } = barsTable([met, missed], true)
    expect(rows.map(([figure]) => figure)).toEqual(['in-process', 'RSS idle'])
  })
})
