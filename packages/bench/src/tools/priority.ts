import { writeFile } from 'node:fs/promises'

// What an ordinary neighbour gets beside it is about a hundredth of a core, besides all idle time.
const NICE = -20

/** The words before a command line that give a program, and all its threads, precedence. */
export const precedence = (raised: boolean): string[] =>
  raised ? ['nice', '-n', String(NICE)] : []

/**
 * Gives the session of a process precedence over others, where the kernel weighs sessions first
 * (autogroup); the nice value alone then counts within the session only.
 */
export const raiseSession = async (raised: boolean, pid: number | undefined): Promise<void> => {
  // Not ours to change without privileges, or not kept by this kernel: the figures say so by their spread.
  if (raised) await writeFile(`/proc/${pid}/autogroup`, String(NICE)).catch(() => undefined)
}
