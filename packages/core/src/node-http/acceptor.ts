// The listening socket: node:net, or node:tls in front of the same connections.

import type { ListenOptions as NetListenOptions, Server, Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { type ListenAddress, ListenError, type ListenOptions } from '@celeris/engine'
import { lazily } from '../lazily.ts'

const files = lazily<typeof import('node:fs/promises')>('node:fs/promises')
const net = lazily<typeof import('node:net')>('node:net')
const tls = lazily<typeof import('node:tls')>('node:tls')

export interface Acceptor {
  readonly server: Server
  readonly address: ListenAddress
}

function makeServer(options: ListenOptions, onSocket: (socket: Socket) => void): Server {
  // Half-open: a client may send FIN and still be owed its answers (EOF-1).
  const shared = {
    allowHalfOpen: true,
    noDelay: true,
    ...(options.bufferSize === undefined ? {} : { highWaterMark: options.bufferSize }),
  }
  if (options.tls === undefined)
    return net().createServer({ ...shared, pauseOnConnect: true }, onSocket)
  const server = tls().createServer(
    { ALPNProtocols: ['http/1.1'], ...(options.tls as TlsOptions), ...shared },
    onSocket,
  )
  // A failed handshake is the peer's affair.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}

function listenOnce(server: Server, where: NetListenOptions & { fd?: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(error)
    server.once('error', onError)
    server.listen(where, () => {
      server.off('error', onError)
      resolve()
    })
  })
}

/** Whether nobody answers behind a unix socket that a dead process left. */
async function isStale(path: string): Promise<boolean> {
  const stats = await files()
    .lstat(path)
    .catch(() => null)
  if (stats?.isSocket() !== true) return false
  return await new Promise((resolve) => {
    const probe = net().connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
  })
}

function listenError(error: NodeJS.ErrnoException, options: ListenOptions): ListenError {
  const code = options.fd === undefined ? (error.code ?? 'UNKNOWN') : 'CELERIS_INVALID_FD'
  const where =
    options.path ??
    (options.fd === undefined ? `${options.host}:${options.port}` : `descriptor ${options.fd}`)
  const message = `cannot listen on ${where}: ${code}${code === 'EADDRINUSE' ? '; another process holds it, or pass port 0 for a free one' : ''}`
  const address = options.path ?? options.host
  return new ListenError(code, message, {
    syscall: error.syscall ?? 'listen',
    address,
    port: options.path === undefined ? options.port : 0,
    cause: error,
  })
}

function whereOf(options: ListenOptions): NetListenOptions & { fd?: number } {
  const { backlog } = options
  if (options.fd !== undefined) return { fd: options.fd, backlog }
  if (options.path !== undefined) return { path: options.path, backlog }
  return {
    host: options.host,
    port: options.port,
    backlog,
    ...(options.reusePort ? { reusePort: true } : {}),
  }
}

/** Binds and listens, or throws a ListenError with nothing left open. */
export async function openAcceptor(
  options: ListenOptions,
  onSocket: (socket: Socket) => void,
): Promise<Acceptor> {
  const server = makeServer(options, onSocket)
  const where = whereOf(options)
  try {
    await listenOnce(server, where)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const noIpv6 =
      where.host === '::' &&
      (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL' || code === 'EINVAL')
    const stale =
      code === 'EADDRINUSE' && options.path !== undefined && (await isStale(options.path))
    if (!noIpv6 && !stale) throw listenError(error as NodeJS.ErrnoException, options)
    if (stale) await files().unlink(options.path as string)
    await listenOnce(server, noIpv6 ? { ...where, host: '0.0.0.0' } : where).catch(
      (again: NodeJS.ErrnoException) => {
        throw listenError(again, options)
      },
    )
  }
  const bound = server.address()
  if (bound === null || typeof bound === 'string')
    return { server, address: { address: bound ?? options.path ?? '', port: 0 } }
  return { server, address: { address: bound.address, port: bound.port } }
}
