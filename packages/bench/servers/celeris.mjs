// Our own server, as a user writes it; the engine and every other option come from the command line.
import { burner, importFrom, options, ready } from './shared.mjs'

const { burnNs, ...config } = options
const { Server } = await importFrom(process.env.CELERIS_BENCH_BASE, '@celeris/core')
const burn = burner(burnNs)

const app = new Server({ port: 0, host: '127.0.0.1', ...config })
app.get(
  '/hello',
  burn
    ? (c) => {
        burn()
        return c.text('Hello, World!')
      }
    : (c) => c.text('Hello, World!'),
)
app.get('/json', (c) => c.json({ hello: 'world' }))
app.get('/users/:id', (c) => c.text(c.param('id')))
app.get('/async', async (c) => c.text('Hello, World!'))

const { port } = await app.listen()
await ready(port)
