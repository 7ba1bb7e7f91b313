import { ListenError } from '@celeris/engine'

/** Longest path of a unix socket (sun_path without its NUL); a longer one would be cut in silence. */
const PATH_BYTES_MAX = 107

function invalidFd(fd: number): ListenError {
  const message = `listen({ fd: ${fd} }): a descriptor is an integer from 0`
  return new ListenError('CELERIS_INVALID_FD', message, { syscall: 'listen', address: '', port: 0 })
}

/** Permission bits: read and write for owner, group and others; the rest means nothing for a socket. */
const MODE_MAX = 0o777

/** Why an fd or a path cannot be listened on, where that shows without the system. */
export function refusedTarget(target: {
  fd?: number
  path?: string
  mode?: number | undefined
}): Error | undefined {
  const { fd, path, mode } = target
  if (fd !== undefined) {
    return Number.isInteger(fd) && fd >= 0 ? undefined : invalidFd(fd)
  }
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    const message = 'listen({ path }): give a path without NUL'
    return new ListenError('EINVAL', message, { syscall: 'bind', address: String(path), port: 0 })
  }
  if (mode !== undefined && !(Number.isInteger(mode) && mode >= 0 && mode <= MODE_MAX)) {
    return new RangeError(`listen({ mode: ${mode} }): permission bits are 0 to 0o777, as in 0o660`)
  }
  const length = Buffer.byteLength(path)
  if (length <= PATH_BYTES_MAX) return undefined
  const message = `listen({ path }): the path has ${length} bytes, a unix socket takes ${PATH_BYTES_MAX}: choose a shorter directory`
  return new ListenError('ENAMETOOLONG', message, { syscall: 'bind', address: path, port: 0 })
}
