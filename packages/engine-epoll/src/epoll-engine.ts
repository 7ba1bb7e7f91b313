import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import {
  CelerisError,
  type Dispatch,
  type DrainReport,
  type Engine,
  type EngineMetrics,
  EngineStateError,
  EngineUnavailableError,
  type ListenAddress,
  type ListenOptions,
  listenFailure,
  type PeerAddress,
} from '@celeris/engine'
import {
  COUNTER_NAMES,
  COUNTERS,
  EVENTS_ARRAY_MAX,
  INLINE_BODY_BYTES_MAX,
} from '@celeris/engine/layout'
import { type Addon, type AddonOptions, type Handle, loadAddon } from './addon.ts'
import { availableCpus } from './available-cpus.ts'
import { probe } from './probe.ts'
import { systemErrorCode } from './system-error.ts'

/** Options of {@link epollEngine}. */
export interface EpollEngineOptions {
  /**
   * Ready events taken in one wait; the array is clamped to 2 048 (24 KiB).
   * What does not fit shows in the next wait, nothing is lost.
   * @defaultValue 8192
   * @throws CelerisError `CELERIS_CONFIG` unless an integer from 16 to 8192.
   */
  maxEvents?: number
}

// The engine that blocks in its own wait holds libuv's descriptor there; a second one in the isolate must not.
const BLOCKING = Symbol.for('celeris.blockingEngine')
const owner = globalThis as { [BLOCKING]?: object | undefined }
const SPIN_US = 50

/** Whether a host is an address and no name: names hold neither a colon nor digits and dots alone. */
const isNumericAddress = (host: string): boolean => host.includes(':') || /^[\d.]+$/.test(host)

/** The resolver is loaded for names only: most servers bind an address. */
async function resolveHost(options: ListenOptions): Promise<string> {
  const { lookup } = await import('node:dns/promises')
  try {
    return (await lookup(options.host)).address
  } catch (error) {
    const { code = 'ENOTFOUND', syscall } = error as NodeJS.ErrnoException
    throw listenFailure(code, options, { syscall, cause: error })
  }
}

