import CliTable from 'cli-table3'

/** A table before it is drawn, for the terminal or for Markdown. */
export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
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

/** Draws a table for a terminal: aligned columns, no lines, no colours. */
export const drawTable = ({ head, rows }: Table): string => {
  const table = new CliTable({
    head: [...head],
    chars: BARE,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
  })
  for (const row of rows) table.push([...row])
  return table.toString()
}

const escapeCell = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** Writes a table as Markdown; the first column is left-aligned, figures are right-aligned. */
export const markdownTable = ({ head, rows }: Table): string =>
  [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
    .map(
      (row, line) => `| ${row.map((cell) => (line === 1 ? cell : escapeCell(cell))).join(' | ')} |`,
    )
    .join('\n')
