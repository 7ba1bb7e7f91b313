import { checkKey, checkTtl, type Key } from './check.ts'
import { withOlder } from './unknown-command.ts'

/** What `getAndTouch` needs of a client: ioredis, `@celeris/redis`, or a Cluster of either. */
export interface GetAndTouchClient {
  getex(key: Key, token: 'PX', milliseconds: number): Promise<string | null>
  getexBuffer(key: Key, token: 'PX', milliseconds: number): Promise<Buffer | null>
  pipeline(): GetAndTouchPipeline
}

/** The part of a pipeline that servers before 6.2 need. */
export interface GetAndTouchPipeline {
  get(key: Key): unknown
  getBuffer(key: Key): unknown
  pexpire(key: Key, milliseconds: number): unknown
  exec(): Promise<[error: Error | null, result: unknown][] | null>
}

/**
 * The value of `key`, whose time to live becomes `ttlMs` milliseconds from now; null where there is
 * no such key, which is then not made. One round trip: GETEX, or, on servers before 6.2, GET and
 * PEXPIRE in one pipeline (learned from the server's first refusal, once per client).
 *
 * Rejects with `RedisHelperError` unless `ttlMs` is an integer from 1 to 2^53 - 1, and with the
 * client's or the server's error (`WRONGTYPE` for a key that holds no string).
 */
export async function getAndTouch(
  client: GetAndTouchClient,
  key: Key,
  ttlMs: number,
): Promise<string | null> {
  checkKey(key)
  checkTtl(ttlMs)
  return withOlder(
    client,
    'getex',
    () => client.getex(key, 'PX', ttlMs),
    async () => {
      const pipeline = client.pipeline()
      pipeline.get(key)
      return (await touched(pipeline, key, ttlMs)) as string | null
    },
  )
}

/** `getAndTouch` for values that are no text: the bytes as they are stored. */
export async function getAndTouchBuffer(
  client: GetAndTouchClient,
  key: Key,
  ttlMs: number,
): Promise<Buffer | null> {
  checkKey(key)
  checkTtl(ttlMs)
  return withOlder(
    client,
    'getex',
    () => client.getexBuffer(key, 'PX', ttlMs),
    async () => {
      const pipeline = client.pipeline()
      pipeline.getBuffer(key)
      return (await touched(pipeline, key, ttlMs)) as Buffer | null
    },
  )
}

/** Adds PEXPIRE to a pipeline that reads the key, and gives what was read. */
async function touched(pipeline: GetAndTouchPipeline, key: Key, ttlMs: number): Promise<unknown> {
  pipeline.pexpire(key, ttlMs)
  const [read, touch] = (await pipeline.exec()) ?? []
  const error = read?.[0] ?? touch?.[0]
  if (error != null) throw error
  return read?.[1] ?? null
}
