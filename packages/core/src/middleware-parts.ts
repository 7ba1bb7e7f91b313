import type { Context } from './context.ts'
import { DeadlineWheel } from './deadline-wheel.ts'
import { decimalText, type HeaderLine, headerLine, setHeaderLine } from './header-line.ts'
import { batchClock } from './memory.ts'
import { conclude, successor } from './successor.ts'

/** When the request was received, on the monotonic clock (`performance.now()`), milliseconds. */
function monotonicStart(c: Context): number {
  return c.startedMono === 0 ? batchClock() : c.startedMono
}

/** What `@celeris/core/middleware` gives out. */
export interface MiddlewareParts {
  readonly conclude: (next: Context) => void
  readonly deadlines: DeadlineWheel
  readonly decimalText: (value: number) => string
  readonly headerLine: (name: string, value: string) => HeaderLine
  readonly monotonicStart: (c: Context) => number
  readonly setHeaderLine: (c: Context, line: HeaderLine) => void
  readonly successor: (c: Context) => Context
}

/** One copy, whichever entry of the package is imported. */
export const middlewareParts: MiddlewareParts = {
  conclude,
  deadlines: new DeadlineWheel(),
  decimalText,
  headerLine,
  monotonicStart,
  setHeaderLine,
  successor,
}
