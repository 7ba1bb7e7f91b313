/** Codes of {@link BenchError}; each is one thing the user can put right. */
export type BenchErrorCode =
  | 'CELERIS_BENCH_ARGUMENT'
  | 'CELERIS_BENCH_COMPILER'
  | 'CELERIS_BENCH_GENERATOR'
  | 'CELERIS_BENCH_SERVER'
  | 'CELERIS_BENCH_ANSWER'
  | 'CELERIS_BENCH_PEER'
  | 'CELERIS_BENCH_REVISION'
  | 'CELERIS_BENCH_REPORT'
  | 'CELERIS_BENCH_INTERRUPTED'

/** What a bench command could not do, and what to do about it. */
export class BenchError extends Error {
  readonly code: BenchErrorCode

  constructor(code: BenchErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'BenchError'
    this.code = code
  }
}
