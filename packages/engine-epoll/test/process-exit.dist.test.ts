// Each stage of the addon's life is ended by exit, by falling off the loop, and by the end of its worker (P6).
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { runModule } from './support/child.ts'

const STAGES = ['loaded', 'listening', 'in a handler', 'mid-request', 'draining', 'closed'] as const
type Stage = (typeof STAGES)[number]

/** Brings the addon to a stage, then calls `reached(port)`. */
const TO_STAGE = `
import { connect } from 'node:net'
import { once } from 'node:events'
export async function toStage(stage, reached) {
  const { probe } = await import('@celeris/engine-epoll')
  const { available, reason } = probe()
  if (!available) throw new Error(reason)
  if (stage === 'loaded') return reached(0)
  const { Server } = await import('@celeris/core')
  const app = new Server({ port: 0, host: '127.0.0.1', engine: 'epoll' })
  let port = 0
  let proceed = () => {}
  app.get('/sync', (c) => {
    if (stage === 'in a handler') reached(port)
    c.text('x')
  })
  app.post('/wait', async (c) => {
    const body = await c.bodyText()
    await new Promise((resolve) => {
      proceed = resolve
      if (stage === 'mid-request') reached(port)
      if (stage === 'draining') {
        app.close()
        setImmediate(() => reached(port, () => resolve()))
      }
    })
    c.text(body)
  })
  port = (await app.listen()).port
  if (stage === 'listening') return reached(port)
  const client = connect(port, '127.0.0.1')
  client.on('error', () => {})
  client.resume()
  await once(client, 'connect')
  client.write('GET /sync HTTP/1.1\\r\\nhost: a\\r\\n\\r\\nGET /sync HTTP/1.1\\r\\nhost: a\\r\\n\\r\\n')
  client.write('POST /wait HTTP/1.1\\r\\nhost: a\\r\\ncontent-length: 100000\\r\\n\\r\\n' + 'x'.repeat(100000))
  if (stage !== 'closed') return
  await once(client, 'data')
  setImmediate(() => proceed())
  await app.close({ timeoutMs: 0 })
  client.destroy()
  reached(port)
}
`
/** A data: URL cannot import packages by name, so the stage is part of the program. */
const program = (stage: Stage, end: string): string => `
${TO_STAGE.replace('export async function', 'async function')}
await toStage(${JSON.stringify(stage)}, (port, proceed) => {
  process.stdout.write(port + '\\n', () => {})
  ${end}
})
`

async function expectFree(port: number): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject)
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve)
  })
  await new Promise((resolve) => server.close(resolve))
}

describe.each(STAGES)('ended while %s', (stage) => {
  test('by process.exit(): code 0, no signal, the port is free', async () => {
    const { code, signal, out, err } = await runModule(
      program(
        stage,
        `import('node:fs').then(() => process.exit(0)); if (${stage === 'in a handler'}) process.exit(0)`,
      ),
    )
    expect([code, signal, err]).toEqual([0, null, ''])
    const port = Number(out.split('\n')[0])
    if (port > 0) await expectFree(port)
  })

  const falls: readonly Stage[] = ['loaded', 'draining', 'closed']
  test.runIf(falls.includes(stage))('by falling off the loop: code 0, no signal', async () => {
    const { code, signal, out, err } = await runModule(program(stage, 'proceed?.()'))
    expect([code, signal, err]).toEqual([0, null, ''])
    const port = Number(out.split('\n')[0])
    if (port > 0) await expectFree(port)
  })

  const ends: readonly [how: string, end: string, last: string][] = [
    ['terminate() from outside', `parentPort.postMessage(port)`, 'await worker.terminate()'],
    [
      'process.exit() inside',
      `parentPort.postMessage(port); setImmediate(() => process.exit(0))`,
      '',
    ],
    [
      'a throw inside',
      `parentPort.postMessage(port); setImmediate(() => { throw new Error('on purpose') })`,
      '',
    ],
  ]
  test.each(ends)('with its worker, by %s: the process lives on, code 0', async (_, end, last) => {
    const worker = `import { parentPort } from 'node:worker_threads'\n${program(stage, end).replace(/process\.stdout\.write[^\n]*/, '')}`
    const { code, signal, out, err } = await runModule(`
      import { once } from 'node:events'
      import { Worker } from 'node:worker_threads'
      import { createServer } from 'node:net'
      for (let round = 0; round < 3; round++) {
        const worker = new Worker(${JSON.stringify(worker)}, { eval: true })
        worker.on('error', () => {})
        const exited = new Promise((resolve) => worker.once('exit', resolve))
        const port = await new Promise((resolve) => worker.once('message', resolve))
        ${last}
        await exited
        if (port > 0) {
          const server = createServer().listen({ port, host: '127.0.0.1', exclusive: true })
          await once(server, 'listening')
          server.close()
        }
      }
      console.log('alive')
    `)
    expect([code, signal, err, out]).toEqual([0, null, '', 'alive\n'])
  })
})

