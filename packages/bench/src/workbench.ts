import { createProgress, type Progress } from './progress.ts'
import { findPinning, type Pinning } from './tools/pinning.ts'

/** What every command works with. */
export interface Workbench {
  readonly pinning: Pinning
  readonly pinningLine: string
  /** Aborted by Ctrl-C: commands then keep what they have. */
  readonly signal: AbortSignal
  /** Says a line to the user, on stderr, so that stdout holds results only. */
  readonly say: (line: string) => void
  readonly progress: (steps: number) => Progress
}

/** Prepares pinning and interruption. The second Ctrl-C ends the process at once. */
export const createWorkbench = async (
  say: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<Workbench> => {
  const pinning = await findPinning()
  if (pinning.warning) say(`note: ${pinning.warning}`)
  const controller = new AbortController()
  process.once('SIGINT', () => {
    say('interrupted: keeping what is finished')
    controller.abort()
  })
  const { serverCore, generatorCore } = pinning
  return {
    pinning,
    pinningLine:
      serverCore === undefined
        ? 'not pinned'
        : `server on core ${serverCore}, load on core ${generatorCore}`,
    signal: controller.signal,
    say,
    progress: (steps) => createProgress(process.stderr, steps),
  }
}
