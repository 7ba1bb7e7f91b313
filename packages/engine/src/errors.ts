/** Marks a class so that `instanceof` holds across copies of a package. Subclasses get a brand of their own. */
export function brand<T extends abstract new (...args: never[]) => object>(
  branded: T,
  name: string,
): void {
  const symbol = Symbol.for(`celeris.${name}`)
  Object.defineProperty(branded.prototype, symbol, { value: true })
  Object.defineProperty(branded, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== branded) return Function.prototype[Symbol.hasInstance].call(this, value)
      return typeof value === 'object' && value !== null && symbol in value
    },
  })
}

/** Base of every error of Celeris: a stable `code`, a message that says what to do, and the `cause`. */
export class CelerisError extends Error {
  /** Stable, for programs: `CELERIS_<AREA>_<WHAT>`, or the system's code. */
  readonly code: string
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}
brand(CelerisError, 'CelerisError')

/** A method of an engine was called in a state that does not allow it (`CELERIS_ENGINE_STATE`). */
export class EngineStateError extends CelerisError {
  constructor(message: string) {
    super('CELERIS_ENGINE_STATE', message)
  }
}
brand(EngineStateError, 'EngineStateError')

/** The engine cannot run here; the message says why and what to do (`CELERIS_ENGINE_UNAVAILABLE`). */
export class EngineUnavailableError extends CelerisError {
  constructor(message: string, options?: { cause?: unknown; code?: string }) {
    super(options?.code ?? 'CELERIS_ENGINE_UNAVAILABLE', message, options)
  }
}
brand(EngineUnavailableError, 'EngineUnavailableError')

/** The address cannot be bound. `code` is the system's (`EADDRINUSE`, `EACCES`, …), as in `node:net`. */
export class ListenError extends CelerisError {
  /** System call that failed. */
  readonly syscall: string
  /** Address that was asked for. */
  readonly address: string
  /** Port that was asked for. */
  readonly port: number
  constructor(
    code: string,
    message: string,
    where: { syscall: string; address: string; port: number; cause?: unknown },
  ) {
    super(code, message, where.cause === undefined ? undefined : { cause: where.cause })
    this.syscall = where.syscall
    this.address = where.address
    this.port = where.port
  }
}
brand(ListenError, 'ListenError')
