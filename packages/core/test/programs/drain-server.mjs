// A server that drains on SIGTERM as docs/deployment.md shows it.
// Arguments: engine, target (JSON for listen(), or `inherited`), further configuration as JSON.
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { inheritedFds, Server } from '@celeris/core'

const [, , engine, target = '0', config = '{}'] = process.argv
const app = new Server({
  host: '127.0.0.1',
  engine,
  bufferedBodySize: 100_000,
  logger: { error: console.error, warn: console.error, info() {}, debug() {} },
  ...JSON.parse(config),
})
app.get('/now/:id', (c) => c.param('id'))
app.get('/pid', () => String(process.pid))
app.get('/later/:ms/:id', async (c) => {
  await sleep(Number(c.param('ms')))
  return c.param('id')
})
app.post('/upload/:id', async (c) => `${c.param('id')} ${(await c.bodyBytes()).length}`)
app.get('/stuck', () => new Promise(() => {}))
app.get('/block', () => {
  writeSync(1, 'blocked\n')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})

app.get('/metrics', (c) => c.json(app.engineInfo().metrics))
process.on('SIGUSR2', () => {
  app.pauseAccept()
  console.log('paused')
})
process.on('SIGHUP', () => {
  app.resumeAccept()
  console.log('resumed')
})

process.once('SIGTERM', async () => {
  const { active } = app.engineInfo().metrics
  const { drained, cut, elapsedMs } = await app.close({ timeoutMs: 20_000 })
  console.log(JSON.stringify({ active, drained, cut, elapsedMs }))
  // A worker of node:cluster lives as long as its channel.
  process.disconnect?.()
})

try {
  const where = target === 'inherited' ? inheritedFds()[0] : JSON.parse(target)
  const { port, address } = await app.listen(where)
  const facts = { port, address, pid: process.pid }
  console.log(JSON.stringify(facts))
  process.send?.(facts)
} catch (error) {
  const { name, code, syscall, address, port, message } = error
  console.log(JSON.stringify({ name, code, syscall, address, port, message }))
  process.send?.({ code })
  process.exitCode = 1
  process.disconnect?.()
}
