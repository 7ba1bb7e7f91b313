import { availableParallelism } from 'node:os'
import { runProgram } from './run-program.ts'

/** How child processes are put on cores and tied to this process. */
export interface Pinning {
  /** Core of the servers; undefined when this machine gives us only one. */
  readonly serverCore: number | undefined
  /** Core of the load generator. */
  readonly generatorCore: number | undefined
  /** Cores this process may use, as `taskset` writes them. */
  readonly allowed: string
  /** What is missing for clean figures, as a sentence; undefined when nothing is. */
  readonly warning: string | undefined
  /** True where `setpriv` can end a child together with its parent. */
  readonly canTie: boolean
}

const expand = (list: string): number[] =>
  list.split(',').flatMap((part) => {
    const [from = Number.NaN, to = from] = part.split('-').map(Number)
    return Number.isInteger(from) ? Array.from({ length: to - from + 1 }, (_, i) => from + i) : []
  })

/** Decides the two cores: the first two this process may run on. */
export const findPinning = async (): Promise<Pinning> => {
  const { code, stdout } = await runProgram('taskset', ['-cp', String(process.pid)])
  const allowed = code === 0 ? (stdout.split(':').pop()?.trim() ?? '') : ''
  const cores = expand(allowed)
  const tie = await runProgram('setpriv', ['--pdeathsig', 'TERM', 'true'])
  const base = { allowed, canTie: tie.code === 0 }
  const [serverCore, generatorCore] = cores
  if (serverCore === undefined)
    return {
      ...base,
      serverCore,
      generatorCore,
      warning: 'taskset is missing: nothing is pinned (Debian: apt-get install util-linux)',
    }
  if (generatorCore === undefined)
    return {
      ...base,
      serverCore,
      generatorCore: serverCore,
      warning: `only ${availableParallelism()} core: server and load share it, so only CPU per request means anything`,
    }
  return { ...base, serverCore, generatorCore, warning: undefined }
}

/**
 * Command line that runs `command` on a core, ended by the kernel if this process dies. Both
 * wrappers exec, so the pid is the command's own.
 */
export const pinnedCommand = (
  pinning: Pinning,
  core: number | undefined,
  command: readonly string[],
): [string, string[]] => {
  const words = [
    ...(pinning.canTie ? ['setpriv', '--pdeathsig', 'TERM'] : []),
    ...(core === undefined ? [] : ['taskset', '-c', String(core)]),
    ...command,
  ]
  const [file = '', ...args] = words
  return [file, args]
}
