import type { Connection } from '../workload/connection.ts'
import type { Exchange } from '../workload/exchange.ts'
import type { Random } from '../workload/random.ts'
import type { WorkloadEngine } from '../workload/start-workload.ts'

/** One visit of one client: what it works with. */
export interface Visit {
  readonly random: Random
  readonly engine: WorkloadEngine
  /** Opens a connection that is destroyed when the visit is over. */
  connect(): Promise<Connection>
  /** An id that no other request has. */
  id(): string
  /** Makes an exchange with an id of its own. */
  make(maker: (random: Random, id: string) => Exchange): Exchange
  /** Counts replies that were compared. */
  checked(replies: number): void
}

/** A kind of client. A visit ends by itself, or throws at the first wrong byte. */
export interface SoakClient {
  readonly name: string
  /** Share of the clients, in parts of the sum. */
  readonly weight: number
  visit(visit: Visit): Promise<void>
}
