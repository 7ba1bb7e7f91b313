import type { ListenOptions } from './engine.ts'
import { ListenError } from './errors.ts'

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'another server is listening there: stop it, choose another port, or use port 0 for a free one',
  EACCES: 'this user may not bind it: use a port from 1024 on, or grant CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'no interface of this machine has that address',
  ENOTFOUND: 'no such host name; give an address of this machine',
}

const PATH_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'a live server, or a file that is no socket, stands there: stop it or choose another path',
  // libuv says so for a directory that does not exist, too.
  EACCES: 'the directory does not exist, or this user may not write to it',
  ENOENT: 'the directory does not exist',
}

/**
 * Makes the error with which `Engine.listen` rejects when its target cannot be bound: the code of the
 * system, where it failed, and what to do (core.md L-3, L-6).
 */
export function listenFailure(
  code: string,
  options: Pick<ListenOptions, 'host' | 'port' | 'fd' | 'path'>,
  where: { readonly syscall?: string | undefined; readonly cause?: unknown },
): ListenError {
  const { host, port, fd, path } = options
  const { syscall = 'listen', cause } = where
  if (fd !== undefined) {
    const message = `descriptor ${fd} is not a bound stream socket that can listen (${code}): pass one from inheritedFds()`
    return new ListenError('CELERIS_INVALID_FD', message, { syscall, address: '', port: 0, cause })
  }
  const place = path ?? `${host.includes(':') ? `[${host}]` : host}:${port}`
  const advice = (path === undefined ? ADVICE : PATH_ADVICE)[code]
  const message = `${syscall} ${code}: cannot listen on ${place}${advice === undefined ? '' : `: ${advice}`}`
  const address = path ?? host
  return new ListenError(code, message, {
    syscall,
    address,
    port: path === undefined ? port : 0,
    cause,
  })
}
