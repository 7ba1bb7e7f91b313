// uWebSockets.js, written as its examples write it.
import { importPeer, ready } from './shared.mjs'

const { default: uws } = await importPeer('uwebsockets')

const text = (res, body) => res.writeHeader('content-type', 'text/plain; charset=utf-8').end(body)

uws
  .App()
  .get('/hello', (res) => text(res, 'Hello, World!'))
  .get('/json', (res) =>
    res
      .writeHeader('content-type', 'application/json; charset=utf-8')
      .end(JSON.stringify({ hello: 'world' })),
  )
  .get('/users/:id', (res, req) => text(res, req.getParameter(0)))
  .get('/async', async (res) => text(res, 'Hello, World!'))
  .listen('127.0.0.1', 0, async (socket) => {
    if (!socket) throw new Error('uWebSockets.js could not listen')
    await ready(uws.us_socket_local_port(socket))
  })
