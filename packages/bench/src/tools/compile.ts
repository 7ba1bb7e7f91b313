import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename } from 'node:fs/promises'
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

/** First line of what the compiler says about itself, or undefined when there is none. */
export const compilerVersion = async (): Promise<string | undefined> => {
  const { code, stdout } = await runProgram(compilerName(), ['--version'])
  return code === 0 ? stdout.split('\n', 1)[0] : undefined
}

/**
 * Path of a native tool, compiled on first use into the bench's cache. The file name carries a hash
 * of sources, flags and compiler, so an edit or another compiler never runs an old binary.
 *
 * @throws BenchError `CELERIS_BENCH_COMPILER` without a working compiler, or off Linux.
 */
export const compiledTool = async (tool: 'generator' | 'limit'): Promise<string> => {
  if (process.platform !== 'linux')
    throw new BenchError(
      'CELERIS_BENCH_COMPILER',
      `the load ${tool} needs epoll and /proc: run the bench on Linux, not on ${process.platform}`,
    )
  const version = await compilerVersion()
  if (!version)
    throw new BenchError(
      'CELERIS_BENCH_COMPILER',
      `no C compiler: "${compilerName()}" does not run. Install one (Debian: apt-get install gcc libc6-dev) or set CC`,
    )
  const sources = await sourcesOf(tool)
  const hash = createHash('sha256').update(version).update(FLAGS.join(' '))
  for (const source of sources) hash.update(await readFile(source))
  const folder = join(cacheFolder(), 'tools')
  const target = join(folder, `${tool}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(target)) return target
  await mkdir(folder, { recursive: true })
  const unfinished = `${target}.${process.pid}`
  const files = sources.filter((source) => source.endsWith('.c'))
  const { code, stderr } = await runProgram(compilerName(), [...FLAGS, '-o', unfinished, ...files])
  if (code !== 0)
    throw new BenchError('CELERIS_BENCH_COMPILER', `compiling the ${tool} failed:\n${stderr}`)
  await rename(unfinished, target)
  return target
}
