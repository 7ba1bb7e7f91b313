// `npm run ioredis-suite`: ioredis's own tests against our class. Passes when ours fails exactly what
// stock fails on the same server, and what deviations.json names.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { counts, differences, fileOf } from './compare.mjs'
import { gapList } from './gaps.mjs'
import { KINDS, runSuite, testFiles } from './run-suite.mjs'
import { ioredisVersion, provideSuite } from './sources.mjs'

const RERUNS = 3
const USE =
  'use: npm run ioredis-suite -- [--from GIT-URL-OR-FOLDER] [--only unit|functional|cluster] [--stock] [--fast-path off] [files...]'

const say = (line) => process.stdout.write(`${line}\n`)
const here = (name) => new URL(name, import.meta.url)
const deviations = JSON.parse(readFileSync(here('deviations.json'), 'utf8'))

async function main() {
  if (redisVersion() === undefined) {
    say('redis-server is missing (on Debian: apt-get install redis-server)')
    return 1
  }
  let options
  let folders
  try {
    options = readOptions()
    folders = provideSuite(options.cache, options.from)
  } catch (error) {
    say(error.message)
    return 1
  }
  const figures = []
  let ok = true
  for (const kind of options.kinds) {
    const files = filesOf(folders.stock, kind, options.files)
    if (files.length === 0) continue
    const figure = await runKind(folders, kind, files, options)
    figures.push(figure)
    ok = figure.ok && ok
  }
  if (figures.length === 0) say(`no test file of ioredis matches ${options.files.join(' ')}`)
  if (options.complete && ok) writeGapList(figures)
  return ok && figures.length > 0 ? 0 : 1
}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      cache: { type: 'string' },
      from: { type: 'string' },
      only: { type: 'string' },
      stock: { type: 'boolean', default: false },
      'fast-path': { type: 'string', default: 'on' },
    },
  })
  const { cache, from, only, stock, 'fast-path': fastPath } = values
  if (cache === undefined || (only !== undefined && !KINDS.includes(only))) throw new Error(USE)
  if (fastPath !== 'on' && fastPath !== 'off') throw new Error(USE)
  const isUrl = from?.includes('://') ?? true
  return {
    cache: resolve(cache),
    from: isUrl ? from : resolve(process.env.INIT_CWD ?? '.', from),
    kinds: only === undefined ? KINDS : [only],
    files: positionals,
    stock,
    fastPath,
    complete: !stock && only === undefined && positionals.length === 0 && fastPath === 'on',
  }
}

const filesOf = (folder, kind, wanted) =>
  testFiles(folder, kind).filter(
    (file) => wanted.length === 0 || wanted.some((part) => file.includes(part)),
  )

async function runKind(folders, kind, files, options) {
  const stock = await timed(`${kind}, ioredis`, () => runSuite(folders.stock, kind, files, 'on'))
  if (options.stock) {
    for (const [name, { state }] of stock.results) if (state === 'failed') say(`  fails: ${name}`)
    return { kind, stock: counts(stock), ok: stock.ended }
  }
  const ours = await timed(`${kind}, ours, fast path ${options.fastPath}`, () =>
    runSuite(folders.celeris, kind, files, options.fastPath),
  )
  const named = new Set(deviations.map(({ test }) => test))
  const differing = new Set(differences(stock, ours))
  const others = [...differing].filter((name) => !named.has(name))
  const unnamed = await confirmed(folders, kind, others, options.fastPath)
  for (const name of others) if (!unnamed.has(name)) differing.delete(name)
  for (const [name, message] of unnamed) say(`DIFFERS ${name}\n${indented(message)}`)
  const stale = staleNames(named, differing, stock, files, options)
  for (const name of stale) say(`NO LONGER DIFFERS, take it off deviations.json: ${name}`)
  const ok = stock.ended && ours.ended && unnamed.size === 0 && stale.length === 0
  return { kind, stock: counts(stock), ours: counts(ours), named: differing.size, ok }
}

/** A fast path that is off differs in less. */
const staleNames = (named, differing, stock, files, { fastPath }) =>
  fastPath === 'off'
    ? []
    : [...named].filter(
        (name) =>
          files.includes(fileOf(name)) &&
          !differing.has(name) &&
          stock.results.get(name)?.state !== 'failed',
      )

async function timed(what, work) {
  const start = performance.now()
  const run = await work()
  const { passed, failed, skipped } = counts(run)
  const seconds = ((performance.now() - start) / 1_000).toFixed(0)
  const end = run.ended ? '' : '; it did not come to its end'
  say(`${what}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)${end}`)
  return run
}

/** Those that differ again, each file alone, in every one of some runs; and ours' last message. */
async function confirmed(folders, kind, names, fastPath) {
  const differing = new Map()
  for (const file of new Set(names.map(fileOf))) {
    let left = names.filter((name) => fileOf(name) === file)
    let ours
    for (let run = 0; run < RERUNS && left.length > 0; run++) {
      const stock = await runSuite(folders.stock, kind, [file], 'on')
      ours = await runSuite(folders.celeris, kind, [file], fastPath)
      const again = new Set(differences(stock, ours))
      left = left.filter((name) => again.has(name))
    }
    const gone = names.filter((name) => fileOf(name) === file).length - left.length
    if (gone > 0) say(`  not again when run alone: ${gone} of ${file}`)
    for (const name of left) {
      differing.set(name, ours.results.get(name)?.message ?? 'ours did not run it')
    }
  }
  return differing
}

const indented = (text) => text.replaceAll(/^/gm, '    ')

function redisVersion() {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  return /v=([\d.]+)/.exec(stdout ?? '')?.[1]
}

function writeGapList(figures) {
  const text = gapList({ ioredisVersion, redisVersion: redisVersion(), figures, deviations })
  writeFileSync(here('gaps.generated.md'), text)
}

process.exitCode = await main()
