import { createHash } from 'node:crypto'
import type { Key } from './check.ts'

/** What scripts need of a client: ioredis, `@celeris/redis`, or a Cluster of either. */
export interface ScriptClient {
  evalsha(sha1: string, keyCount: number, ...keysAndArguments: Argument[]): Promise<unknown>
  eval(script: string, keyCount: number, ...keysAndArguments: Argument[]): Promise<unknown>
}

type Argument = string | Buffer | number

/** A Lua script and its name on the server, which is made from its text. */
export interface LuaScript {
  readonly text: string
  /** SHA-1 of the text in hexadecimal: another text is another script. */
  readonly sha1: string
}

/** Names a script; the hash is made on first use. */
export function luaScript(text: string): LuaScript {
  let sha1: string | undefined
  return {
    text,
    get sha1() {
      sha1 ??= createHash('sha1').update(text).digest('hex')
      return sha1
    },
  }
}

/**
 * Runs a script by its hash (EVALSHA), and by its text where the server does not have it (EVAL, a
 * second round trip, which also loads it): on first use, after SCRIPT FLUSH, a restart or a
 * failover. Defines nothing on the client. On Cluster all keys must share a hash slot.
 *
 * Rejects with the client's or the server's error.
 */
export async function runScript(
  client: ScriptClient,
  script: LuaScript,
  keys: readonly Key[],
  args: readonly Argument[],
): Promise<unknown> {
  try {
    return await client.evalsha(script.sha1, keys.length, ...keys, ...args)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
  }
  return client.eval(script.text, keys.length, ...keys, ...args)
}
