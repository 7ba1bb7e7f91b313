import { checkKey, checkTtl, type Key, refuse } from './check.ts'

/** What `putWithTtl` needs of a client: ioredis, `@celeris/redis`, or a Cluster of either. */
export interface PutWithTtlClient {
  set(key: Key, value: string | Buffer, token: 'PX', milliseconds: number): Promise<unknown>
  set(
    key: Key,
    value: string | Buffer,
    token: 'PX',
    milliseconds: number,
    condition: 'NX',
  ): Promise<unknown>
  set(
    key: Key,
    value: string | Buffer,
    token: 'PX',
    milliseconds: number,
    condition: 'XX',
  ): Promise<unknown>
}

/** When to write: only a key that is absent, only one that is there, or both. */
export type PutMode = 'create' | 'update' | 'upsert'

/**
 * Stores `value` with a time to live of `ttlMs` milliseconds and says whether it did: `'create'`
 * writes only if the key is absent, `'update'` only if it is there (so a late write never revives
 * what was removed), `'upsert'` always. One round trip and atomic: SET PX with NX, XX or neither.
 *
 * Rejects with `RedisHelperError` unless `ttlMs` is an integer from 1 to 2^53 - 1 and `value` is a
 * string or bytes, and with the client's or the server's error.
 */
export async function putWithTtl(
  client: PutWithTtlClient,
  key: Key,
  value: string | Uint8Array,
  ttlMs: number,
  mode: PutMode = 'upsert',
): Promise<boolean> {
  checkKey(key)
  checkTtl(ttlMs)
  const reply = await write(client, key, storable(value), ttlMs, mode)
  return reply === 'OK'
}

function write(
  client: PutWithTtlClient,
  key: Key,
  value: string | Buffer,
  ttlMs: number,
  mode: PutMode,
): Promise<unknown> {
  if (mode === 'create') return client.set(key, value, 'PX', ttlMs, 'NX')
  if (mode === 'update') return client.set(key, value, 'PX', ttlMs, 'XX')
  if (mode === 'upsert') return client.set(key, value, 'PX', ttlMs)
  return refuse('mode', `'create', 'update' or 'upsert'`, mode)
}

/** Clients write a Uint8Array that is no Buffer as its list of numbers. */
function storable(value: unknown): string | Buffer {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value
  if (!(value instanceof Uint8Array)) return refuse('value', 'a string or a Uint8Array', value)
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
