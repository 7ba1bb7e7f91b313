import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { measureRedis, type RedisReport } from '../redis/measure-redis.ts'
import { findRedisRival, type RedisLibrary, redisRivals } from '../redis/redis-libraries.ts'
import { redisTimings } from '../redis/redis-plan.ts'
import { findRedisPoint, type RedisPoint, redisPoints } from '../redis/redis-points.ts'
import { barsTable } from '../report/bars-table.ts'
import { redisHeapTable, redisPointTable, redisPointTitle } from '../report/redis-table.ts'
import { drawTable } from '../report/table.ts'
import { createWorkbench } from '../workbench.ts'
import { named } from './arguments.ts'
import { writeReport } from './output.ts'

interface RedisFlags {
  readonly check?: boolean
  readonly full?: boolean
  readonly points?: readonly RedisPoint[]
  readonly against?: readonly RedisLibrary[]
  readonly bars?: boolean
  readonly json?: string
  readonly cpuProfile?: string
  readonly priority?: boolean
}

// What a size leaves out unless it is asked for: `check` runs each kind of work once.
const LEFT_OUT: Record<'check' | 'short' | 'full', string[]> = {
  check: ['512', '1k', '64k', 'tls'],
  short: ['tls'],
  full: [],
}
const OPTIONAL_RIVALS = ['self']

const without = <T extends { readonly name: string }>(all: readonly T[], names: string[]): T[] =>
  all.filter(({ name }) => !names.includes(name))

const print = (report: RedisReport): void => {
  for (const result of report.points)
    process.stdout.write(`\n${redisPointTitle(result)}\n${drawTable(redisPointTable(result))}\n`)
  if (report.heap.length) process.stdout.write(`\n${drawTable(redisHeapTable(report.heap))}\n`)
  const versions = report.libraries.map(({ name, version }) => `${name} ${version}`).join(', ')
  process.stdout.write(
    `\n${report.server}; ${versions}; ${report.pinning}\nRatios are ours to the row's: medians of per-cycle ratios with quartiles; 95 % is the interval of the median.\n`,
  )
  if (report.bars.length === 0) return
  const met = report.bars.filter(({ verdict }) => verdict === 'met').length
  process.stdout.write(
    `\n${drawTable(barsTable(report.bars, false))}\n\n${met} of ${report.bars.length} bars met\n`,
  )
}

const redis = async (flags: RedisFlags): Promise<void> => {
  const bench = await createWorkbench()
  const size = flags.check ? 'check' : flags.full ? 'full' : 'short'
  const profileFolder = flags.cpuProfile === undefined ? undefined : resolve(flags.cpuProfile)
  if (profileFolder !== undefined) await mkdir(profileFolder, { recursive: true })
  const report = await measureRedis(bench, {
    points: flags.points ?? without(redisPoints, LEFT_OUT[size]),
    rivals: flags.against ?? without(redisRivals, OPTIONAL_RIVALS),
    timing: redisTimings[size],
    heap: profileFolder === undefined,
    profileFolder,
    raised: flags.priority === true,
    judged: size !== 'check',
  })
  print(report)
  if (flags.json) await writeReport(flags.json, report, bench.say)
  if (flags.bars && report.bars.some(({ verdict }) => verdict !== 'met')) process.exitCode = 1
  if (report.partial) process.exitCode = 130
}

/** `celeris-bench redis`: our Redis client beside ioredis, node-redis and Bun's. */
export const redisCommand = (): Command =>
  new Command('redis')
    .description(
      "@celeris/redis beside ioredis, node-redis and Bun's client, on redis-servers of its own; ratios of ours to theirs",
    )
    .option(
      '--points <names>',
      `some of: ${redisPoints.map(({ name }) => name).join(', ')}`,
      named(findRedisPoint, redisPoints),
    )
    .option(
      '--against <names>',
      `some of: ${redisRivals.map(({ name }) => name).join(', ')} (self: ours once more)`,
      named(findRedisRival, redisRivals),
    )
    .option('--short', 'the short form (the default)')
    .option('--full', '8 launches of 4 cycles instead of 2, every point')
    .option('--check', 'everything runs once, for some milliseconds; nothing is judged')
    .option('--bars', 'exit code 1 when a bar is missed')
    .option('--cpu-profile <folder>', 'writes CPU profiles of our side; nothing is judged')
    .option(
      '--priority',
      'runs clients and servers with precedence over other programs (needs root)',
    )
    .option('--json <file>', 'also writes the report as JSON')
    .action(redis)
