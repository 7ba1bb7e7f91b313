/** Stable code of the helpers' own error; everything else that rejects is the client's or the server's. */
export type RedisHelperErrorCode = 'CELERIS_REDIS_HELPER_OPTIONS'

const BRAND: unique symbol = Symbol.for('celeris.RedisHelperError') as never

/**
 * An argument of a helper has a value it cannot have (`CELERIS_REDIS_HELPER_OPTIONS`). Nothing was
 * sent. The message names the argument, what was given and what is allowed, never a key or a value.
 *
 * `instanceof` holds across copies of this module, such as one bundled into another package.
 */
export class RedisHelperError extends Error {
  override readonly name = 'RedisHelperError'
  readonly code: RedisHelperErrorCode = 'CELERIS_REDIS_HELPER_OPTIONS'
  /** Where: `'ttlMs'`, `'policies[1].limit'`. */
  readonly option: string

  constructor(option: string, message: string) {
    super(`${option} ${message}`)
    this.option = option
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}
Object.defineProperty(RedisHelperError.prototype, BRAND, { value: true })
