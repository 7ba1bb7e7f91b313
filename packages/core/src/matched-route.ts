/** What a context needs to know of the route that was matched. */
export interface MatchedRoute {
  /** Upper case; `'*'` for any method. */
  readonly method: string
  /** The pattern as registered, prefixes included; `''` for 404, 405, 501 and automatic OPTIONS. */
  readonly pattern: string
  /** Names in the order of their (start, end) pairs. */
  readonly paramNames: readonly string[]
  /** The last of the names is a wildcard's: its value keeps `%2F`. */
  readonly wildcard: boolean
  readonly name: string | undefined
}
