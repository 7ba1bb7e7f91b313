import { readFile } from 'node:fs/promises'
import { BenchError } from '../errors.ts'
import type { Report } from './markdown.ts'

const isReport = (value: unknown): value is Report =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  'format' in value &&
  value.format === 1 &&
  ['run', 'bars', 'compare', 'redis'].includes(String(value.kind))

/**
 * Reads a report that `--json` wrote.
 *
 * @throws BenchError `CELERIS_BENCH_REPORT` when the file is missing or something else.
 */
export const readReport = async (file: string): Promise<Report> => {
  let value: unknown
  try {
    value = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new BenchError('CELERIS_BENCH_REPORT', `${file} is no report: ${why}`, { cause })
  }
  if (isReport(value)) return value
  throw new BenchError(
    'CELERIS_BENCH_REPORT',
    `${file} is no report of this version: make one with --json`,
  )
}
