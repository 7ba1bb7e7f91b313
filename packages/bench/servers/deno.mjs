// Deno.serve; it has no router of its own, so the path is told apart by hand.
const text = (body) =>
  new Response(body, { headers: { 'content-type': 'text/plain; charset=utf-8' } })

const answerLater = async () => text('Hello, World!')

const answer = (request) => {
  const path = new URL(request.url).pathname
  if (path === '/hello') return text('Hello, World!')
  if (path === '/json') return Response.json({ hello: 'world' })
  if (path.startsWith('/users/')) return text(decodeURIComponent(path.slice('/users/'.length)))
  if (path === '/async') return answerLater()
  return new Response('not found', { status: 404 })
}

Deno.serve(
  {
    port: 0,
    hostname: '127.0.0.1',
    onListen: ({ port }) => console.log(JSON.stringify({ port, pid: Deno.pid })),
  },
  answer,
)
