/** A line that says where a long command stands. */
export interface Progress {
  update(done: number, label: string): void
  end(): void
}

/** Where progress goes: a terminal gets one line that is redrawn, anything else a line per change. */
export interface ProgressTarget {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const REDRAW_MS = 100

/** Shows label, share done and time left, from the time taken so far. */
export const createProgress = (
  target: ProgressTarget,
  steps: number,
  now: () => number = Date.now,
): Progress => {
  const begin = now()
  let label = ''
  let drawnAt = 0
  return {
    update(done, next) {
      const at = now()
      if (!target.isTTY) {
        if (next !== label) target.write(`${next}\n`)
        label = next
        return
      }
      if (next === label && at - drawnAt < REDRAW_MS) return
      label = next
      drawnAt = at
      const left = done > 0 ? Math.ceil((((at - begin) / done) * (steps - done)) / 1000) : undefined
      const share = Math.floor((100 * done) / Math.max(1, steps))
      target.write(`\r\u001b[K${label}  ${share} %${left === undefined ? '' : `, ${left} s left`}`)
    },
    end() {
      if (target.isTTY) target.write('\r\u001b[K')
    },
  }
}
