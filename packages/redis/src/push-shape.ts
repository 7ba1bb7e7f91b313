// ioredis reads the parts of a push as if every server sent them; one that does not would end the process.

/** How many strings a push of pub/sub has at least, by its first one. A count may follow them. */
const STRINGS: ReadonlyMap<string, number> = new Map([
  ['message', 3],
  ['smessage', 3],
  ['pmessage', 4],
  ['subscribe', 2],
  ['ssubscribe', 2],
  ['psubscribe', 2],
])

/** Whether ioredis can read a push: it starts with its type, and pub/sub has its channel behind it. */
export function isReadablePush(push: readonly unknown[]): boolean {
  const [type] = push
  if (!(type instanceof Buffer)) return push.length === 0
  const strings = STRINGS.get(type.toString()) ?? 1
  for (let i = 1; i < strings; i++) if (!(push[i] instanceof Buffer)) return false
  return true
}
