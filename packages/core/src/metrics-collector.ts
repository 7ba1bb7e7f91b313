// Hot path where it counts. Counters of a server; reading them is cold.
import type { Engine, EngineMetrics } from '@celeris/engine'
import { CONTROL_TURN_MICROSECONDS } from '@celeris/engine/layout'
import type { Handler } from './handler.ts'
import { words } from './memory.ts'

/** Upper bounds of the duration histogram, seconds; one more bucket has no bound. */
export const DURATION_BUCKETS_SEC: readonly number[] = [
  0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5,
]

const BUCKETS_MICROS: readonly number[] = DURATION_BUCKETS_SEC.map((bound) => bound * 1_000_000)

/** Counters at one moment; a frozen copy. */
export interface MetricsSnapshot {
  /** Requests answered or aborted. */
  readonly requests: number
  /** Requests whose handler is running. */
  readonly active: number
  /** Answers by the first digit of their status: index 2 for 2xx. */
  readonly byClass: readonly number[]
  /** Requests by duration, one count per bucket of `DURATION_BUCKETS_SEC` and one above. */
  readonly durations: readonly number[]
  /** Sum of all durations, seconds. */
  readonly durationSumSec: number
  /** Requests whose client left before the answer. */
  readonly aborts: number
  /** Share of one CPU that the process used since the last snapshot; -1 when unknown. */
  readonly cpuRatio: number
  /** Share of time that the engine's loop was not waiting since the last snapshot; -1 when unknown. */
  readonly loopBusyRatio: number
  /** Counters of the engine; null before `listen()`. */
  readonly engine: EngineMetrics | null
}

interface Reading {
  readonly atMs: number
  readonly cpuMicros: number
  readonly idle: number
  readonly busy: number
}

/** Counts the requests of one server. Made in its constructor; reading never throws, in any state. */
export class MetricsCollector {
  /** @internal */ active = 0
  /** @internal */ aborts = 0
  /** @internal */ readonly classes: Float64Array = new Float64Array(6)
  readonly #durations: Float64Array = new Float64Array(DURATION_BUCKETS_SEC.length + 1)
  /** Seconds; in an array, as a number in a field is allocated anew where code is not optimised. */
  readonly #durationSum: Float64Array = new Float64Array(1)
  #engine: Engine | null = null
  #reading: Reading | null = null
  #sources: readonly Handler[] = []
  /** Answers of the last turns, which the engines have not timed yet. */
  readonly #untimed: (() => number)[] = []

  /** @internal */
  attach(engine: Engine): void {
    this.#engine = engine
  }

  /** @internal Functions that may carry counters (core.md M-3). */
  list(functions: readonly Handler[]): void {
    this.#sources = functions
  }

  /** @internal Asks a dispatch for the answers whose duration it will know with the next turn. */
  askUntimed(count: () => number): void {
    this.#untimed.push(count)
  }

  /** The histogram with the last turn, taken to last as long as the one before it. */
  #allDurations(): number[] {
    const durations = [...this.#durations]
    const untimed = this.#untimed.reduce((sum, count) => sum + count(), 0)
    const bucket = this.#bucket((words[CONTROL_TURN_MICROSECONDS] as number) / 1_000_000)
    durations[bucket] = (durations[bucket] as number) + untimed
    return durations
  }

  /**
   * @internal Counts requests that took the same time: those a batch answered synchronously. In whole
   * microseconds, as a fraction would be allocated for the call.
   */
  observe(microseconds: number, count: number): void {
    if (count === 0) return
    let bucket = 0
    while (bucket < BUCKETS_MICROS.length && microseconds > (BUCKETS_MICROS[bucket] as number))
      bucket++
    ;(this.#durations[bucket] as number) += count
    ;(this.#durationSum[0] as number) += (microseconds * count) / 1_000_000
  }

  #bucket(seconds: number): number {
    let bucket = 0
    while (
      bucket < DURATION_BUCKETS_SEC.length &&
      seconds > (DURATION_BUCKETS_SEC[bucket] as number)
    )
      bucket++
    return bucket
  }

  #ratios(engine: EngineMetrics | null): { cpu: number; busy: number } {
    const { user, system } = process.cpuUsage()
    const now: Reading = {
      atMs: performance.now(),
      cpuMicros: user + system,
      idle: engine?.idleMicroseconds ?? 0,
      busy: engine?.busyMicroseconds ?? 0,
    }
    const before = this.#reading
    this.#reading = now
    if (before === null || now.atMs <= before.atMs) return { cpu: -1, busy: -1 }
    const waited = now.idle - before.idle + (now.busy - before.busy)
    return {
      cpu: (now.cpuMicros - before.cpuMicros) / ((now.atMs - before.atMs) * 1000),
      busy: waited > 0 ? (now.busy - before.busy) / waited : -1,
    }
  }

