// Before a release: every native package has a binary for every platform, none of them too new.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { nativePackages } from '../paths.mjs'
import { say } from '../steps.mjs'
import { checkSymbols } from './symbols.mjs'

const PLATFORMS = ['linux-x64', 'linux-arm64']
const LIBCS = ['glibc', 'musl']

for (const { folder, manifest } of nativePackages()) {
  for (const platform of PLATFORMS) {
    for (const libc of LIBCS) {
      const file = join(folder, 'native/prebuilds', platform, `celeris.${libc}.node`)
      if (!existsSync(file)) {
        say(`${manifest.name} has no ${libc} binary for ${platform}`)
        process.exitCode = 1
      } else if (libc === 'glibc' && checkSymbols(file) !== 0) process.exitCode = 1
    }
  }
}
