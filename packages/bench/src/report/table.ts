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

/**
 * Writes a table as Markdown with padded columns, as formatters of Markdown leave it: a document that
 * got new figures must not fail its format check.
 */
export const markdownTable = (plan: Table): string => {
  const cells = [plan.head, ...plan.rows].map((row) => row.map(escapeCell))
  const widths = plan.head.map((_, column) =>
    Math.max(3, ...cells.map((row) => [...(row[column] ?? '')].length)),
  )
  const lines = cells.map((row) =>
    row.map((cell, column) => {
      const gap = ' '.repeat((widths[column] ?? 0) - [...cell].length)
      return isWords(plan, column) ? cell + gap : gap + cell
    }),
  )
  const rule = widths.map((width, column) =>
    isWords(plan, column) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  )
  const [head = [], ...rows] = lines
  return [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
