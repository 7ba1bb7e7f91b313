// `npm test`: everything CI runs. Steps are independent: one that fails does not hide the others.
// The last line sums vitest's tests and all other steps.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildSteps } from './commands.mjs'
import { cross } from './gates/cross.mjs'
import { checkSymbols } from './gates/symbols.mjs'
import { tarballs } from './gates/tarballs.mjs'
import { lintSteps } from './lint.mjs'
import { prebuilds, special } from './native.mjs'
import { fuzz, unit } from './native-tests.mjs'
import { prebuildHere } from './packs.mjs'
import { cache, nativePackages, readJson, root } from './paths.mjs'
import { run, say, step } from './steps.mjs'
import { ask, ensureCommands } from './toolchain.mjs'

const CONFORMANCE = 'packages/engine-epoll/test/conformance.test.ts'
const onLinux = process.platform === 'linux'

const total = { passed: 0, failed: 0 }

async function check(name, work) {
  const ok = await step(name, work)
  total[ok ? 'passed' : 'failed']++
}

/** Runs vitest and adds its tests to the total; a file that does not even load is a failure. */
async function tests(name, args, env) {
  const report = join(cache, `vitest-${name.replaceAll(' ', '-')}.json`)
  mkdirSync(cache, { recursive: true })
  rmSync(report, { force: true })
  await step(name, async () => {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const code = await run('vitest', ['run', ...args, ...reporters], { env })
    const counts = existsSync(report) ? readJson(report) : {}
    const failed = counts.numFailedTests ?? 0
    total.passed += counts.numPassedTests ?? 0
    total.failed += code === 0 ? failed : Math.max(failed, 1)
    return code
  })
}

/** Engines with the sanitizers inside: every memory error of the suite ends the run. */
async function sanitizedConformance() {
  const flags = '-fsanitize=address,undefined -fno-sanitize-recover=all'
  let folder = ''
  await check('sanitized build', () => {
    for (const addon of nativePackages()) {
      folder = special(addon.folder, 'sanitized', {
        CXXFLAGS: `${flags} -fno-omit-frame-pointer -g -O1 -DCELERIS_DEBUG`,
        LDFLAGS: flags,
      })
    }
    return 0
  })
  const compiler = (process.env.CXX || 'c++').split(' ')[0]
  const libraries = ['libasan.so', 'libubsan.so'].map((file) =>
    ask(compiler, [`-print-file-name=${file}`]),
  )
  const env = {
    CELERIS_NATIVE_DIR: folder,
    LD_PRELOAD: libraries.join(' '),
    // V8 frees its heap by leaving; only our own leaks would matter and the unit tests look there.
    ASAN_OPTIONS: 'detect_leaks=0',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  }
  await check('sanitized addon is the one that loads', () => {
    const program = `require('./packages/engine-epoll/binding.cjs')()
const maps = require('node:fs').readFileSync('/proc/self/maps', 'utf8')
process.exit(maps.includes(${JSON.stringify(folder)}) && maps.includes('libasan') ? 0 : 1)`
    return run(process.execPath, ['--eval', program], { env })
  })
  if (existsSync(join(root, CONFORMANCE))) {
    await tests('sanitized conformance', [CONFORMANCE, '--project', 'source'], env)
  } else say(`  no ${CONFORMANCE}`)
}

async function nativeChecks() {
  await check('C++ unit tests', unit)
  await check('C++ fuzzers', fuzz)
  await sanitizedConformance()
  await check('prebuilt addons', prebuildHere)
  await check('symbols', () => {
    const codes = nativePackages().map(({ folder }) => checkSymbols(prebuilds(folder)))
    return Math.max(0, ...codes)
  })
  await check('arm64 cross build', cross)
  await check('tarballs', tarballs)
}

export async function ci() {
  const start = performance.now()
  if (onLinux) {
    await check('toolchain', () => {
      if (process.env.CELERIS_TOOLCHAIN !== 'none') return 0
      say('the tests need a C++ compiler, make and python3')
      return 1
    })
    ensureCommands({ objdump: ['binutils'] })
  }
  await check('generated files', () =>
    run(process.execPath, ['packages/engine/layout/generate.mjs', '--check']),
  )
  for (const [name, work] of Object.entries(lintSteps)) await check(name, work)
  await check('build', buildSteps.build)
  await check('types', () => run('tsc', ['-b']))
  await check('import directions', () => run('depcruise', ['packages', 'examples', 'test']))
  await check('unused code and dependencies', () => run('knip', []))
  await tests('vitest', [])
  if (onLinux) await nativeChecks()
  say(`npm test took ${Math.round(performance.now() - start)} ms`)
  say(`${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0 ? 0 : 1
}
