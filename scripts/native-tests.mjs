// Compiles and runs what needs no Node: the unit tests and fuzzers of packages/engine/native.
//   node scripts/native-tests.mjs [unit | fuzz]     both without an argument
//
// native/test/x_test.cc and native/fuzz/x_fuzz.cc are programs of their own. Either they include the
// .cc files they need, or their first line names files of native/src: `// sources: a.cc b.cc`.
// A test prints nothing but failures and exits 1. A fuzzer defines LLVMFuzzerTestOneInput and starts
// from native/fuzz/corpus/x/, or that of another one named by a line `// corpus: y`. CELERIS_FUZZ_SECONDS (10) bounds each fuzzer, CELERIS_FUZZ_SEED repeats one.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cache, root } from './paths.mjs'
import { say, step } from './steps.mjs'
import { ask, ensureCommands, nodeHeaders } from './toolchain.mjs'

const native = join(root, 'packages/engine/native')
const output = join(cache, 'native-tests')
const driver = join(root, 'scripts/fuzz-driver.cc')
const fuzzSeconds = Number(process.env.CELERIS_FUZZ_SECONDS ?? 10)

const LANGUAGE = ['-std=c++20', '-fno-exceptions', '-fno-rtti', '-Wall', '-Wextra', '-Werror']
const CHECKS = ['-g', '-O1', '-fno-omit-frame-pointer', '-DCELERIS_DEBUG', '-DNAPI_VERSION=8']
const RECOVER = '-fno-sanitize-recover=all'
const DEBIAN_CLANG = ['clang', 'libclang-rt-14-dev']

const environment = {
  ...process.env,
  ASAN_OPTIONS: 'abort_on_error=0:detect_stack_use_after_return=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
}

/** Runs a program; resolves with `{ code, text }`, its output kept to be shown if it fails. */
function execute(command, args, timeoutMs) {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: native,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    let text = ''
    const keep = (chunk) => {
      text = (text + chunk).slice(-(1 << 20))
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => keep(error.message))
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      done({ code: code ?? 1, text: signal ? `${text}\nended by ${signal}` : text })
    })
  })
}

function programs(folder, suffix) {
  if (!existsSync(join(native, folder))) return []
  return readdirSync(join(native, folder))
    .filter((file) => file.endsWith(suffix))
    .map((file) => ({ name: file.slice(0, -suffix.length), source: join(native, folder, file) }))
}

/** The program's own file and those its first line names. */
function sourcesOf({ source }) {
  const [first = ''] = readFileSync(source, 'utf8').split('\n', 1)
  const named = /^\/\/ sources:(.*)$/.exec(first)?.[1]?.split(/[\s,]+/) ?? []
  return [source, ...named.filter(Boolean).map((file) => join(native, 'src', file))]
}

function hashOfSources(hash, folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort(byName)) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (entry.name !== 'corpus') hashOfSources(hash, path)
    } else hash.update(`${path.slice(native.length)}\0`).update(readFileSync(path))
  }
}

const byName = (a, b) => (a.name < b.name ? -1 : 1)

