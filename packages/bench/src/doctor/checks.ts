import { readFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { celeris, redisRivals } from '../redis/redis-libraries.ts'
import { redisServerVersion } from '../redis/redis-servers.ts'
import { serverKinds } from '../servers/server-list.ts'
import { compilerVersion } from '../tools/compile.ts'
import { findPinning } from '../tools/pinning.ts'

/** One thing a run needs, or is better with. */
export interface Check {
  readonly name: string
  readonly state: 'ok' | 'warning' | 'missing'
  readonly found: string
  /** What to do; empty when nothing is. */
  readonly cure: string
}

const ok = (name: string, found: string): Check => ({ name, state: 'ok', found, cure: '' })

const readText = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return ''
  }
}

const system = (): Check =>
  process.platform === 'linux'
    ? ok('system', 'Linux')
    : {
        name: 'system',
        state: 'missing',
        found: process.platform,
        cure: 'the load generator needs epoll and /proc: run the bench on Linux',
      }

const compiler = async (): Promise<Check> => {
  const version = await compilerVersion()
  return version
    ? ok('C compiler', version)
    : {
        name: 'C compiler',
        state: 'missing',
        found: 'none',
        cure: 'apt-get install gcc libc6-dev, or set CC',
      }
}

const cores = async (): Promise<Check> => {
  const { warning, allowed } = await findPinning()
  return warning
    ? {
        name: 'cores',
        state: 'warning',
        found: allowed || String(availableParallelism()),
        cure: warning,
      }
    : ok('cores', `${allowed}: server and load have one each`)
}

const accounting = async (): Promise<Check> =>
  /^\d+ \d+ \d+/.test(await readText('/proc/self/schedstat'))
    ? ok('CPU accounting', '/proc/PID/schedstat, in nanoseconds')
    : {
        name: 'CPU accounting',
        state: 'missing',
        found: 'no /proc/PID/schedstat',
        cure: 'use a kernel with CONFIG_SCHED_INFO: CPU per request cannot be measured',
      }

const descriptors = async (): Promise<Check> => {
  const hard = (await readText('/proc/self/limits')).match(/Max open files\s+\S+\s+(\d+)/)?.[1]
  const enough = Number(hard) >= 10_200
  return enough
    ? ok('descriptors', `${hard} at most`)
    : {
        name: 'descriptors',
        state: 'warning',
        found: hard ?? 'unknown',
        cure: 'ulimit -Hn 20000: 10 000 connections do not fit',
      }
}

const governor = async (): Promise<Check> => {
  const name = (await readText('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')).trim()
  if (!name) return ok('CPU governor', 'not visible (a virtual machine)')
  return name === 'performance'
    ? ok('CPU governor', name)
    : {
        name: 'CPU governor',
        state: 'warning',
        found: name,
        cure: 'cpupower frequency-set -g performance: clocks that change blur latency',
      }
}

const neighbours = async (): Promise<Check> => {
  const [one = 0] = loadavg()
  const cpu =
    (await readText('/proc/stat')).split('\n', 1)[0]?.trim().split(/\s+/).slice(1).map(Number) ?? []
  const total = cpu.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0)
  const steal = total ? (100 * (cpu[7] ?? 0)) / total : 0
  const found = `load ${one.toFixed(2)}, ${steal.toFixed(1)} % stolen since boot`
  return one > 0.7 * availableParallelism() || steal > 5
    ? {
        name: 'neighbours',
        state: 'warning',
        found,
        cure: 'something else uses this machine: stop it, or trust ratios and CPU per request only',
      }
    : ok('neighbours', found)
}

const servers = async (): Promise<Check[]> =>
  Promise.all(
    serverKinds.map(async (kind): Promise<Check> => {
      const found = await kind.availability()
      return 'version' in found
        ? ok(`server ${kind.name}`, found.version)
        : { name: `server ${kind.name}`, state: 'warning', found: 'missing', cure: found.missing }
    }),
  )

const redisServer = async (): Promise<Check> => {
  const version = await redisServerVersion()
  return version
    ? ok('redis-server', version)
    : {
        name: 'redis-server',
        state: 'warning',
        found: 'missing',
        cure: 'apt-get install redis-server: only `celeris-bench redis` needs it',
      }
}

const redisClients = async (): Promise<Check[]> =>
  Promise.all(
    [celeris, ...redisRivals.filter(({ loads, name }) => loads === name)].map(
      async ({ name, availability }): Promise<Check> => {
        const found = await availability()
        return 'version' in found
          ? ok(`Redis client ${name}`, found.version)
          : {
              name: `Redis client ${name}`,
              state: 'warning',
              found: 'missing',
              cure: found.missing,
            }
      },
    ),
  )

/** Looks at everything a run depends on. */
export const runChecks = async (): Promise<Check[]> => [
  system(),
  await compiler(),
  await cores(),
  await accounting(),
  await descriptors(),
  await governor(),
  await neighbours(),
  ...(await servers()),
  await redisServer(),
  ...(await redisClients()),
]
