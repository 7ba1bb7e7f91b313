// Our own server on the epoll engine over a kernel in memory (native/in-process): what a request
// costs in the engine, in JS and in between, without a system call. Prints one JSON line.
import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { importFrom, options } from './shared.mjs'

const { path, body, connections, depth, rounds, turns, warmupTurns } = options
const base = process.env.CELERIS_BENCH_BASE
const { Server } = base ? await importFrom(base, '@celeris/core') : await import('@celeris/core')

const app = new Server({ port: 0, host: '127.0.0.1', engine: 'epoll' })
app.get(path, (c) => c.text(body))
await app.listen()
// The addon the engine has just loaded, with the controls of its kernel.
const kernel = createRequire(import.meta.url)(
  join(process.env.CELERIS_NATIVE_DIR, 'engine-epoll', 'celeris.node'),
)

const results = new Float64Array(8)
const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`

const round = async (deep, turnCount, keep = false) => {
  const input = Buffer.from(request.repeat(deep), 'latin1')
  await new Promise((done) => kernel.run(connections, input, turnCount, keep, results, done))
  const [cpuNs, bytes, parseNs, jsNs, emitNs, parseAllocations, jsAllocations, emitAllocations] =
    results
  const requests = connections * deep * turnCount
  return {
    requests,
    turns: turnCount,
    cpuNs,
    bytes,
    parseNs,
    jsNs,
    emitNs,
    engineAllocations: parseAllocations + emitAllocations,
    jsAllocations,
  }
}

const isAgreed = (answer) => {
  const [head, text] = answer.split('\r\n\r\n')
  return (
    text === body &&
    head.startsWith('HTTP/1.1 200 ') &&
    `${head}\r\n`.includes(`\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`) &&
    head.includes('\r\ndate: ')
  )
}

// What came out is compared with the agreed answer before a clock runs, and counted in bytes after.
const answerBytes = async () => {
  await round(depth, 1, true)
  const answers = kernel.kept().split(/(?=HTTP\/1\.1 )/)
  const [{ length }] = answers
  const wrong = answers.find((answer) => answer.length !== length || !isAgreed(answer))
  if (wrong !== undefined || answers.length !== connections * depth)
    throw new Error(`${answers.length} answers in process, wrong: ${JSON.stringify(wrong)}`)
  return length
}

const bytesPerAnswer = await answerBytes()
await round(depth, warmupTurns)
const taken = { deep: [], single: [] }
for (let index = 0; index < rounds; index++) {
  taken.deep.push(await round(depth, turns))
  taken.single.push(await round(1, turns))
}
for (const { requests, bytes } of [...taken.deep, ...taken.single])
  if (bytes !== requests * bytesPerAnswer)
    throw new Error(`${requests} requests in process were answered with ${bytes} bytes`)
writeSync(1, `${JSON.stringify(taken)}\n`)
process.exit(0)
