// A primary that replaces its workers, one by one, for every line it reads; ends them with its input.
// Arguments: those of drain-server, then the number of workers.
import cluster from 'node:cluster'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const [, , engine, target, config, count] = process.argv
cluster.setupPrimary({
  exec: fileURLToPath(new URL('drain-server.mjs', import.meta.url)),
  args: [engine, target, config],
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
})

async function start() {
  const worker = cluster.fork()
  const [facts] = await once(worker, 'message')
  return { worker, facts }
}

async function stop({ worker }) {
  const exited = once(worker, 'exit')
  worker.process.kill('SIGTERM')
  const [code, signal] = await exited
  return signal ?? code
}

let workers = await Promise.all(Array.from({ length: Number(count) }, start))
console.log(JSON.stringify(workers.map(({ facts }) => facts)))
for await (const _ of createInterface({ input: process.stdin })) {
  const replaced = []
  const exits = []
  for (const worker of workers) {
    replaced.push(await start())
    exits.push(await stop(worker))
  }
  workers = replaced
  console.log(JSON.stringify(exits))
}
await Promise.all(workers.map(stop))
