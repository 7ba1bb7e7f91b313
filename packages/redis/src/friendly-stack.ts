// `showFriendlyErrorStack`: the stack of a rejected call begins where the program made the call.
import { dirname, join, sep } from 'node:path'
import type { QueuedCommand } from './ioredis-internals.ts'

/** Our files; none can be told in a bundle that is an ES module, which has no `__dirname`. */
const OURS =
  typeof __dirname === 'string'
    ? ['dist', 'src'].map((folder) => join(dirname(__dirname), folder) + sep)
    : []

const isOurs = (line: string): boolean => OURS.some((folder) => line.includes(folder))

/** Takes our frames out of what ioredis remembers of the call: it takes out its own. */
export function hideOurFrames(command: QueuedCommand): void {
  const { errorStack } = command
  if (!(errorStack instanceof Error)) return
  command.errorStack = {
    get stack(): string {
      const lines = errorStack.stack?.split('\n') ?? []
      return lines.filter((line) => !isOurs(line)).join('\n')
    },
  }
}
