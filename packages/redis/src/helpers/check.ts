import { RedisHelperError } from './errors.ts'

/** A key of Redis: any bytes. */
export type Key = string | Buffer

/** The longest time to live, in milliseconds: what a double holds exactly. */
const TTL_MS_MAX = Number.MAX_SAFE_INTEGER

/** What was given, without its content: it may be a key or a secret. */
function described(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return `${value}`
  if (value === '') return 'an empty string'
  return Array.isArray(value) ? `an array of ${value.length}` : `a ${typeof value}`
}

/** Refuses the value of `option`. */
export function refuse(option: string, allowed: string, value: unknown): never {
  throw new RedisHelperError(option, `is ${described(value)}; it must be ${allowed}`)
}

/** An integer from `min` to `max`, or an error that says so. */
export function checkInteger(option: string, value: unknown, min: number, max: number): number {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    refuse(option, `an integer from ${min} to ${max}`, value)
  }
  return value as number
}

/** A key that is not empty. */
export function checkKey(key: unknown): Key {
  const right = typeof key === 'string' || Buffer.isBuffer(key)
  if (!right || key.length === 0) refuse('key', 'a string or a Buffer that is not empty', key)
  return key as Key
}

/** A time to live that neither removes the key at once nor makes it immortal. */
export function checkTtl(ttlMs: unknown): number {
  return checkInteger('ttlMs', ttlMs, 1, TTL_MS_MAX)
}
