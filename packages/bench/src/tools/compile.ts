import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from '../cache-folder.ts'
import { BenchError } from '../errors.ts'
import { packageRoot } from '../package-root.ts'
import { runProgram } from './run-program.ts'

const FLAGS = ['-O2', '-std=gnu11', '-Wall', '-Wextra']

const sourcesOf = async (tool: 'generator' | 'limit'): Promise<string[]> => {
  const native = join(packageRoot, 'native')
  if (tool === 'limit') return [join(native, 'limit.c')]
  const folder = join(native, 'generator')
  return (await readdir(folder)).sort().map((file) => join(folder, file))
}

/** The C compiler: `CC`, else `cc`. */
export const compilerName = (env: NodeJS.ProcessEnv = process.env): string => env.CC || 'cc'

const versionOf = async (compiler: string): Promise<string | undefined> => {
  const { code, stdout } = await runProgram(compiler, ['--version'])
  return code === 0 ? stdout.split('\n', 1)[0] : undefined
}

/** First line of what the C compiler says about itself, or undefined when there is none. */
export const compilerVersion = (): Promise<string | undefined> => versionOf(compilerName())

/** What {@link buildOnce} makes, and of what. */
export interface BuildPlan {
  /** Name in the cache, before the hash. */
  readonly name: string
  readonly compiler: string
  /** How to get that compiler, for the user. */
  readonly cure: string
  readonly flags: readonly string[]
  readonly sources: readonly string[]
  /** Compiler calls, in order, that leave the result at `target`; `target` and .o may stand between them. */
  readonly calls: (target: string) => readonly (readonly string[])[]
}

/**
 * Path of something compiled, made on first use in the bench's cache. Its name carries a hash of
 * sources, flags and compiler, so an edit or another compiler never runs an old binary.
 *
 * @throws BenchError `CELERIS_BENCH_COMPILER` without a working compiler, or off Linux.
 */
export const buildOnce = async (plan: BuildPlan): Promise<string> => {
  const { name, compiler, flags, sources } = plan
  if (process.platform !== 'linux')
    throw new BenchError(
      'CELERIS_BENCH_COMPILER',
      `the ${name} needs epoll and /proc: run the bench on Linux, not on ${process.platform}`,
    )
  const version = await versionOf(compiler)
  if (!version)
    throw new BenchError(
      'CELERIS_BENCH_COMPILER',
      `no compiler: "${compiler}" does not run. ${plan.cure}`,
    )
  const hash = createHash('sha256').update(version).update(flags.join(' '))
  for (const source of sources) hash.update(await readFile(source))
  const folder = join(cacheFolder(), 'tools')
  const target = join(folder, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(target)) return target
  await mkdir(folder, { recursive: true })
  const unfinished = `${target}.${process.pid}`
  const removeParts = async (): Promise<void> => {
    for (const part of [unfinished, `${unfinished}.o`]) await rm(part, { force: true })
  }
  for (const args of plan.calls(unfinished)) {
    const { code, stderr } = await runProgram(compiler, [...args])
    if (code !== 0) {
      await removeParts()
      throw new BenchError('CELERIS_BENCH_COMPILER', `compiling the ${name} failed:\n${stderr}`)
    }
  }
  await rename(unfinished, target)
  await removeParts()
  return target
}

/** How to get a C compiler. */
export const C_CURE = 'Install one (Debian: apt-get install gcc libc6-dev) or set CC'

/**
 * Path of a native tool, compiled on first use.
 *
 * @throws BenchError `CELERIS_BENCH_COMPILER` without a working compiler, or off Linux.
 */
export const compiledTool = async (tool: 'generator' | 'limit'): Promise<string> => {
  const sources = await sourcesOf(tool)
  const files = sources.filter((source) => source.endsWith('.c'))
  return buildOnce({
    name: tool,
    compiler: compilerName(),
    cure: C_CURE,
    flags: FLAGS,
    sources,
    calls: (target) => [[...FLAGS, '-o', target, ...files]],
  })
}
