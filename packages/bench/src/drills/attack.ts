import type { Socket } from 'node:net'

/** What an attack is started with; goes to the attackers' process as JSON. */
export interface AttackOrder {
  readonly attack: string
  readonly port: number
  /** Connections at once. */
  readonly connections: number
  /** How long an attack lasts that would not end by itself. */
  readonly durationMs: number
}

/** What attackers saw. */
export interface AttackTally {
  opened: number
  /** Connections that could not be made. */
  refused: number
  /** Connections that the server ended, in good order or by reset. */
  ended: number
  requests: number
  /** Answers by status, of those that were read. */
  readonly statuses: Record<string, number>
  /** Longest time from the first byte to the end by the server. */
  longestMs: number
}

/** What an attack works with. */
export interface AttackContext {
  readonly order: AttackOrder
  readonly tally: AttackTally
  /** Aborted when the attack is to stop. */
  readonly signal: AbortSignal
  /** Opens a connection; resolves with it once it stands, or null when it was refused. */
  open(options?: { readonly reads?: boolean }): Promise<Socket | null>
  /** Says that all attackers are in place. */
  up(): void
}

/** One way to harm a server. Resolves when its connections are over. */
export type Attack = (context: AttackContext) => Promise<void>