test('8 workers with traffic, terminated at any moment, round after round (P6)', async () => {
  const worker = `
    import { parentPort, workerData } from 'node:worker_threads'
    import { Server } from '@celeris/core'
    const app = new Server({ port: 0, host: '127.0.0.1', engine: 'epoll' })
    app.get('/sync', () => 'x')
    app.get('/late', async (c) => {
      await new Promise((resolve) => setImmediate(resolve))
      c.json({ path: c.path })
    })
    app.post('/body', async (c) => c.text(String((await c.bodyBytes()).length)))
    app.get('/never', () => new Promise(() => {}))
    const { port } = await app.listen()
    parentPort.postMessage(port)
    if (workerData % 4 === 0) parentPort.once('message', () => app.close())
  `
  const { code, signal, out, err } = await runModule(`
    import { once } from 'node:events'
    import { connect, createServer } from 'node:net'
    import { Worker } from 'node:worker_threads'
    import { setImmediate as turn } from 'node:timers/promises'
    const traffic = 'GET /sync HTTP/1.1\\r\\nhost: a\\r\\n\\r\\nGET /late HTTP/1.1\\r\\nhost: a\\r\\n\\r\\n'
      + 'POST /body HTTP/1.1\\r\\nhost: a\\r\\ncontent-length: 70000\\r\\n\\r\\n' + 'x'.repeat(70000)
    async function life(index, round) {
      const worker = new Worker(${JSON.stringify(worker)}, { eval: true, workerData: index })
      const [port] = await once(worker, 'message')
      const clients = Array.from({ length: 4 }, () => {
        const client = connect(port, '127.0.0.1')
        client.on('error', () => {})
        client.on('data', () => client.write(traffic))
        client.write(traffic)
        return client
      })
      const half = connect(port, '127.0.0.1')
      half.on('error', () => {})
      half.write('GET /never HTTP/1.1\\r\\nhost: a\\r\\n\\r\\nPOST /body HTTP/1.1\\r\\nhost: a\\r\\ncontent-le')
      await once(clients[0], 'data')
      for (let i = 0; i < (index * 7 + round * 3) % 40; i++) await turn()
      if (index % 4 === 0) worker.postMessage('close')
      await worker.terminate()
      for (const client of [...clients, half]) client.destroy()
      const server = createServer().listen({ port, host: '127.0.0.1', exclusive: true })
      await once(server, 'listening')
      server.close()
    }
    for (let round = 0; round < 6; round++) {
      await Promise.all(Array.from({ length: 8 }, (_, index) => life(index, round)))
    }
    console.log('alive')
  `)
  expect([code, signal, err, out]).toEqual([0, null, '', 'alive\n'])
}, 120_000)

test('required twice, as ESM and CommonJS: one addon, two servers (P6)', async () => {
  const { code, signal, out, err } = await runModule(`
    import { createRequire } from 'node:module'
    import * as esm from '@celeris/engine-epoll'
    import { Server } from '@celeris/core'
    const cjs = createRequire(process.cwd() + '/x.js')('@celeris/engine-epoll')
    const apps = [esm, cjs].map(({ epollEngine }, index) => {
      const app = new Server({ port: 0, host: '127.0.0.1', engine: epollEngine() })
      app.get('/', async () => 'server ' + index)
      return app
    })
    for (const app of apps) {
      const { port } = await app.listen()
      console.log(await (await fetch('http://127.0.0.1:' + port)).text())
    }
    await Promise.all(apps.map((app) => app.close({ timeoutMs: 0 })))
  `)
  expect([code, signal, err, out]).toEqual([0, null, '', 'server 0\nserver 1\n'])
})
