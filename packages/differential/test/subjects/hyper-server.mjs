// Runs in Deno, whose HTTP/1 is hyper: answers what it saw in `x-seen`, prints its port.
const seenOf = (request, body) => {
  // Deno puts the URL together from what hyper gives it, without reading it.
  const [, authority, path] = /^[a-z+]+:\/\/([^/?]*)(.*)$/is.exec(request.url) ?? [
    '',
    '',
    request.url,
  ]
  const fields = [...request.headers]
  // Without Host it takes its own address, and `*` becomes a path.
  const host = authority === `localhost:${port}` ? '' : authority
  const target = request.method === 'OPTIONS' && path === '/*' ? '*' : path
  return { method: request.method, target, host, fields, body }
}

const answer = async (request) => {
  let body
  try {
    body = String.fromCharCode(...new Uint8Array(await request.arrayBuffer()))
  } catch {
    return new Response(null, { status: 400, headers: { connection: 'close' } })
  }
  const headers = { 'x-seen': btoa(JSON.stringify(seenOf(request, body))) }
  return new Response(null, { headers })
}

let port = 0
Deno.serve(
  {
    port: 0,
    hostname: '127.0.0.1',
    onListen: (address) => {
      port = address.port
      console.log(port)
    },
  },
  answer,
)
