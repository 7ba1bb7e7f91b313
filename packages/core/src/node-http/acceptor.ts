// The listening socket: node:net, or node:tls in front of the same connections.

import type { ListenOptions as NetListenOptions, Server, Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import {
  type ListenAddress,
  type ListenError,
  type ListenOptions,
  listenFailure,
} from '@celeris/engine'
import { lazily } from '../lazily.ts'

const files = lazily<typeof import('node:fs')>('node:fs')
const net = lazily<typeof import('node:net')>('node:net')
const tls = lazily<typeof import('node:tls')>('node:tls')

export interface Acceptor {
  readonly server: Server
  readonly address: ListenAddress
  /** The unix socket that was made here, to tell it from what another process puts in its place. */
  readonly file: SocketFile | null
}

interface SocketFile {
  readonly path: string
  readonly inode: bigint
  readonly device: bigint
}

function socketFile(path: string): SocketFile | null {
  const found = files().lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? null : { path, inode: found.ino, device: found.dev }
}

const [NODE_MAJOR = 0, NODE_MINOR = 0] = process.versions.node.split('.').map(Number)
/** node:net ignores the option in silence before. */
const HAS_REUSE_PORT =
  (NODE_MAJOR === 22 && NODE_MINOR >= 12) ||
  NODE_MAJOR > 23 ||
  (NODE_MAJOR === 23 && NODE_MINOR >= 1)

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

type Where = NetListenOptions & { fd?: number }

function listenOnce(server: Server, where: Where, mode: number | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(error)
    server.once('error', onError)
    server.listen(where, () => {
      server.off('error', onError)
      resolve()
    })
    // At once, as the socket is bound already: node has no way to make it with fewer bits.
    if (mode !== undefined && server.listening) files().chmodSync(where.path as string, mode)
  })
}

/** node would close what it cannot listen on, whoever owns it: what is no socket stays the caller's. */
function isSocket(fd: number): boolean {
  try {
    return files().fstatSync(fd).isSocket()
  } catch {
    return false
  }
}

/** Whether nobody answers behind a unix socket that a dead process left. */
async function isStale(path: string): Promise<boolean> {
  const stats = files().lstatSync(path, { throwIfNoEntry: false })
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

function failed(error: NodeJS.ErrnoException, options: ListenOptions): ListenError {
  return listenFailure(error.code ?? 'UNKNOWN', options, { syscall: error.syscall, cause: error })
}

function whereOf(options: ListenOptions): Where {
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
  if (options.fd !== undefined && !isSocket(options.fd))
    throw listenFailure('ENOTSOCK', options, { syscall: 'getsockname' })
  if (options.reusePort && !HAS_REUSE_PORT)
    options.warn(
      'reusePort needs Node 22.12 or newer with the node engine: this port is not shared; use the epoll engine or node:cluster',
    )
  const server = makeServer(options, onSocket)
  const where = whereOf(options)
  try {
    await listenOnce(server, where, options.mode)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const noIpv6 =
      where.host === '::' &&
      (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL' || code === 'EINVAL')
    const stale =
      code === 'EADDRINUSE' && options.path !== undefined && (await isStale(options.path))
    if (!noIpv6 && !stale) throw failed(error as NodeJS.ErrnoException, options)
    if (stale) files().rmSync(options.path as string, { force: true })
    const again = noIpv6 ? { ...where, host: '0.0.0.0' } : where
    await listenOnce(server, again, options.mode).catch((second: NodeJS.ErrnoException) => {
      throw failed(second, options)
    })
  }
  const bound = server.address()
  const file = options.path === undefined ? null : socketFile(options.path)
  if (bound === null || typeof bound === 'string')
    return { server, file, address: { address: bound ?? options.path ?? '', port: 0 } }
  return { server, file, address: { address: bound.address, port: bound.port } }
}

/**
 * Stops listening. libuv removes the path that it bound, whoever owns the file by now: one that another
 * process put there steps aside for that moment (L-7). Done when it returns: node's own notice waits
 * for every socket that was accepted, those included that somebody else owns by now.
 */
export function closeAcceptor({ server, file }: Acceptor): void {
  const now = file === null ? null : socketFile(file.path)
  const foreign = now !== null && (now.inode !== file?.inode || now.device !== file.device)
  const aside = foreign ? `${now.path}.${process.pid}` : ''
  if (foreign) files().renameSync(now.path, aside)
  server.close()
  if (foreign) files().renameSync(aside, now.path)
}
