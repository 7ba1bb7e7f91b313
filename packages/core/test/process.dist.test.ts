// What needs a process of its own, on the packages as they were built.
import { describe, expect, test } from 'vitest'
import { runModule } from './support/child.ts'

describe.each(['epoll', 'node'])('a process with a server, %s', (engine) => {
  test('lives while the server listens and ends by itself after close() (L-11)', async () => {
    const { code, signal, out, err } = await runModule(`
      import { Server } from '@celeris/core'
      const app = new Server({ port: 0, host: '127.0.0.1', engine: '${engine}' })
      app.get('/', async (c) => c.text('hello'))
      const { port, engine } = await app.listen()
      setImmediate(async () => {
        const answer = await fetch('http://127.0.0.1:' + port)
        console.log(engine, await answer.text())
        const report = await app.close()
        console.log('closed', report.cut)
      })
    `)
    expect([code, signal, err, out]).toEqual([0, null, '', `${engine} hello\nclosed 0\n`])
  })

  test('loses no answer on SIGTERM under load, and leaves with code 0 (C8, L-9)', async () => {
    const { code, signal, out, err } = await runModule(`
      import { connect } from 'node:net'
      import { setImmediate as turn } from 'node:timers/promises'
      import { Server } from '@celeris/core'
      const app = new Server({ port: 0, host: '127.0.0.1', engine: '${engine}' })
      app.get('/', async (c) => {
        await turn()
        c.text('hello')
      })
      const { port } = await app.listen()
      let asked = 0
      let answered = 0
      let resets = 0
      let started
      const busy = new Promise((resolve) => { started = resolve })
      const ends = Array.from({ length: 16 }, () => new Promise((resolve) => {
        const client = connect(port, '127.0.0.1')
        let text = ''
        let closing = false
        const ask = () => { asked++; client.write('GET / HTTP/1.1\\r\\nhost: a\\r\\n\\r\\n') }
        client.on('connect', ask)
        client.on('data', (chunk) => {
          text += chunk
          for (let at; (at = text.indexOf('\\r\\n\\r\\nhello')) >= 0; ) {
            answered++
            closing ||= text.slice(0, at).includes('connection: close')
            text = text.slice(at + 9)
            if (answered === 200) started()
            if (!closing) ask()
          }
        })
        client.on('error', () => { resets++ })
        client.on('close', resolve)
      }))
      const stalled = connect(port, '127.0.0.1')
      stalled.on('error', () => {})
      process.once('SIGTERM', async () => {
        const { cut } = await app.close({ timeoutMs: 10_000 })
        await Promise.all(ends)
        stalled.destroy()
        console.log(asked - answered, resets, cut)
      })
      await busy
      process.kill(process.pid, 'SIGTERM')
    `)
    expect([code, signal, err, out]).toEqual([0, null, '', '0 0 0\n'])
  })
})
