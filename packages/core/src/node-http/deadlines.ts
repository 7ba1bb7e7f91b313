// One timer for all connections. Activity only stores a time; a due check asks each connection for its real deadline.
import { WHEEL_TICK_MS } from '@celeris/engine/layout'

/** Something with at most one deadline at a time, in milliseconds of `performance.now()`. */
export interface Deadlined {
  /** Infinity when nothing is timed. */
  deadline(): number
  expire(now: number): void
}

export class Deadlines {
  readonly #members = new Set<Deadlined>()
  #timer: NodeJS.Timeout | null = null
  #armedFor = Number.POSITIVE_INFINITY

  add(member: Deadlined): void {
    this.#members.add(member)
    this.moved(member)
  }

  remove(member: Deadlined): void {
    this.#members.delete(member)
    if (this.#members.size === 0) this.#disarm()
  }

  /** Call when a deadline may have come nearer; one that moved away is noticed when it is due. */
  moved(member: Deadlined): void {
    const deadline = member.deadline()
    if (deadline < this.#armedFor) this.#arm(deadline)
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#armedFor = Number.POSITIVE_INFINITY
  }

  #arm(deadline: number): void {
    this.#disarm()
    this.#armedFor = deadline
    // Half a tick later than asked at most, so that deadlines close together share one check; never earlier.
    const delay = Math.ceil(deadline - performance.now()) + WHEEL_TICK_MS / 2
    this.#timer = setTimeout(() => this.#check(), Math.min(Math.max(delay, 1), 2 ** 31 - 1))
    // The listening socket keeps the process alive, not its timers.
    this.#timer.unref()
  }

  #check(): void {
    this.#disarm()
    const now = performance.now()
    let next = Number.POSITIVE_INFINITY
    for (const member of [...this.#members]) {
      if (member.deadline() <= now) member.expire(now)
      if (this.#members.has(member)) next = Math.min(next, member.deadline())
    }
    if (next < this.#armedFor) this.#arm(next)
  }
}
