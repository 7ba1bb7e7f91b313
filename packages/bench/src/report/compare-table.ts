import type { CompareCase } from '../compare/compare-sides.ts'
import type { Table } from './table.ts'

const percent = (ratio: number): string => {
  const value = (ratio - 1) * 100
  return `${value > 0 ? '+' : ''}${value.toFixed(1)} %`
}

/** What a verdict means, in words. */
export const verdictWords = ({ verdict }: Pick<CompareCase, 'verdict'>): string =>
  verdict === 'same' ? 'no difference' : `B is ${verdict}`

/** The cells that describe one verdict. */
export const compareCells = (one: CompareCase): string[] => [
  percent(one.ratio),
  `${percent(one.interval.low)} .. ${percent(one.interval.high)}`,
  `±${(one.noiseFloor * 100).toFixed(1)} %`,
  one.pValue < 0.001 ? '<0.001' : one.pValue.toFixed(3),
  String(one.cycles),
  verdictWords(one),
]

/** Head of {@link compareCells}. */
export const compareHead: readonly string[] = [
  'CPU/req, B to A',
  '95 %',
  'noise floor',
  'p',
  'cycles',
  'verdict',
]

/** The table of a comparison. */
export const compareTable = (cases: readonly CompareCase[]): Table => ({
  head: ['case', ...compareHead],
  rows: cases.map((one) => [
    `${one.scenario} × ${one.load.connections}${one.load.depth > 1 ? `, ${one.load.depth} deep` : ''}`,
    ...compareCells(one),
  ]),
})
