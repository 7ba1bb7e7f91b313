// Ways out of a request and its answer: a context that outlives its handler, a socket that leaves HTTP (core.md A-16).
import type { Duplex } from 'node:stream'
import { CelerisError } from '@celeris/engine'
import { COMMAND_HIJACK, RESPONSE_KIND_COMMAND } from '@celeris/engine/layout'
import { commitRecord, openRecord } from './arena.ts'
import type { Context } from './context.ts'
import { ResponseWrittenError } from './errors.ts'
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
  c.serving.stay(c)
  if (c.serving.development) warnWhenForgotten(c, leaving)
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
  const leaving = leavingOf(c)
  c.answerKind = ANSWER_HIJACK
  c.serving.stay(c)
  openRecord(engine)
  commitRecord(c, RESPONSE_KIND_COMMAND, COMMAND_HIJACK, 0, 0, 0)
  return new Promise((resolve, reject) => {
    leaving.resolve = resolve
    leaving.reject = reject
  })
}

function unsupported(why: string): CelerisError {
  return new CelerisError(
    'CELERIS_HIJACK_UNSUPPORTED',
    `c.hijack(): ${why}; answer the request in another way`,
  )
}

/** The engine has decided. Gives the error the handler learns, null when it has its socket. */
export function hijacked(c: Context, refused: boolean): CelerisError | null {
  const { leaving } = c
  if (leaving === null || leaving.resolve === null) return null
  const socket = refused ? null : (c.engine.takeSocket?.(c.slot, c.generation) ?? null)
  const { resolve, reject } = leaving
  leaving.resolve = null
  leaving.reject = null
  if (socket !== null) {
    leaving.socket = socket
    c.serving.sockets.add(socket)
    socket.once('close', () => c.serving.sockets.delete(socket))
    resolve(socket)
    return null
  }
  c.answerKind = ANSWER_NONE
  const error = unsupported(
    'requests were pipelined behind this one, or its body was not read: the socket is not its alone',
  )
  reject?.(error)
  return error
}
