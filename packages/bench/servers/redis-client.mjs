// One Redis client under load, as its users write it. The bench says on stdin what to do, a line
// each; the answer is one line of JSON on stdout:
//   warm MS   all callers for MS milliseconds of CPU time, every reply compared in full
//   run MS    the same, measured; replies are checked by their length
//   count N   N operations at least, between two readings of the heap
// The end of stdin ends the process.
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { connectClient } from './redis-libraries.mjs'
import { createWork } from './redis-work.mjs'

const options = JSON.parse(process.argv[2] ?? '{}')
const say = (answer) => writeSync(1, `${JSON.stringify(answer)}\n`)

const work = createWork(await connectClient(options), options)
await work.seed()

let collections = 0
if (globalThis.gc) {
  const { PerformanceObserver } = await import('node:perf_hooks')
  new PerformanceObserver((list) => {
    collections += list.getEntries().length
  }).observe({ entryTypes: ['gc'] })
}

/** What is on the heap, after the observer's entries have arrived: they come a turn later. */
const heapReading = async () => {
  await new Promise((resolve) => setTimeout(resolve, 5))
  return { heapUsed: process.memoryUsage().heapUsed, collections }
}

const run = async (milliseconds, exact) => {
  const timer = setTimeout(work.stop, milliseconds)
  const cpuBefore = process.cpuUsage()
  const begin = process.hrtime.bigint()
  const result = await work.run({ exact, limit: Number.POSITIVE_INFINITY })
  const wallNs = Number(process.hrtime.bigint() - begin)
  const { user, system } = process.cpuUsage(cpuBefore)
  clearTimeout(timer)
  return { ...result, wallNs, userUs: user, systemUs: system }
}

const WARM_PATIENCE = 5

const warm = async (milliseconds) => {
  const begin = Date.now()
  for (let used = 0; used < milliseconds && Date.now() - begin < WARM_PATIENCE * milliseconds; ) {
    const { userUs, systemUs } = await run(milliseconds / 2, true)
    used += (userUs + systemUs) / 1e3
  }
  return {}
}

const count = async (limit) => {
  globalThis.gc()
  globalThis.gc()
  const before = await heapReading()
  const { ops } = await work.run({ exact: false, limit })
  const after = await heapReading()
  return {
    ops,
    bytes: after.heapUsed - before.heapUsed,
    collections: after.collections - before.collections,
  }
}

say({ pid: process.pid })

for await (const line of createInterface({ input: process.stdin })) {
  const [word, number] = line.split(' ')
  if (word === 'warm') say(await warm(Number(number)))
  if (word === 'run') say(await run(Number(number), false))
  if (word === 'count') say(await count(Number(number)))
}
await work.close()
process.exit(0)
