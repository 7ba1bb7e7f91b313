import { execFile } from 'node:child_process'

/** How a program ended that was run to its end. */
export interface ProgramResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Options of {@link runProgram}. */
export interface ProgramOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly signal?: AbortSignal
  /** Milliseconds until it is ended. */
  readonly timeout?: number
}

/** Runs a program to its end; a program that is missing counts as exit code 127, as in a shell. */
export const runProgram = (
  file: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> =>
  new Promise((resolve) => {
    execFile(file, args, { ...options, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const code = !error ? 0 : typeof error.code === 'number' ? error.code : 127
      resolve({ code, stdout, stderr: stderr || (error?.message ?? '') })
    })
  })
