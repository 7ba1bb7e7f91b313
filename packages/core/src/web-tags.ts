/** Names of web classes: touching the globals themselves would load all of fetch for a plain object. */
export function tagOf(value: object): unknown {
  return (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
}
