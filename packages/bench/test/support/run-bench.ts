// Runs the built command line in a process of its own.
import { fileURLToPath } from 'node:url'
import { type ProgramResult, runProgram } from '../../src/tools/run-program.ts'

/** Runs `celeris-bench` with these words. */
export const runBench = (...words: string[]): Promise<ProgramResult> =>
  runProgram(process.execPath, [
    fileURLToPath(new URL('../../dist/cli.js', import.meta.url)),
    ...words,
  ])
