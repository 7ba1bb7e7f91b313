/** Codes of {@link BenchError}; each is one thing the user can put right (table in the README). */
export const benchErrorCodes = [
  'CELERIS_BENCH_ARGUMENT',
  'CELERIS_BENCH_COMPILER',
  'CELERIS_BENCH_GENERATOR',
  'CELERIS_BENCH_SERVER',
  'CELERIS_BENCH_ANSWER',
  'CELERIS_BENCH_REDIS',
  'CELERIS_BENCH_PEER',
  'CELERIS_BENCH_REVISION',
  'CELERIS_BENCH_REPORT',
  'CELERIS_BENCH_INTERRUPTED',
] as const

/** One of {@link benchErrorCodes}. */
export type BenchErrorCode = (typeof benchErrorCodes)[number]

/** What a bench command could not do, and what to do about it. */
export class BenchError extends Error {
  readonly code: BenchErrorCode

  constructor(code: BenchErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'BenchError'
    this.code = code
  }
}

/** One line of a message that may hold a stack trace: what happened, and the line that says why. */
export const shortReason = (message: string): string => {
  const [first = '', ...rest] = message.split('\n')
  const cause = rest.find((line) => /^\w*Error\b/.test(line))
  return cause ? `${first}: ${cause}` : first
}
