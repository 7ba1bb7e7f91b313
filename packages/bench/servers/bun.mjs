// Bun.serve with its router. Run by Bun, so nothing of Node's is imported.
const text = (body) =>
  new Response(body, { headers: { 'content-type': 'text/plain; charset=utf-8' } })

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  routes: {
    '/hello': () => text('Hello, World!'),
    '/json': () => Response.json({ hello: 'world' }),
    '/users/:id': (request) => text(request.params.id),
    '/async': async () => text('Hello, World!'),
  },
})
console.log(JSON.stringify({ port: server.port, pid: process.pid }))
