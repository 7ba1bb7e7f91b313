import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { SEEN_FIELD } from '../exchange.ts'
import { limits } from '../model.ts'
import { type Subject, seenMark } from './subject.ts'

type Exchange = readonly [request: IncomingMessage, response: ServerResponse]

/**
 * `node:http` at its strictest, patient with clients that have sent FIN, and owing every answer
 * before it refuses: what its parser thinks is asked for here, not what its default handlers do.
 */
export async function serveNodeHttp(): Promise<Subject> {
  const { maxHeaderBytes: maxHeaderSize } = limits
  const server = createServer({ insecureHTTPParser: false, requireHostHeader: true, maxHeaderSize })
  Object.assign(server, { httpAllowHalfOpen: true })
  const exchanges = new WeakMap<object, Exchange[]>()
  server.on('connection', (socket: Socket) => void exchanges.set(socket, []))
  server.on('request', (request, response) => {
    exchanges.get(request.socket)?.push([request, response])
    answer(request, response)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET') return void socket.destroy()
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
    const owed = (exchanges.get(socket) ?? []).filter(
      ([request, response]) => request.complete && !response.writableFinished,
    )
    void Promise.all(owed.map(([, one]) => new Promise((done) => one.once('finish', done)))).then(
      () => socket.writable && socket.end(`HTTP/1.1 ${status} \r\nconnection: close\r\n\r\n`),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('error', () => undefined)
  request.on('end', () => {
    const lines = request.rawHeaders
    const fields: [string, string][] = []
    for (let i = 0; i < lines.length; i += 2)
      fields.push([(lines[i] as string).toLowerCase(), lines[i + 1] as string])
    const absolute = /^http:\/\/([^/?]*)(.*)$/is.exec(request.url ?? '')
    const path = absolute?.[2] || (request.method === 'OPTIONS' ? '*' : '/')
    const target = absolute === null ? (request.url ?? '') : path.replace(/^\?/, '/?')
    const host = absolute?.[1] ?? fields.find(([name]) => name === 'host')?.[1] ?? ''
    const body = Buffer.concat(chunks).toString('latin1')
    const seen = { method: request.method ?? '', target, host, fields, body }
    response.writeHead(200, { [SEEN_FIELD]: seenMark(seen), 'content-length': 0 }).end()
  })
}
