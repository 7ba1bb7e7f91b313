import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BenchError } from '../errors.ts'
import { moduleVersion } from '../servers/module-version.ts'
import type { ServerOptions } from '../servers/server-list.ts'
import { runProgram } from '../tools/run-program.ts'

/** One side of a comparison, ready to be served. */
export interface Side {
  readonly label: string
  readonly options: ServerOptions
  /** Folder whose `@celeris/core` is served; empty for the one beside this package. */
  readonly base: string
  /** Removes what was built for it. */
  readonly remove: () => Promise<void>
}

const optionSide = (text: string): Side => {
  let options: unknown
  try {
    options = JSON.parse(text)
  } catch (cause) {
    throw new BenchError('CELERIS_BENCH_ARGUMENT', `not a JSON object of server options: ${text}`, {
      cause,
    })
  }
  return {
    label: text,
    options: options as ServerOptions,
    base: '',
    remove: async () => {},
  }
}

const git = async (args: readonly string[], problem: string): Promise<string> => {
  const { code, stdout, stderr } = await runProgram('git', args)
  if (code !== 0) throw new BenchError('CELERIS_BENCH_REVISION', `${problem}: ${stderr.trim()}`)
  return stdout.trim()
}

const revisionSide = async (revision: string, say: (line: string) => void): Promise<Side> => {
  const commit = await git(
    ['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`],
    `"${revision}" is no revision of this repository (and no JSON object of options)`,
  )
  const folder = join(await mkdtemp(join(tmpdir(), 'celeris-compare-')), 'tree')
  const remove = async (): Promise<void> => {
    await runProgram('git', ['worktree', 'remove', '--force', folder])
    await rm(join(folder, '..'), { recursive: true, force: true })
  }
  const label = `${revision} (${commit.slice(0, 9)})`
  try {
    await git(['worktree', 'add', '--detach', folder, commit], `no worktree for ${label}`)
    say(`building ${label} …`)
    const built = await runProgram('npm', ['run', 'setup'], { cwd: folder })
    if (built.code !== 0)
      throw new BenchError(
        'CELERIS_BENCH_REVISION',
        `${label} does not build:\n${`${built.stdout}\n${built.stderr}`.slice(-2000)}`,
      )
    const base = join(folder, 'packages', 'bench')
    if (!(await moduleVersion('@celeris/core', base)))
      throw new BenchError(
        'CELERIS_BENCH_REVISION',
        `${label} has no built @celeris/core: compare needs revisions from its first release on`,
      )
    return { label, options: {}, base, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Prepares a side from what the user typed: options when it starts with `{`, else a git revision. */
export const prepareSide = (text: string, say: (line: string) => void): Promise<Side> =>
  text.trimStart().startsWith('{') ? Promise.resolve(optionSide(text)) : revisionSide(text, say)
