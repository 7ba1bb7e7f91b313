// Fastify with its defaults (no logger, as its own benchmarks run it).
import { importPeer, ready } from './shared.mjs'

const { default: fastify } = await importPeer('fastify')

const app = fastify()
app.get('/hello', (_request, reply) =>
  reply.type('text/plain; charset=utf-8').send('Hello, World!'),
)
app.get('/json', (_request, reply) => reply.send({ hello: 'world' }))
app.get('/users/:id', (request, reply) =>
  reply.type('text/plain; charset=utf-8').send(request.params.id),
)
app.get('/async', async (_request, reply) => {
  reply.type('text/plain; charset=utf-8')
  return 'Hello, World!'
})

await app.listen({ port: 0, host: '127.0.0.1' })
await ready(app.server.address().port)
