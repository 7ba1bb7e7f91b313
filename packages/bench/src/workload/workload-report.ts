/** What the workload server says about itself. */
export interface WorkloadReport {
  /** The engine's counters. */
  readonly engine: Readonly<Record<string, number>>
  /** Requests whose handler runs. */
  readonly active: number
  readonly requests: number
  readonly aborts: number
  /** Open descriptors; -1 where the system does not tell. */
  readonly descriptors: number
  readonly rssBytes: number
  /** Errors nobody handled, or that the server logged. */
  readonly notes: readonly string[]
  /** What was warned about, and how often. */
  readonly warnings: Readonly<Record<string, number>>
}
