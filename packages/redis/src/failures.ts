// Errors of commands that got no reply: ioredis's class and message, and what became of the command.
import type { QueuedCommand } from './ioredis-internals.ts'

/** What errors tell of a client. */
interface Client {
  readonly status: string
  readonly retryAttempts: number
  _getDescription(): string
}

/** Message of ioredis's for `commandTimeout`: such a command stays in its queue. */
export const TIMED_OUT = 'Command timed out'

/** The last thing that went wrong with a client's connection, until it is ready again. */
const connectionErrors = new WeakMap<Client, Error>()

/** Keeps why the connection fails, as `cause` of what its commands are told. */
export function noteConnectionError(redis: Client, error: Error | undefined): void {
  if (error === undefined) connectionErrors.delete(redis)
  else connectionErrors.set(redis, error)
}

const hidden = (value: unknown): PropertyDescriptor => ({
  value,
  enumerable: false,
  configurable: true,
  writable: true,
})

/** Adds what is known of a command that got no reply. */
export function describe<E extends Error>(
  error: E,
  redis: Client,
  command: Pick<QueuedCommand, 'name' | 'args'>,
): E {
  // Loggers print what is enumerable: not the arguments.
  Object.defineProperty(error, 'command', hidden({ name: command.name, args: command.args }))
  const details = {
    address: redis._getDescription(),
    state: redis.status,
    attempts: redis.retryAttempts,
  }
  const cause = error.cause ?? connectionErrors.get(redis)
  if (cause !== undefined && cause !== error) Object.defineProperty(error, 'cause', hidden(cause))
  return Object.assign(error, details)
}

/** A copy of `error`, of its class and message, that says what happened to one command. */
export function failureOf(
  error: Error,
  redis: Client,
  command: Pick<QueuedCommand, 'name' | 'args'>,
  mayHaveRun: boolean,
): Error {
  // A real one, for those who ask V8, with the stack of the original.
  const copy = new Error(error.message)
  Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object)
  const {
    stack,
    command: _,
    ...own
  } = Object.getOwnPropertyDescriptors(error) as Record<string, PropertyDescriptor>
  Object.defineProperties(copy, { ...own, stack: hidden(error.stack) })
  return Object.assign(describe(copy, redis, command), { mayHaveRun })
}

/** Keeps `error.command` out of enumeration: ioredis assigns it, and loggers would print it. */
export function hideCommand(error: Error): void {
  Object.defineProperty(error, 'command', hidden(undefined))
}
