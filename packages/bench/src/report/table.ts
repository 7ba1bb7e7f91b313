import CliTable from 'cli-table3'

/** A table before it is drawn, for the terminal or for Markdown. */
export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Columns of words, aligned left; the first always is. Figures are aligned right. */
  readonly words?: readonly number[]
}

const BARE = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} as const

const isWords = ({ words = [] }: Table, column: number): boolean =>
  column === 0 || words.includes(column)

/** Draws a table for a terminal: aligned columns, no lines, no colours. */
export const drawTable = (plan: Table): string => {
  const { head, rows } = plan
  const table = new CliTable({
    head: [...head],
    chars: BARE,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, column) => (isWords(plan, column) ? 'left' : 'right')),
  })
  for (const row of rows) table.push([...row])
  return table.toString()
}

const escapeCell = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** Writes a table as Markdown. */
export const markdownTable = (plan: Table): string =>
  [plan.head, plan.head.map((_, column) => (isWords(plan, column) ? '---' : '---:')), ...plan.rows]
    .map(
      (row, line) => `| ${row.map((cell) => (line === 1 ? cell : escapeCell(cell))).join(' | ')} |`,
    )
    .join('\n')
