// A server that drains on SIGTERM as docs/deployment.md shows it. Arguments: engine, and JSON for listen().
import { setTimeout as sleep } from 'node:timers/promises'
import { inheritedFds, Server } from '@celeris/core'

const [, , engine, target = '0', mark = ''] = process.argv
const app = new Server({ host: '127.0.0.1', engine, bufferedBodySize: 100_000 })
app.get('/now/:id', (c) => `${c.param('id')}${mark}`)
app.get('/later/:ms/:id', async (c) => {
  await sleep(Number(c.param('ms')))
  return `${c.param('id')}${mark}`
})
app.post('/upload/:id', async (c) => {
  const bytes = await c.bodyBytes()
  return `${c.param('id')} ${bytes.length}`
})
app.get('/stuck', () => new Promise(() => {}))

process.once('SIGTERM', async () => {
  const { active } = app.engineInfo().metrics
  const { drained, cut, elapsedMs } = await app.close({ timeoutMs: 20_000 })
  console.log(JSON.stringify({ active, drained, cut, elapsedMs }))
})

const where = target === 'inherited' ? inheritedFds()[0] : JSON.parse(target)
const { port, address } = await app.listen(where)
console.log(JSON.stringify({ port, address, pid: process.pid }))
