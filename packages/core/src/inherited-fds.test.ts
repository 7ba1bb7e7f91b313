import { describe, expect, it } from 'vitest'
import { inheritedFds } from './inherited-fds.ts'

const ours = { LISTEN_PID: String(process.pid) }

describe('inheritedFds (L-6)', () => {
  it('counts descriptors from 3, with their names', () => {
    expect(inheritedFds({ ...ours, LISTEN_FDS: '2', LISTEN_FDNAMES: 'web:admin' })).toEqual([
      { fd: 3, name: 'web' },
      { fd: 4, name: 'admin' },
    ])
  })

  it('calls those without a name unknown', () => {
    const named = (names: string | undefined) =>
      inheritedFds({ ...ours, LISTEN_FDS: '2', LISTEN_FDNAMES: names }).map(({ name }) => name)
    expect(named(undefined)).toEqual(['unknown', 'unknown'])
    expect(named('web')).toEqual(['web', 'unknown'])
    expect(named(':admin')).toEqual(['unknown', 'admin'])
  })

  it('is empty when the sockets are meant for another process, or there are none', () => {
    for (const env of [
      {},
      { LISTEN_FDS: '1' },
      { LISTEN_PID: String(process.ppid), LISTEN_FDS: '1' },
      { LISTEN_PID: ` ${process.pid}`, LISTEN_FDS: '1' },
      { ...ours },
      { ...ours, LISTEN_FDS: '0' },
    ])
      expect(inheritedFds(env)).toEqual([])
  })

  it('takes a malformed count for none', () => {
    for (const count of ['', '-1', '1.5', '1e3', ' 1', 'x', '99999'])
      expect(inheritedFds({ ...ours, LISTEN_FDS: count }), count).toEqual([])
  })

  it('reads the environment of the process by default', () => {
    expect(inheritedFds()).toEqual([])
  })
})