/** Compiles a program unless the same sources, flags and compiler made it before. */
async function compile(program, compiler, flags, extraSources = []) {
  const headers = process.env.npm_config_nodedir ?? nodeHeaders()
  const includes = ['include', 'src', '.'].map((folder) => `-I${join(native, folder)}`)
  if (headers) includes.push('-isystem', join(headers, 'include/node'))
  const inputs = [...sourcesOf(program), ...extraSources]
  const args = [...LANGUAGE, ...CHECKS, ...flags, ...includes, ...inputs]
  const hash = createHash('sha256').update(`${ask(compiler, ['--version'])}\0${args.join('\0')}\0`)
  hashOfSources(hash, native)
  for (const file of extraSources) hash.update(readFileSync(file))
  const prefix = basename(program.source, '.cc')
  const binary = join(output, `${prefix}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(binary)) return { binary }
  for (const old of readdirSync(output)) {
    if (old.startsWith(`${prefix}-`)) rmSync(join(output, old))
  }
  const { code, text } = await execute(compiler, [...args, '-o', `${binary}.new`], 300_000)
  if (code !== 0) return { problem: text }
  cpSync(`${binary}.new`, binary)
  rmSync(`${binary}.new`)
  return { binary }
}

/** Runs `work` for every item, as many at once as there are cores; true if all returned true. */
async function inParallel(items, work) {
  const queue = [...items]
  let ok = true
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      if (!(await work(item))) ok = false
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return ok
}

const compilerOfAddon = () => (process.env.CXX || 'c++').split(' ')[0]

export async function unit() {
  mkdirSync(output, { recursive: true })
  const flags = ['-fsanitize=address,undefined', RECOVER]
  const tests = programs('test', '_test.cc')
  const ok = await inParallel(tests, async (test) => {
    const { binary, problem } = await compile(test, compilerOfAddon(), flags)
    const { code, text } = binary ? await execute(binary, [], 120_000) : { code: 1, text: problem }
    if (code !== 0) say(`${test.name}_test.cc failed:\n${text}`)
    return code === 0
  })
  say(`  ${tests.length} C++ test programs under ASan and UBSan`)
  return ok ? 0 : 1
}

/** clang brings libFuzzer; without it a small driver replays and mutates the corpus. */
function fuzzingCompiler() {
  const wanted = { 'clang++': DEBIAN_CLANG }
  if (ensureCommands(wanted).length === 0) {
    return { compiler: 'clang++', flags: ['-fsanitize=fuzzer,address,undefined'], sources: [] }
  }
  say('  no clang++ (Debian: apt-get install clang libclang-rt-14-dev): fuzzing without coverage')
  return { compiler: compilerOfAddon(), flags: ['-fsanitize=address,undefined'], sources: [driver] }
}

export async function fuzz() {
  mkdirSync(output, { recursive: true })
  const fuzzers = programs('fuzz', '_fuzz.cc')
  if (fuzzers.length === 0) {
    say('  no fuzzers')
    return 0
  }
  const { compiler, flags, sources } = fuzzingCompiler()
  const ok = await inParallel(fuzzers, async (fuzzer) => {
    const { binary, problem } = await compile(fuzzer, compiler, [...flags, RECOVER], sources)
    const { code, text } = binary ? await runFuzzer(fuzzer, binary) : { code: 1, text: problem }
    if (code !== 0) say(`${fuzzer.name}_fuzz.cc failed:\n${text}`)
    else say(`  ${fuzzer.name}: ${lastOf(text)}`)
    return code === 0
  })
  return ok ? 0 : 1
}

const lastOf = (text) => text.trim().split('\n').at(-1) ?? ''

const corpusOf = ({ name, source }) =>
  /^\/\/ corpus: (\w+)$/m.exec(readFileSync(source, 'utf8'))?.[1] ?? name

/** New inputs go to a scratch folder: the checked-in corpus changes only by hand. */
function runFuzzer(fuzzer, binary) {
  const { name } = fuzzer
  const found = join(output, 'found', name)
  mkdirSync(found, { recursive: true })
  const corpus = join(native, 'fuzz/corpus', corpusOf(fuzzer))
  const limits = ['-timeout=5', '-rss_limit_mb=2048', '-print_final_stats=0', '-verbosity=1']
  const time = [`-max_total_time=${fuzzSeconds}`, `-artifact_prefix=${join(output, `${name}-`)}`]
  const folders = existsSync(corpus) ? [found, corpus] : [found]
  const seed = process.env.CELERIS_FUZZ_SEED ? [`-seed=${process.env.CELERIS_FUZZ_SEED}`] : []
  return execute(binary, [...limits, ...seed, ...time, ...folders], (fuzzSeconds + 120) * 1000)
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const parts = { unit, fuzz }
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts)
  for (const name of names) {
    if (!(await step(`C++ ${name}`, parts[name]))) process.exitCode = 1
  }
}
