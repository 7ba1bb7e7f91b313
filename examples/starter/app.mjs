// All routes of the example. No socket is opened here, so tests can use app.request().
import { readFileSync } from 'node:fs'
import { Server } from '@celeris/core'
import { addNotes } from './notes.mjs'
import { readStats } from './stats.mjs'

const page = readFileSync(new URL('page.html', import.meta.url), 'utf8')

/** Makes the server; `config` is that of `Server`, `notesMax` bounds the store of notes. */
export function createApp({ notesMax = 1_000, ...config } = {}) {
  const app = new Server(config)

  app.use((c, next) => {
    c.setHeader('x-content-type-options', 'nosniff')
    return next()
  })

  app.get('/', (c) => {
    c.setHeader('cache-control', 'no-cache')
    c.setHeader(
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self'",
    )
    c.html(page)
  })
  app.get('/hello/:name', (c) => c.text(`Hello, ${c.param('name')}!\n`))
  app.get('/stats', (c) => {
    c.setHeader('cache-control', 'no-store')
    c.json(readStats(app))
  })
  app.get('/metrics', (c) => {
    c.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8')
    c.text(app.collector.prometheus())
  })
  addNotes(app, notesMax)
  return app
}