class EpollEngine implements Engine {
  readonly type = 'epoll'
  readonly capabilities = { hijack: true, unixSocket: true, inheritFd: true } as const
  readonly flushesItself = true
  readonly #maxEvents: number
  #addon: Addon | undefined
  #handle: Handle | undefined
  #state: 'idle' | 'opening' | 'listening' | 'closing' | 'closed' = 'idle'
  #paused = false
  #closing: Promise<DrainReport> | undefined
  #closed: (report: DrainReport) => void = () => {}
  readonly #counters: Float64Array = new Float64Array(COUNTERS)

  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents
  }

  async listen(options: ListenOptions, dispatch: Dispatch): Promise<ListenAddress> {
    if (this.#state !== 'idle')
      throw new EngineStateError(`listen() needs an idle engine, this one is ${this.#state}`)
    const { available, reason } = probe()
    if (!available) throw new EngineUnavailableError(`the epoll engine cannot run: ${reason}`)
    if (options.tls !== undefined) {
      throw new EngineUnavailableError(
        'the epoll engine does not terminate TLS: use the node engine or a proxy',
      )
    }
    if (options.workers > 0) {
      throw new EngineUnavailableError(
        'this version of the epoll engine runs on the JS thread only: set workers to 0',
      )
    }
    this.#state = 'opening'
    try {
      return await this.#open(options, dispatch)
    } catch (error) {
      this.#state = this.#state === 'opening' ? 'idle' : 'closed'
      throw error
    }
  }

  async #open(options: ListenOptions, dispatch: Dispatch): Promise<ListenAddress> {
    const addon = loadAddon()
    const host = isNumericAddress(options.host) ? options.host : await resolveHost(options)
    if (this.#state === 'closing') throw new EngineStateError('close() came while listen() ran')
    const native =
      options.eventLoop === 'native' &&
      owner[BLOCKING] === undefined &&
      process.versions.electron === undefined
    const closed = (drained: number, cut: number, elapsedMs: number): void => {
      if (owner[BLOCKING] === this) owner[BLOCKING] = undefined
      this.#state = 'closed'
      this.#closed({ drained, cut, elapsedMs })
    }
    const open = (address: string) =>
      addon.open(
        options.memory.buffer,
        this.#addonOptions(options, address, native),
        dispatch,
        closed,
        options.warn,
      )
    let opened: ReturnType<typeof open>
    try {
      try {
        opened = open(host)
      } catch (error) {
        // No IPv6 in this kernel or container: dual-stack falls back to IPv4 (core.md L-5).
        const noIpv6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(systemErrorCode(error) ?? '')
        if (host !== '::' || !noIpv6) throw error
        opened = open('0.0.0.0')
      }
    } catch (error) {
      throw failed(error, options)
    }
    if (native) owner[BLOCKING] = this
    this.#addon = addon
    this.#handle = opened.handle
    this.#state = 'listening'
    return { address: opened.address, port: opened.port }
  }

  #addonOptions(options: ListenOptions, host: string, native: boolean): AddonOptions {
    const spinUs = options.spinUs === 'auto' ? (availableCpus() > 1 ? SPIN_US : 0) : options.spinUs
    return {
      host,
      native,
      spinUs,
      tenant: options.tenant ?? 0,
      port: options.port,
      fd: options.fd ?? -1,
      path: options.path ?? '',
      mode: options.mode ?? -1,
      readTimeoutMs: options.readTimeoutMs,
      readHeaderTimeoutMs: options.readHeaderTimeoutMs,
      writeTimeoutMs: options.writeTimeoutMs,
      idleTimeoutMs: options.idleTimeoutMs,
      maxHeaderBytes: options.maxHeaderBytes,
      maxHeaders: options.maxHeaders,
      maxRequestBodySize: options.maxRequestBodySize,
      bufferedBodySize: Math.min(options.bufferedBodySize, INLINE_BODY_BYTES_MAX),
      maxConnections: options.maxConnections,
      socketRecvBuffer: options.socketRecvBuffer ?? 0,
      socketSendBuffer: options.socketSendBuffer ?? 0,
      backlog: options.backlog,
      reusePort: options.reusePort,
      disableKeepAlive: options.disableKeepAlive,
      connectionEvents: options.connectionEvents,
      startPaused: this.#paused,
      literals: options.literals,
      maxEvents: Math.min(this.#maxEvents, EVENTS_ARRAY_MAX),
    }
  }

  flush(): void {
    if (this.#addon !== undefined && this.#handle !== undefined) this.#addon.flush(this.#handle)
  }

  peer(slot: number, generation: number): PeerAddress | null {
    if (this.#addon === undefined || this.#handle === undefined) return null
    const peer = this.#addon.peer(this.#handle, slot, generation)
    return peer === null ? null : { address: peer[0], port: peer[1] }
  }

  takeSocket(slot: number, generation: number): Socket | null {
    if (this.#addon === undefined || this.#handle === undefined) return null
    const taken = this.#addon.takeSocket(this.#handle, slot, generation)
    if (taken === null) return null
    const [fd, rest] = taken
    // Loaded here: a server that never hijacks does not pay for it.
    const { Socket } = createRequire(import.meta.url)('node:net') as typeof import('node:net')
    const socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true })
    if (rest.length > 0) socket.unshift(rest)
    return socket
  }

  pauseAccept(): void {
    this.#paused = true
    if (this.#addon !== undefined && this.#handle !== undefined)
      this.#addon.pause(this.#handle, true)
  }

  resumeAccept(): void {
    this.#paused = false
    if (this.#addon !== undefined && this.#handle !== undefined)
      this.#addon.pause(this.#handle, false)
  }

  close({ timeoutMs }: { timeoutMs: number }): Promise<DrainReport> {
    if (this.#addon === undefined || this.#handle === undefined) {
      // Before listen(), or while it looks up a name: it sees the state and gives up.
      this.#state = this.#state === 'opening' ? 'closing' : 'closed'
      this.#closing ??= Promise.resolve({ drained: 0, cut: 0, elapsedMs: 0 })
      return this.#closing
    }
    if (this.#state !== 'closed') {
      this.#state = 'closing'
      this.#addon.close(this.#handle, timeoutMs)
    }
    this.#closing ??= new Promise((resolve) => {
      this.#closed = resolve
    })
    return this.#closing
  }

  metrics(): EngineMetrics {
    if (this.#addon !== undefined && this.#handle !== undefined)
      this.#addon.metrics(this.#handle, this.#counters)
    const metrics = {} as EngineMetrics
    COUNTER_NAMES.forEach((name, index) => {
      metrics[name] = this.#counters[index] ?? 0
    })
    metrics.workers = this.#state === 'listening' || this.#state === 'closing' ? 1 : 0
    return metrics
  }
}

function failed(error: unknown, options: ListenOptions): unknown {
  const code = systemErrorCode(error)
  if (code === undefined) return error
  return listenFailure(code, options, {
    syscall: (error as { syscall?: string }).syscall,
    cause: error,
  })
}

/**
 * Makes the native epoll engine for Linux. It binds nothing before `listen`.
 * Where it cannot run, `listen` rejects with EngineUnavailableError and the reason; {@link probe} asks without listening.
 * @throws CelerisError `CELERIS_CONFIG` when an option is out of range.
 */
export function epollEngine(options: EpollEngineOptions = {}): Engine {
  const maxEvents = options.maxEvents ?? 8192
  if (!Number.isInteger(maxEvents) || maxEvents < 16 || maxEvents > 8192) {
    throw new CelerisError(
      'CELERIS_CONFIG',
      `maxEvents is ${String(maxEvents)}: give an integer from 16 to 8192`,
    )
  }
  return new EpollEngine(maxEvents)
}
