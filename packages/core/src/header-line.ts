import type { Context } from './context.ts'
import { checkHeader } from './header-check.ts'

/** A header line that was checked once. */
export interface HeaderLine {
  /** Name in lower case. */
  readonly name: string
  readonly value: string
}

/**
 * Checks a header line once, for {@link setHeaderLine} to set without looking again.
 * @throws InvalidHeaderError `CELERIS_INVALID_HEADER` as `c.setHeader` does.
 */
export function headerLine(name: string, value: string): HeaderLine {
  return Object.freeze({ name: checkHeader(name, value), value })
}

/** Sets a header of the answer from a line checked before; its encoded form is kept by the writer. */
export function setHeaderLine(c: Context, line: HeaderLine): void {
  if (line.name !== '') c.responseHeaders().set(line.name, line.value)
}

const decimals: string[] = []
const DECIMALS_MAX = 65_536

/** Decimal text of a small non-negative integer, made once for each up to 65 535. */
export function decimalText(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value >= DECIMALS_MAX) return String(value)
  while (decimals.length <= value) decimals.push(String(decimals.length))
  return decimals[value] as string
}
