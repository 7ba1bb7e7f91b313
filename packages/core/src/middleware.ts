// For authors of middleware. Everything with state lives in the package's main entry.
import { type Context, middlewareParts } from '@celeris/core'
import type { DeadlineWheel, Expirable } from './deadline-wheel.ts'
import type { HeaderLine } from './header-line.ts'

export type { DeadlineWheel, Expirable, HeaderLine }

/**
 * The deadlines of this process: one timer for all of them, running only while one is filed and never keeping the
 * process alive. An entry carries its own links, so filing allocates nothing. Never early, at most 20 ms late.
 */
export const deadlines: DeadlineWheel = middlewareParts.deadlines

/**
 * Takes the answer of a request away from its handler, which has not settled: the context given back answers in its
 * place, once, with headers of its own. The handler's context can still read; what it answers is dropped.
 * Give the answer, then call {@link conclude}.
 * @throws ServerStateError `CELERIS_SUCCESSOR` when the handler is synchronous, has settled, or has a successor.
 */
export function successor(c: Context): Context {
  return middlewareParts.successor(c)
}

/** Hands over the answer that a successor was given. */
export function conclude(next: Context): void {
  middlewareParts.conclude(next)
}

/** When the request was received on the monotonic clock of `performance.now()`, ms; read once per batch. */
export function monotonicStart(c: Context): number {
  return middlewareParts.monotonicStart(c)
}

/**
 * Checks a header line once, for {@link setHeaderLine}.
 * @throws InvalidHeaderError `CELERIS_INVALID_HEADER` for what cannot stand in a header.
 */
export function headerLine(name: string, value: string): HeaderLine {
  return middlewareParts.headerLine(name, value)
}

/** Sets a header of the answer from a line that was checked before. */
export function setHeaderLine(c: Context, line: HeaderLine): void {
  middlewareParts.setHeaderLine(c, line)
}

/** Decimal text of a number; made once for integers from 0 to 65 535. */
export function decimalText(value: number): string {
  return middlewareParts.decimalText(value)
}