  /** All counters, as a frozen copy; zeros before `listen()`. */
  snapshot(): MetricsSnapshot {
    const engine = this.#engine === null ? null : this.#engine.metrics()
    const { cpu, busy } = this.#ratios(engine)
    const byClass = [...this.classes]
    return Object.freeze({
      requests: byClass.reduce((sum, count) => sum + count, 0) + this.aborts,
      active: this.active,
      byClass: Object.freeze(byClass),
      durations: Object.freeze(this.#allDurations()),
      durationSumSec: this.#durationSum[0] as number,
      aborts: this.aborts,
      cpuRatio: cpu,
      loopBusyRatio: busy,
      engine: engine === null ? null : Object.freeze(engine),
    })
  }

  /** The same in the Prometheus text format 0.0.4, without per-path labels. */
  prometheus(): string {
    const now = this.snapshot()
    const lines: string[] = []
    const metric = (
      name: string,
      type: string,
      help: string,
      ...samples: [labels: string, value: number][]
    ): void => {
      lines.push(`# HELP celeris_${name} ${help}`, `# TYPE celeris_${name} ${type}`)
      for (const [labels, value] of samples) lines.push(`celeris_${name}${labels} ${value}`)
    }
    metric(
      'requests_total',
      'counter',
      'Answers by status class.',
      ...now.byClass
        .slice(2)
        .map((count, index): [string, number] => [`{class="${index + 2}xx"}`, count]),
    )
    const total = now.durations.reduce((sum, count) => sum + count, 0)
    let below = 0
    lines.push(
      '# HELP celeris_request_duration_seconds Head parsed to answer handed over.',
      '# TYPE celeris_request_duration_seconds histogram',
    )
    DURATION_BUCKETS_SEC.forEach((bound, index) => {
      below += now.durations[index] as number
      lines.push(`celeris_request_duration_seconds_bucket{le="${bound}"} ${below}`)
    })
    lines.push(
      `celeris_request_duration_seconds_bucket{le="+Inf"} ${total}`,
      `celeris_request_duration_seconds_sum ${now.durationSumSec}`,
      `celeris_request_duration_seconds_count ${total}`,
    )
    metric('requests_active', 'gauge', 'Requests whose handler is running.', ['', now.active])
    metric('client_aborts_total', 'counter', 'Requests whose client left before the answer.', [
      '',
      now.aborts,
    ])
    metric('process_cpu_ratio', 'gauge', 'Share of one CPU used since the last reading.', [
      '',
      now.cpuRatio,
    ])
    metric(
      'loop_busy_ratio',
      'gauge',
      'Share of time the loop was not waiting since the last reading.',
      ['', now.loopBusyRatio],
    )
    if (now.engine !== null) this.#engineMetrics(now.engine, metric)
    this.#sourceMetrics(metric)
    return `${lines.join('\n')}\n`
  }

  #engineMetrics(
    engine: EngineMetrics,
    metric: (name: string, type: string, help: string, ...samples: [string, number][]) => void,
  ): void {
    const statuses = (['400', '408', '413', '414', '417', '421', '431', '501', '505'] as const).map(
      (status): [string, number] => [`{status="${status}"}`, engine[`status${status}`]],
    )
    metric('protocol_errors_total', 'counter', 'Requests the engine refused.', ...statuses)
    metric(
      'timeouts_total',
      'counter',
      'Timeouts by kind.',
      ['{kind="header"}', engine.timeoutsHeader],
      ['{kind="body"}', engine.timeoutsBody],
      ['{kind="write"}', engine.timeoutsWrite],
      ['{kind="idle"}', engine.timeoutsIdle],
    )
    metric('connections_active', 'gauge', 'Open connections.', ['', engine.active])
    metric('connections_accepted_total', 'counter', 'Connections accepted.', ['', engine.accepted])
    metric('connections_closed_total', 'counter', 'Connections closed.', ['', engine.closed])
    metric('read_bytes_total', 'counter', 'Bytes received.', ['', engine.bytesRead])
    metric('written_bytes_total', 'counter', 'Bytes sent.', ['', engine.bytesWritten])
    metric('engine_switches_total', 'counter', 'Moves from one engine to another.', [
      '',
      engine.switches,
    ])
    metric('workers', 'gauge', 'Loops that serve.', ['', engine.workers])
    metric('engine_info', 'gauge', 'The engine in use.', [
      `{type="${this.#engine?.type ?? ''}",tier=""}`,
      1,
    ])
  }

  /** Counters that middleware carries as `metrics` (core.md M-3). */
  #sourceMetrics(
    metric: (name: string, type: string, help: string, ...samples: [string, number][]) => void,
  ): void {
    for (const source of this.#sources) {
      const { metrics } = source as { metrics?: unknown }
      if (typeof metrics !== 'object' || metrics === null) continue
      const owner = (source.name || 'middleware').replace(/[^A-Za-z0-9_]/g, '_').toLowerCase()
      for (const [name, value] of Object.entries(metrics)) {
        if (typeof value === 'number')
          metric(
            `${owner}_${name.replace(/[^A-Za-z0-9_]/g, '_')}`,
            'gauge',
            `Counter of ${owner}.`,
            ['', value],
          )
      }
    }
  }
}
