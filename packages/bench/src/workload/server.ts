// The server process of soak and drills: a `Server` with the workload's routes that answers questions over IPC.
import { readdirSync } from 'node:fs'
import { Server, type ServerConfig } from '@celeris/core'
import { BROKEN_ON_PURPOSE, workloadRoutes } from './routes.ts'
import type { WorkloadReport } from './workload-report.ts'

const MOST_NOTES = 20

const notes: string[] = []
const note = (text: string): void => {
  if (notes.length < MOST_NOTES) notes.push(text)
}

process.on('uncaughtException', (error) => note(`uncaught: ${error.stack ?? error}`))
process.on('unhandledRejection', (reason) => note(`unhandled: ${reason}`))

const warnings = new Map<string, number>()
const sharedBytes = Number(process.argv[3] ?? 0)
const shared = Buffer.alloc(sharedBytes, 'celeris ')

const app = new Server({
  port: 0,
  host: '127.0.0.1',
  logger: {
    error: (facts, message) => {
      const error = 'error' in facts ? facts.error : undefined
      if (!(error instanceof Error && error.message === BROKEN_ON_PURPOSE))
        note(`${message}: ${error instanceof Error ? error.stack : JSON.stringify(facts)}`)
    },
    warn: (_, message) => {
      warnings.set(message, (warnings.get(message) ?? 0) + 1)
    },
    info: () => {},
    debug: () => {},
  },
  ...(JSON.parse(process.argv[2] ?? '{}') as ServerConfig),
})
for (const { method, path, handle } of workloadRoutes) app.on(method, path, handle)
app.post('/ignore/:id', (c) => c.text(`ignored ${c.param('id')}`))
app.post('/pipe/:id', (c) => c.stream(c.bodyStream(), { contentType: 'application/octet-stream' }))
app.get('/shared', (c) => c.bytes(shared))

const descriptors = (): number => {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return -1
  }
}

const report = (): WorkloadReport => {
  const snapshot = app.collector?.snapshot()
  return {
    engine: app.engineInfo().metrics ?? {},
    active: snapshot?.active ?? -1,
    requests: snapshot?.requests ?? -1,
    aborts: snapshot?.aborts ?? -1,
    descriptors: descriptors(),
    rssBytes: process.memoryUsage.rss(),
    notes,
    warnings: Object.fromEntries(warnings),
  }
}

const { port } = await app.listen()
process.on('message', (message) => {
  if (message === 'gc') {
    globalThis.gc?.()
    globalThis.gc?.()
  }
  process.send?.(report())
})
process.on('disconnect', () => process.exit(0))
process.stdout.write(`${JSON.stringify({ port, pid: process.pid })}\n`)
