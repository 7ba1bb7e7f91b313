import { readFile } from 'node:fs/promises'

/** Time the main threads of some processes ran, and were kept waiting for a core, in nanoseconds. */
export interface Scheduling {
  readonly ranNs: number
  readonly waitedNs: number
}

/** Reads it from `/proc/PID/schedstat`; zeros where the kernel keeps none. */
export const scheduling = async (pids: readonly number[]): Promise<Scheduling> => {
  let ranNs = 0
  let waitedNs = 0
  for (const pid of pids) {
    const text = await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '0 0 0')
    const [ran = 0, waited = 0] = text.split(' ').map(Number)
    ranNs += ran
    waitedNs += waited
  }
  return { ranNs, waitedNs }
}
