// Deadlines of requests: one timer for all of them, an intrusive list per tick, nothing allocated per deadline.

/** What a wheel can hold; the links belong to the wheel. */
export interface Expirable {
  deadlineAt: number
  deadlineNext: Expirable | null
  deadlinePrevious: Expirable | null
  /** Slot it is in; -1 when it is in none. */
  deadlineSlot: number
  /** Called once when the time is up, never early. */
  expire(): void
}

const TICK_MS = 10
const SLOTS = 512
/** Slot of an entry that is being filed again. */
const WAITING = -2

/** A timer wheel with ticks of 10 ms. Its timer runs only while something is filed, and never keeps the process alive. */
export class DeadlineWheel {
  readonly #slots: (Expirable | null)[] = new Array<Expirable | null>(SLOTS).fill(null)
  readonly #now: () => number
  readonly #waiting: Expirable[] = []
  #count = 0
  #swept = 0
  #timer: NodeJS.Timeout | null = null

  /** @param now monotonic clock, milliseconds; tests pass their own. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Number of deadlines filed. */
  get size(): number {
    return this.#count
  }

  /** Files a deadline `ms` milliseconds from now; moves it when it is filed already. */
  add(entry: Expirable, ms: number): void {
    this.remove(entry)
    const now = this.#now()
    entry.deadlineAt = now + ms
    if (this.#count === 0) this.#swept = Math.floor(now / TICK_MS)
    this.#file(entry)
    this.#count++
    if (this.#timer === null) {
      this.#timer = setInterval(() => this.sweep(), TICK_MS)
      this.#timer.unref()
    }
  }

  #file(entry: Expirable): void {
    // Rounded up: never early. What lies beyond the wheel waits in its farthest slot and is filed again.
    const tick = Math.min(Math.ceil(entry.deadlineAt / TICK_MS), this.#swept + SLOTS - 1)
    const slot = Math.max(tick, this.#swept + 1) % SLOTS
    const first = this.#slots[slot] as Expirable | null
    entry.deadlineSlot = slot
    entry.deadlinePrevious = null
    entry.deadlineNext = first
    if (first !== null) first.deadlinePrevious = entry
    this.#slots[slot] = entry
  }

  #unlink(entry: Expirable): void {
    if (entry.deadlinePrevious === null) this.#slots[entry.deadlineSlot] = entry.deadlineNext
    else entry.deadlinePrevious.deadlineNext = entry.deadlineNext
    if (entry.deadlineNext !== null) entry.deadlineNext.deadlinePrevious = entry.deadlinePrevious
    entry.deadlineSlot = -1
    entry.deadlineNext = null
    entry.deadlinePrevious = null
  }

  /** Takes a deadline out; nothing happens when it is in none. */
  remove(entry: Expirable): void {
    if (entry.deadlineSlot === WAITING) entry.deadlineSlot = -1
    else if (entry.deadlineSlot < 0) return
    else this.#unlink(entry)
    this.#count--
    if (this.#count === 0) this.#stop()
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Expires what is due. Called by the timer. */
  sweep(): void {
    const now = this.#now()
    const tick = Math.floor(now / TICK_MS)
    if (tick - this.#swept > SLOTS) this.#swept = tick - SLOTS
    while (this.#swept < tick && this.#count > 0) {
      this.#swept++
      this.#empty(this.#swept % SLOTS, now)
    }
    if (this.#count === 0) this.#stop()
  }

  /** Expires what is due in a slot and files the rest again. What expires may add and remove others. */
  #empty(slot: number, now: number): void {
    const waiting = this.#waiting
    for (
      let entry = this.#slots[slot] as Expirable | null;
      entry !== null;
      entry = this.#slots[slot] as Expirable | null
    ) {
      this.#unlink(entry)
      if (entry.deadlineAt > now) {
        entry.deadlineSlot = WAITING
        waiting.push(entry)
      } else {
        this.#count--
        entry.expire()
      }
    }
    for (const entry of waiting) if (entry.deadlineSlot === WAITING) this.#file(entry)
    waiting.length = 0
  }
}
