// Errors of commands that got no reply: ioredis's class and message, and what became of the command.
import type { QueuedCommand } from './ioredis-internals.ts'
import type { RedisInternals } from './redis-internals.ts'

const hidden = (value: unknown): PropertyDescriptor => ({
  value,
  enumerable: false,
  configurable: true,
  writable: true,
})

/** Name in sight, arguments out of the way of loggers. */
export function commandOf(name: string, args: readonly unknown[]): object {
  return Object.defineProperty({ name }, 'args', hidden(args))
}

/** A copy of `error`, of its class and message, that says what happened to one command. */
export function failureOf(
  error: Error,
  redis: RedisInternals,
  command: Pick<QueuedCommand, 'name' | 'args'>,
  mayHaveRun: boolean,
): Error {
  const copy = Object.create(Object.getPrototypeOf(error), {
    ...Object.getOwnPropertyDescriptors(error),
    command: hidden(commandOf(command.name, command.args)),
  }) as Error & Record<string, unknown>
  copy.address = redis._getDescription()
  copy.state = redis.status
  copy.attempts = redis.retryAttempts
  copy.mayHaveRun = mayHaveRun
  if (copy.cause === undefined) Object.defineProperty(copy, 'cause', hidden(error))
  return copy
}

/** Keeps `error.command` out of enumeration: ioredis assigns it, and loggers would print it. */
export function hideCommand(error: Error): void {
  Object.defineProperty(error, 'command', hidden(undefined))
}
