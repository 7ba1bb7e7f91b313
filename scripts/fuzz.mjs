// `npm run fuzz -- --seconds 600 [--seed N]`: every fuzzer of the repository for long. The C++ ones,
// those of core and of redis, and the differential test; `npm test` runs the same for a moment, from one seed.
import { parseArgs } from 'node:util'
import { buildSteps } from './commands.mjs'
import { run, say, step } from './steps.mjs'

const JAVASCRIPT = [
  'packages/core/test/fuzz',
  'packages/redis/src/reply-fuzz',
  'packages/redis/test/reconnect.test.ts',
  'packages/differential',
]

export async function fuzzForLong(args) {
  const options = { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } }
  const { values } = parseArgs({ args, options })
  const seconds = Number(values.seconds)
  const seed = values.seed === undefined ? undefined : Number(values.seed)
  if (!(seconds > 0) || (seed !== undefined && !Number.isSafeInteger(seed))) {
    say('use: npm run fuzz -- [--seconds N, for each fuzzer] [--seed N, an integer]')
    return 1
  }
  process.env.CELERIS_FUZZ_SECONDS = String(seconds)
  if (seed !== undefined) process.env.CELERIS_FUZZ_SEED = String(seed)
  const steps = {
    build: buildSteps.build,
    ...(process.platform === 'linux' ? { 'C++ fuzzers': fuzzNative } : {}),
    'JavaScript fuzzers': () => run('vitest', ['run', '--project', 'source', ...JAVASCRIPT]),
  }
  let ok = true
  for (const [name, work] of Object.entries(steps)) ok = (await step(name, work)) && ok
  return ok ? 0 : 1
}

// Loaded late: it reads the environment.
const fuzzNative = async () => (await import('./native-tests.mjs')).fuzz()
