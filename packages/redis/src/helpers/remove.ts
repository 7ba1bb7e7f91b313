import { checkKey, type Key } from './check.ts'
import { withOlder } from './unknown-command.ts'

/** What `remove` needs of a client: ioredis, `@celeris/redis`, or a Cluster of either. */
export interface RemoveClient {
  unlink(key: Key): Promise<number>
  del(key: Key): Promise<number>
}

/**
 * Removes `key` and says whether it was there. One round trip: UNLINK, which leaves freeing a large
 * value to another thread of the server, or DEL where that is unknown.
 *
 * Rejects with `RedisHelperError` unless `key` is a string or Buffer that is not empty, and with the
 * client's or the server's error.
 */
export async function remove(client: RemoveClient, key: Key): Promise<boolean> {
  checkKey(key)
  const removed = await withOlder(
    client,
    'unlink',
    () => client.unlink(key),
    () => client.del(key),
  )
  return Number(removed) > 0
}
