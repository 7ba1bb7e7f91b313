/** A listening socket that a service manager opened for this process. */
export interface InheritedFd {
  readonly fd: number
  /** `FileDescriptorName=` of the systemd socket unit; `'unknown'` without one. */
  readonly name: string
}

/** systemd hands descriptors over from here on (sd_listen_fds(3)). */
const FIRST_FD = 3
const COUNT_MAX = 1_024

/**
 * The sockets that systemd, or anything that speaks its protocol (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES),
 * opened for this process; empty if there are none, or if they are meant for another process.
 * @param env where to read the variables.
 * @example
 * await app.listen(inheritedFds()[0] ?? 3000)
 */
export function inheritedFds(env: NodeJS.ProcessEnv = process.env): readonly InheritedFd[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = env
  if (LISTEN_PID !== String(process.pid) || !/^[0-9]{1,4}$/.test(LISTEN_FDS ?? '')) return []
  const count = Math.min(Number(LISTEN_FDS), COUNT_MAX)
  const names = LISTEN_FDNAMES?.split(':') ?? []
  return Array.from({ length: count }, (_, index) => ({
    fd: FIRST_FD + index,
    name: names[index] || 'unknown',
  }))
}
