// What the tests of other people's packages share.
import type { RedisServer } from '@celeris/test-support'

export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** Cuts every other connection to the server; gives how many there were. */
export async function killConnections(server: RedisServer): Promise<number> {
  return Number(await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'))
}
