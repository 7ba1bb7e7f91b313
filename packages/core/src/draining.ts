// What a closing server tells those who left the ordinary path: detached contexts and hijacked sockets (core.md L-9).
import { CelerisError } from '@celeris/engine'
import type { Context } from './context.ts'
import { closing } from './leaving.ts'
import type { Serving } from './serving.ts'
import type { CloseDeadline } from './shutdown.ts'

/** Fires the signals of detached contexts, and ends hijacked sockets: what they have written still leaves. */
export function announceDrain(serving: Serving): void {
  const reason = new CelerisError('CELERIS_SERVER_CUT', 'the server is closing')
  reason.name = 'AbortError'
  serving.draining = reason
  const left: Context[] = []
  for (const first of serving.pending)
    for (let c = first; c !== null; c = c.nextPending) if (c.leaving !== null) left.push(c)
  for (const c of left) {
    if (c.isDetached) c.abort(reason, false)
    serving.refuseSocket(c, closing())
  }
  for (const socket of serving.sockets) socket.end()
}

/** Waits until hijacked sockets are closed; what is left when the time is up is destroyed. */
export async function closeSockets(serving: Serving, deadline: CloseDeadline): Promise<void> {
  const { sockets } = serving
  if (sockets.size === 0) return
  await new Promise<void>((resolve) => {
    const cancel = deadline.watch(0, resolve)
    const closed = (): void => {
      if (sockets.size > 0) return
      cancel()
      resolve()
    }
    // The listener that takes a socket out of the set was there first.
    for (const socket of sockets) socket.once('close', closed)
  })
  for (const socket of sockets) socket.destroy()
}
