// `npm run redis-soak -- --seconds 60`: writes while a Redis server is killed every few seconds, and
// checks that nothing is lost; `npm test` does so for a moment.
import { parseArgs } from 'node:util'
import { run, say, step } from './steps.mjs'

export async function redisSoak(args) {
  const { values } = parseArgs({ args, options: { seconds: { type: 'string', default: '60' } } })
  if (!(Number(values.seconds) > 0)) {
    say('use: npm run redis-soak -- [--seconds N]')
    return 1
  }
  process.env.CELERIS_SOAK_SECONDS = values.seconds
  const soak = () => run('vitest', ['run', '--project', 'source', 'packages/redis/test/soak'])
  return (await step('redis soak', soak)) ? 0 : 1
}
