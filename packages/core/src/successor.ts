import { Context } from './context.ts'
import { ServerStateError } from './errors.ts'
import { addPending, removePending } from './pending.ts'

/**
 * Takes the answer of a request away from its handler, which has not settled yet: the context given back answers
 * in its place, with the headers set so far left behind. The handler's own context is orphaned: it can still read,
 * what it answers is dropped, and it is never reused. Call `conclude` with the successor once it has its answer.
 * @throws ServerStateError `CELERIS_SUCCESSOR` when the handler is synchronous, has settled, has a successor, has
 * begun a streamed answer, or has left HTTP.
 */
export function successor(c: Context): Context {
  if (!c.live || c.orphaned || !c.isPending) {
    throw new ServerStateError(
      'CELERIS_SUCCESSOR',
      'successor() needs a request whose handler is still running asynchronously; call it from a timer or a promise',
    )
  }
  if (c.output?.begun === true || c.leaving !== null) {
    throw new ServerStateError(
      'CELERIS_SUCCESSOR',
      'successor() came too late: the answer has begun, or the handler detached or took the socket',
    )
  }
  c.park()
  c.output?.drop(undefined)
  const next = new Context(c.serving, c.entry)
  next.sourceBytes = c.sourceBytes
  next.sourceWords = c.sourceWords
  next.sourceAt = c.sourceAt
  next.sourceDelta = c.sourceDelta
  next.sourceFields = c.sourceFields
  next.slot = c.slot
  next.generation = c.generation
  next.sequence = c.sequence
  next.methodId = c.methodId
  next.paramValues = c.paramValues
  next.startedAt = c.startedAt
  next.startedMono = c.startedMono
  next.isAborted = c.isAborted
  next.abortReason = c.abortReason
  // Its bytes come for the successor now; a handler that still reads it sees its end.
  next.body = c.bodyFollows ? c.requestBody() : c.body
  next.parked = true
  next.dirty = true
  next.live = true
  removePending(c.serving, c)
  addPending(c.serving, next)
  c.isPending = false
  c.orphaned = true
  return next
}

/** Hands over the answer of a successor. */
export function conclude(next: Context): void {
  next.serving.conclude(next)
}
