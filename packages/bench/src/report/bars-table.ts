import type { Bar } from '../bars/bar.ts'
import type { Table } from './table.ts'

const order = { missed: 0, 'not measured': 1, met: 2 } as const

/** The table of bars, in the order of the promises; losses first where a reader is to see them. */
export const barsTable = (bars: readonly Bar[], lossesFirst: boolean): Table => {
  const sorted = lossesFirst ? [...bars].sort((a, b) => order[a.verdict] - order[b.verdict]) : bars
  return {
    head: ['figure', 'measured', 'prototype', 'bar', 'verdict', 'note'],
    words: [4, 5],
    rows: sorted.map(({ figure, measured, prototype, bar, verdict, note }) => [
      figure,
      measured,
      prototype || '–',
      bar,
      verdict,
      note,
    ]),
  }
}
