import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { compilerVersion } from './tools/compile.ts'

/** What a figure depends on besides the code; written into every report. */
export interface MachineFacts {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly compiler: string
  readonly governor: string
  readonly descriptors: string
  readonly loadAverage: number
}

const line = async (path: string): Promise<string | undefined> => {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch {
    return undefined
  }
}

/** Reads the facts of this machine; what cannot be read says so. */
export const machineFacts = async (): Promise<MachineFacts> => {
  const limits = await line('/proc/self/limits')
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${process.platform} ${release()}`,
    node: process.version,
    compiler: (await compilerVersion()) ?? 'none',
    governor:
      (await line('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')) ?? 'not visible',
    descriptors:
      limits
        ?.match(/Max open files\s+(\S+)\s+(\S+)/)
        ?.slice(1, 3)
        .join(' / ') ?? 'unknown',
    loadAverage: loadavg()[0] ?? 0,
  }
}

/** One line for a document. */
export const machineLine = (facts: MachineFacts): string =>
  `${facts.cpu}, ${facts.cores} cores, ${facts.memoryGiB} GiB, ${facts.kernel}, Node ${facts.node.replace(/^v/, '')}`
