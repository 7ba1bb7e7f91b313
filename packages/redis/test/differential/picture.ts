// A value as data that compares completely: Buffer or string, prototype, key order, errors' members.
import {
  ERRORS_WITH_COMMAND,
  MEMBERS_OF_OUR_ERRORS,
  PREVIOUS_ERRORS,
  SIGNIFICANT_DIGITS,
} from './deviations.ts'

/** Told apart by what they say, not by these. */
const NOT_COMPARED = new Set(['stack', 'message', 'name', 'command', ...MEMBERS_OF_OUR_ERRORS])
const ADDRESS = /127\.0\.0\.1:\d+/g

/** A value of any kind, as plain data. */
export function picture(value: unknown): unknown {
  if (value === undefined) return '[undefined]'
  if (typeof value === 'function') return `[function ${value.name}]`
  if (typeof value === 'symbol') return `[${value.toString()}]`
  if (typeof value === 'number' && !Number.isInteger(value)) return rounded(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Buffer) return { buffer: value.toString('latin1') }
  if (value instanceof Error) return errorPicture(value)
  if (value instanceof Map) return { map: [...value].map(([k, v]) => [picture(k), picture(v)]) }
  if (value instanceof Set) return { set: [...value].map(picture) }
  if (Array.isArray(value)) return value.map(picture)
  return { [`object of ${prototypeName(value)}`]: entriesOf(value) }
}

const rounded = (value: number): number => Number(value.toPrecision(SIGNIFICANT_DIGITS))

/** Sorts what the server returns in the order of its hash seed. */
export function unordered(pictured: unknown): unknown {
  const list = Array.isArray(pictured) ? pictured : (pictured as { set?: unknown[] } | null)?.set
  if (!Array.isArray(list)) return pictured
  const key = (item: unknown): string => JSON.stringify(item)
  const sorted = [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1))
  return Array.isArray(pictured) ? sorted : { set: sorted }
}

/** The kind of a value that differs from run to run. */
export function kindOf(value: unknown): string {
  if (value instanceof Buffer) return 'Buffer'
  if (Array.isArray(value)) return `[${value.map(kindOf).join()}]`
  return value === null ? 'null' : typeof value
}

const masked = (text: string): string => text.replaceAll(ADDRESS, '127.0.0.1:PORT')

function errorPicture(error: Error): unknown {
  const members = Object.entries(error).filter(([key]) => !NOT_COMPARED.has(key))
  return {
    error: prototypeName(error),
    name: error.name,
    message: masked(error.message),
    firstLine: masked(error.stack?.split('\n', 1)[0] ?? ''),
    ...commandPicture(error),
    ...Object.fromEntries(members.map(([key, value]) => [key, memberPicture(key, value)])),
  }
}

function commandPicture(error: Error): object {
  const { command } = error as { command?: { name: string; args: unknown[] } }
  if (command === undefined || !ERRORS_WITH_COMMAND.has(error.name)) return {}
  return { command: { name: command.name, args: picture(command.args) } }
}

function memberPicture(key: string, value: unknown): unknown {
  if (key === 'port') return typeof value
  if (key === PREVIOUS_ERRORS) return (value as Error[]).map(String)
  return picture(value)
}

function prototypeName(value: object): string {
  const prototype: object | null = Object.getPrototypeOf(value)
  return prototype === null ? 'null' : prototype.constructor.name
}

const entriesOf = (value: object): unknown[] =>
  Reflect.ownKeys(value).map((key) => [
    String(key),
    picture((value as Record<PropertyKey, unknown>)[key]),
  ])
