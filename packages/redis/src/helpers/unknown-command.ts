/** Commands that the server behind a client answered with "unknown command". */
const unknownTo = new WeakMap<object, Set<string>>()

const UNKNOWN = /^ERR unknown command/i

/**
 * Runs `newer`, or `older` where the server does not know `command`. That is learned from its first
 * refusal, which costs one further round trip once per client.
 */
export async function withOlder<T>(
  client: object,
  command: string,
  newer: () => Promise<T>,
  older: () => Promise<T>,
): Promise<T> {
  const unknown = unknownTo.get(client)
  if (unknown?.has(command) === true) return older()
  try {
    return await newer()
  } catch (error) {
    if (!(error instanceof Error) || !UNKNOWN.test(error.message)) throw error
  }
  const learned = unknownTo.get(client) ?? new Set()
  unknownTo.set(client, learned.add(command))
  return older()
}
