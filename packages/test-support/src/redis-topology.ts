import type { RedisServer } from './redis-server.ts'

/** How a master goes: as in a crash, or handing over on command. */
export type FailoverCause = 'kill' | 'command'

/** Who was master, and who is. */
export interface Failover {
  /** Not running after a kill: `restart` brings it back as a replica. */
  readonly old: RedisServer
  readonly promoted: RedisServer
}

/** Whether a server is a replica that has all its master sent so far. */
export async function isLinkedReplica(server: RedisServer, masterPort: number): Promise<boolean> {
  const text = String(await server.command('INFO', 'replication'))
  return (
    text.includes('\nmaster_link_status:up\r') && text.includes(`\nmaster_port:${masterPort}\r`)
  )
}

export async function isMaster(server: RedisServer): Promise<boolean> {
  return String(await server.command('INFO', 'replication')).includes('\nrole:master\r')
}

/** The ends of the logs of all servers, for an error. */
export const logsOf = (servers: readonly RedisServer[]): string =>
  servers
    .map((server) => `--- ${server.port}\n${server.log().split('\n').slice(-20).join('\n')}`)
    .join('\n')

/** Awaits what starts; if one does not, stops the others. */
export async function allStarted(
  starting: readonly Promise<RedisServer>[],
): Promise<RedisServer[]> {
  const outcomes = await Promise.allSettled(starting)
  const started = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failed = outcomes.find((each) => each.status === 'rejected')
  if (failed === undefined) return started
  await stopAll(started)
  throw failed.reason
}

export async function stopAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()))
}
