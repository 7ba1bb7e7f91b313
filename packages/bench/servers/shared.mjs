// What the servers share: how they say that they listen, find a peer, and answer control messages.
import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Options of this server, from the command line. */
export const options = JSON.parse(process.argv[2] ?? '{}')

/** Imports a package as seen from a folder: the bench's cache for peers, a build for our own. */
export const importFrom = (folder, name) =>
  import(pathToFileURL(createRequire(join(folder, 'package.json')).resolve(name)).href)

/** Imports a peer from the bench's cache. */
export const importPeer = (name) => importFrom(process.env.CELERIS_BENCH_PEERS, name)

/**
 * A function that burns `burnNs` nanoseconds of CPU, or undefined for none. `selftest` plants a
 * known slowdown with it; the loop is calibrated once, so no clock is read per request.
 */
export const burner = (burnNs) => {
  if (!burnNs) return undefined
  let sink = 1
  const spin = (rounds) => {
    for (let i = 0; i < rounds; i++) sink = (Math.imul(sink, 1664525) + 1013904223) | 0
    return sink
  }
  let nsPerRound = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 20; attempt++) {
    const start = process.hrtime.bigint()
    spin(1_000_000)
    nsPerRound = Math.min(nsPerRound, Number(process.hrtime.bigint() - start) / 1_000_000)
  }
  const rounds = Math.round(burnNs / nsPerRound)
  return () => spin(rounds)
}

let collections = 0

const watchCollections = async () => {
  const { PerformanceObserver } = await import('node:perf_hooks')
  new PerformanceObserver((list) => {
    collections += list.getEntries().length
  }).observe({ entryTypes: ['gc'] })
}

// gc: collect everything, twice, so that what weak callbacks freed is gone too. heap: what is used.
const answer = (message) => {
  if (message === 'gc' && globalThis.gc) {
    globalThis.gc()
    globalThis.gc()
  }
  // The observer's entries arrive a turn later; so does the answer.
  setTimeout(() => process.send({ heapUsed: process.memoryUsage().heapUsed, collections }), 5)
}

/** Says where this server listens; the bench reads this one line. */
export const ready = async (port) => {
  if (process.send) {
    await watchCollections()
    process.on('message', answer)
    process.on('disconnect', () => process.exit(0))
  }
  writeSync(1, `${JSON.stringify({ port, pid: process.pid })}\n`)
}
