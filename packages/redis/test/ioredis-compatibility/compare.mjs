// Two runs of the same tests: where ours does otherwise than stock.

/** Names of the tests that stock passes or skips and ours does not. */
export function differences(stock, ours) {
  return [...stock.results]
    .filter(([name, { state }]) => state !== 'failed' && ours.results.get(name)?.state !== state)
    .map(([name]) => name)
    .concat(
      [...ours.results]
        .filter(([name, { state }]) => state === 'failed' && !stock.results.has(name))
        .map(([name]) => name),
    )
}

/** Where a test of that name is; a hook's failure has a name of its own. */
export const fileOf = (name) => name.slice(0, name.indexOf(' > '))

/** How many tests a run passed, failed and skipped. */
export function counts({ results }) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const { state } of results.values()) total[state]++
  return total
}
