import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** CPUs that this process may use: its affinity, cut by the quota of its control group where there is one. */
export function availableCpus(): number {
  const affinity = availableParallelism()
  try {
    const [quota, period] = readFileSync('/sys/fs/cgroup/cpu.max', 'utf8').trim().split(' ')
    if (quota === undefined || quota === 'max' || period === undefined) return affinity
    return Math.max(1, Math.min(affinity, Math.floor(Number(quota) / Number(period))))
  } catch {
    return affinity
  }
}
