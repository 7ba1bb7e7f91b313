// All in which ours may differ from ioredis, and why. What is not here has to be equal.

/** What errors of ours tell in addition, so that a failure says what it was about. */
export const MEMBERS_OF_OUR_ERRORS: ReadonlySet<string> = new Set([
  'address',
  'attempts',
  'cause',
  'mayHaveRun',
  'slots',
  'state',
])

/** Errors of ioredis that name their command; ours all do. Only these are compared in that. */
export const ERRORS_WITH_COMMAND: ReadonlySet<string> = new Set(['ReplyError', 'AbortError'])

/** ioredis computes doubles of RESP3 and errs in the last bit; ours is the nearest double. */
export const SIGNIFICANT_DIGITS = 15

/** They settle with their last reply, in ioredis some microtasks later: their place among others. */
export const SETTLE_WITH_LAST_REPLY: ReadonlySet<string> = new Set(['pipeline', 'multi'])

/** One error of ioredis rejects many, and is then among its own `previousErrors`; ours are copies. */
export const PREVIOUS_ERRORS = 'previousErrors'

/** Ways that ioredis mixes up when it pipelines by itself, and never answers. */
export const BROKEN_WITH_AUTO_PIPELINING: readonly string[] = [
  'through callBuffer',
  'in an open transaction',
]

/**
 * With auto-pipelining ioredis holds calls back until the next turn, which those that it does not
 * pipeline overtake, and settles a group at once. Ours sends and settles all in the order of calls.
 */
export const keepsOrder = (options: { enableAutoPipelining?: boolean | undefined }): boolean =>
  options.enableAutoPipelining !== true
