// Packs every public package, as it would be published, into a folder: `npm run packs -- DIR`.
import { mkdirSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { buildSteps } from './commands.mjs'
import { prebuilds } from './native.mjs'
import { nativePackages, publicPackages } from './paths.mjs'
import { run, say, step } from './steps.mjs'

/** The prebuilt binary of each native package for the machine this runs on. */
export function prebuildHere() {
  for (const { folder } of nativePackages()) prebuilds(folder)
  return 0
}

export async function packInto(target) {
  for (const { folder } of publicPackages()) {
    const args = ['pack', '--pack-destination', target]
    if ((await run('pnpm', args, { cwd: folder, quiet: true })) !== 0) return 1
  }
  return 0
}

export async function packs([directory]) {
  if (directory === undefined) {
    say('usage: npm run packs -- DIR')
    return 1
  }
  if (process.env.CELERIS_TOOLCHAIN === 'none') {
    say('the native packages cannot be packed without a compiler, make and python3')
    return 1
  }
  const target = resolve(process.env.INIT_CWD ?? '.', directory)
  mkdirSync(target, { recursive: true })
  const ok =
    (await step('build', buildSteps.build)) &&
    (await step('prebuilds', prebuildHere)) &&
    (await step('pack', () => packInto(target)))
  for (const file of readdirSync(target)) if (file.endsWith('.tgz')) say(resolve(target, file))
  return ok ? 0 : 1
}
