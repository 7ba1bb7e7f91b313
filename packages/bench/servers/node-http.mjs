// node:http without a framework: the fastest a user gets from Node itself.
import { createServer } from 'node:http'
import { burner, options, ready } from './shared.mjs'

const burn = burner(options.burnNs)

const send = (response, type, body) => {
  response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

const text = (response, body) => send(response, 'text/plain; charset=utf-8', body)

const answerLater = async (response) => text(response, 'Hello, World!')

const server = createServer((request, response) => {
  const { url } = request
  if (url === '/hello') {
    if (burn) burn()
    text(response, 'Hello, World!')
  } else if (url === '/json') {
    send(response, 'application/json; charset=utf-8', JSON.stringify({ hello: 'world' }))
  } else if (url.startsWith('/users/')) {
    text(response, decodeURIComponent(url.slice('/users/'.length)))
  } else if (url === '/async') {
    answerLater(response).catch(console.error)
  } else {
    response.writeHead(404).end()
  }
})
server.listen(0, '127.0.0.1', () => ready(server.address().port))
