// What the documentation says about the run: figures and the list of deviations.

/** Markdown for the run of all kinds; `figures` are counts by kind and subject. */
export function gapList({ ioredisVersion, redisVersion, figures, deviations }) {
  const lines = [
    '<!-- Written by `npm run ioredis-suite`. -->',
    `ioredis ${ioredisVersion}'s own test suite, run by ioredis and by \`@celeris/redis\` on Redis ${redisVersion}:`,
    '',
    '| part | tests | ioredis: passed, failed, skipped | ours: passed, failed, skipped | named deviations |',
    '| --- | --- | --- | --- | --- |',
    ...figures.map(({ kind, stock, ours, named }) => {
      const tests = stock.passed + stock.failed + stock.skipped
      return `| ${kind} | ${tests} | ${cells(stock)} | ${cells(ours)} | ${named} |`
    }),
    '',
    'ioredis skips tests of newer servers than the one in use, and fails those that check for none; what ioredis itself fails is not counted against ours.',
    '',
  ]
  if (deviations.length === 0) return [...lines, 'No deviations.', ''].join('\n')
  return [
    ...lines,
    '| test of ioredis that ours does not pass | why |',
    '| --- | --- |',
    ...deviations.map(({ test, reason }) => `| ${escaped(test)} | ${escaped(reason)} |`),
    '',
  ].join('\n')
}

const cells = ({ passed, failed, skipped }) => `${passed}, ${failed}, ${skipped}`
const escaped = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
