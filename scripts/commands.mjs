// What the root scripts run, once everything is prepared.
import { run, say, step } from './steps.mjs'

export const buildSteps = {
  build: () =>
    run('turbo', [
      'run',
      'build',
      'build:native',
      '--output-logs=errors-only',
      '--continue=dependencies-successful',
    ]),
}

const commands = {
  build: async () => ((await step('build', buildSteps.build)) ? 0 : 1),
  turbo: (args) => run('turbo', args),
  pnpm: (args) => run('pnpm', args),
  lint: async () => (await import('./lint.mjs')).lint(),
  format: async () => (await import('./lint.mjs')).format(),
  coverage: () => run('vitest', ['run', '--coverage', '--project', 'source']),
  ci: async () => (await import('./ci.mjs')).ci(),
  fuzz: async (args) => (await import('./fuzz.mjs')).fuzzForLong(args),
  'ioredis-suite': async (args) => (await import('./ioredis-suite.mjs')).ioredisSuite(args),
  'redis-soak': async (args) => (await import('./redis-soak.mjs')).redisSoak(args),
  packs: async (args) => (await import('./packs.mjs')).packs(args),
  rehearsal: async () => (await import('./rehearsal.mjs')).rehearsal(),
}

export async function runCommand(name, args) {
  const command = commands[name]
  if (command) return command(args)
  say(`unknown command ${name}; known: ${Object.keys(commands).join(', ')}`)
  return 1
}
