// Our own server, as a user writes it; the engine and every other option come from the command line.
import { burner, importFrom, options, ready } from './shared.mjs'

const { burnNs, ...config } = options
// compare serves two builds of core; without a base it is the one beside this package.
const base = process.env.CELERIS_BENCH_BASE
const { Server } = base ? await importFrom(base, '@celeris/core') : await import('@celeris/core')
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
