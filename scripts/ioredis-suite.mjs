// `npm run ioredis-suite -- [--from GIT-URL-OR-FOLDER] [--only unit|functional|cluster] [--stock]
// [--fast-path off] [files...]`: ioredis's own tests against `@celeris/redis`.
import { join } from 'node:path'
import { cache, root } from './paths.mjs'
import { run, step } from './steps.mjs'

const CLI = join(root, 'packages/redis/test/ioredis-compatibility/cli.mjs')

export async function ioredisSuite(args) {
  const build = () => run('pnpm', ['--filter', '@celeris/redis', 'build'], { quiet: true })
  const suite = () => run(process.execPath, [CLI, '--cache', cache, ...args])
  return (await step('build', build)) && (await step('ioredis suite', suite)) ? 0 : 1
}
