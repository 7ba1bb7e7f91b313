// Ways out of a request and its answer: a context that outlives its handler, a socket that leaves HTTP (core.md A-16).
import type { Duplex } from 'node:stream'
import { CelerisError } from '@celeris/engine'
import { COMMAND_HIJACK } from '@celeris/engine/layout'
import { commitCommand } from './arena.ts'
import type { Context } from './context.ts'
import { ResponseWrittenError } from './errors.ts'
import { ServiceUnavailableError } from './http-errors.ts'
import { ANSWER_HIJACK, ANSWER_NONE } from './response-writer.ts'

/** A detached context without writes for so long is pointed out in development, ms. */
const FORGOTTEN_MS = 60_000

/** What keeps a context that `detach()` was called on. */
export interface Detached {
  /** Ends the request: what was answered leaves, the context is released. Later calls do nothing. */
  done(): void
}

/** How a context leaves the ordinary path. */
export class Leaving {
  detached = false
  /** The chain of handlers has settled. */
  chainSettled = false
  socket: Duplex | null = null
  resolve: ((socket: Duplex) => void) | null = null
  reject: ((error: unknown) => void) | null = null
}

/** Keeps a context until `done()`. */
export function detach(c: Context): Detached {
  const leaving = leavingOf(c)
  leaving.detached = true
  const { serving, abortReason } = c
  serving.stay(c)
  if (serving.development) warnWhenForgotten(c, leaving)
  // What came before this call is not told again (R4).
  if (abortReason?.code === 'CELERIS_CLIENT_HALF_CLOSED') serving.endDetached(c, abortReason)
  else if (serving.draining !== null) c.abort(serving.draining, false)
  return {
    done: () => {
      if (!leaving.detached) return
      leaving.detached = false
      if (leaving.chainSettled && c.leaving === leaving) c.serving.detachedDone(c)
    },
  }
}

function leavingOf(c: Context): Leaving {
  c.dirty = true
  c.leaving ??= new Leaving()
  return c.leaving
}

function warnWhenForgotten(c: Context, leaving: Leaving): void {
  let written = 0
  const timer = setInterval(() => {
    if (!leaving.detached || c.leaving !== leaving) clearInterval(timer)
    else if ((c.output?.bytesWritten ?? 0) > written) written = c.output?.bytesWritten ?? 0
    else {
      clearInterval(timer)
      c.serving.logger.warn(
        { route: c.entry.pattern },
        'a detached context has written nothing for a minute: call done() when its answer is complete',
      )
    }
  }, FORGOTTEN_MS)
  timer.unref()
}

/** Asks the engine for the socket. */
export function hijack(c: Context): Promise<Duplex> {
  if (c.answerKind !== ANSWER_NONE) throw new ResponseWrittenError('c.hijack()')
  const { engine } = c
  if (engine.capabilities?.hijack !== true || engine.takeSocket === undefined)
    return Promise.reject(unsupported(`the ${engine.type} engine has no socket to give`))
  if (c.isAborted) return Promise.reject(c.abortReason)
  if (c.serving.draining !== null) return Promise.reject(closing())
  const leaving = leavingOf(c)
  c.answerKind = ANSWER_HIJACK
  c.serving.stay(c)
  commitCommand(c, COMMAND_HIJACK)
  const taken = new Promise<Duplex>((resolve, reject) => {
    leaving.resolve = resolve
    leaving.reject = reject
  })
  // Whoever awaits it sees the error; a client that leaves must not end a process where nobody does.
  taken.catch(() => undefined)
  return taken
}

/** What takes a socket away from HTTP would hold a server that closes. */
export function closing(): ServiceUnavailableError {
  return new ServiceUnavailableError('the server is closing')
}

/** Tells whoever waits for a socket that none will come. */
export function loseSocket(leaving: Leaving, reason: unknown): void {
  const { reject } = leaving
  leaving.resolve = null
  leaving.reject = null
  reject?.(reason)
}

/** The same, and the request may be answered in another way. */
export function refused(c: Context, reason: unknown): void {
  if (c.leaving !== null) loseSocket(c.leaving, reason)
  if (c.answerKind === ANSWER_HIJACK) c.answerKind = ANSWER_NONE
}

function unsupported(why: string): CelerisError {
  return new CelerisError(
    'CELERIS_HIJACK_UNSUPPORTED',
    `c.hijack(): ${why}; answer the request in another way`,
  )
}

/** The engine has decided about a `hijack()`. Gives the error the handler learns, null when it has its socket. */
export function hijacked(c: Context, isRefused: boolean): CelerisError | null {
  const { leaving, serving } = c
  const socket = isRefused ? null : (c.engine.takeSocket?.(c.slot, c.generation) ?? null)
  if (leaving !== null && socket !== null) {
    const { resolve } = leaving
    leaving.resolve = null
    leaving.reject = null
    leaving.socket = socket
    serving.sockets.add(socket)
    socket.once('close', () => serving.sockets.delete(socket))
    // A client can reset it at any time: without a listener that would end the process.
    socket.on('error', (error) => serving.logger.debug({ error }, 'a hijacked socket failed'))
    resolve?.(socket)
    return null
  }
  const plain = c.engine.type === 'node' ? ', or it does not ask for an upgrade' : ''
  const error = unsupported(
    `requests were pipelined behind this one, or its body was not read${plain}: the socket is not its alone`,
  )
  refused(c, error)
  return error
}
