// What the fast path has to know of each command, from ioredis's own table.
import { getKeyIndexes, hasFlag, list } from '@ioredis/commands'
import { Command, Redis } from 'ioredis'
import { CommandHead } from './command-encoder.ts'
import { internals, type Transformers } from './ioredis-internals.ts'

/** One built-in command. */
export interface CommandSpec {
  readonly name: string
  readonly head: CommandHead
  /** Its only key is its first argument, whatever else follows: a prefix or hash slot is easy. */
  readonly oneKey: boolean
  /** It may wait in the server for as long as it likes. */
  readonly blocking: boolean
  readonly readOnly: boolean
  /** ioredis's own transformer, which does nothing to scalars; a user's takes its place. */
  readonly argumentTransformer: Transformers['argument'][string]
}

/** Change what the connection is, or how ioredis follows it: always ioredis's. */
const NEVER_LEAN = new Set([
  'asking',
  'auth',
  'client',
  'discard',
  'exec',
  'hello',
  'himport',
  'monitor',
  'multi',
  'psync',
  'quit',
  'readonly',
  'readwrite',
  'replconf',
  'reset',
  'select',
  'shutdown',
  'sync',
])

const flagged = (flag: string, name: string): boolean =>
  Command.checkFlag(flag as Parameters<typeof Command.checkFlag>[0], name)

function mayBeLean(name: string): boolean {
  return (
    !NEVER_LEAN.has(name) &&
    !flagged('ENTER_SUBSCRIBER_MODE', name) &&
    !flagged('EXIT_SUBSCRIBER_MODE', name) &&
    !flagged('WILL_DISCONNECT', name) &&
    // Redefined by ioredis on top of the built-in: it knows better.
    !Object.hasOwn(Redis.prototype, name)
  )
}

/** Commands whose arguments say where their keys are answer differently to one of these. */
const PROBES = [
  ['1'],
  ['1', '1'],
  ['1', 'BY', '1', 'GET', 'x', 'STORE', 'y'],
  ['1', '2', '3', '4', '5', 'STORE', '6', 'STOREDIST', '7'],
]

function hasOneKey(name: string): boolean {
  if (name === 'sentinel' || hasFlag(name, 'movablekeys')) return false
  return PROBES.every((args) => getKeyIndexes(name, args).join() === '0')
}

/** How a command works whose name a caller may spell in capitals; it is sent as it is spelled. */
function describe(name: string, spelled: string): CommandSpec {
  return {
    name: spelled,
    head: new CommandHead(spelled),
    oneKey: hasOneKey(name),
    blocking: flagged('BLOCKING_COMMANDS', name),
    readOnly: name !== 'sentinel' && hasFlag(name, 'readonly'),
    argumentTransformer: internals.transformers?.argument[spelled],
  }
}

/** Every built-in command that can be lean, by name. */
export const commandTable: ReadonlyMap<string, CommandSpec> = new Map(
  [...list, 'sentinel'].filter(mayBeLean).map((name) => [name, describe(name, name)]),
)

const SPELLINGS_MAX = 1000
const spellings = new Map<string, CommandSpec>()

/** A built-in command by a name in any spelling, which is sent as it is; undefined if never lean. */
export function specOf(spelled: string): CommandSpec | undefined {
  const known = commandTable.get(spelled) ?? spellings.get(spelled)
  if (known !== undefined) return known
  const name = spelled.toLowerCase()
  if (!commandTable.has(name) || spellings.size >= SPELLINGS_MAX) return undefined
  const spec = describe(name, spelled)
  spellings.set(spelled, spec)
  return spec
}
