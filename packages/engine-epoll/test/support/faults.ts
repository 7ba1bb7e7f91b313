// Scripts the test build of the addon (packages/engine/native/faults): which system calls and allocations fail, and how.
import { constants } from 'node:os'
import open from '../../binding.cjs'

type FaultCall =
  | 'accept4'
  | 'recv'
  | 'send'
  | 'epoll_ctl_add'
  | 'epoll_ctl_del'
  | 'epoll_wait'
  | 'epoll_create1'
  | 'socket'
  | 'bind'
  | 'listen'
  | 'open'
  | 'shutdown'
  | 'mmap'
  | 'malloc'
  | 'new'

/** One line of a script. The first line that applies to a call decides. */
export interface Fault {
  /** The call, or several that are counted together. */
  readonly call: FaultCall | readonly FaultCall[]
  /** First of its calls that is met, counted from 1. @defaultValue 1 */
  readonly from?: number
  /** Then every so-manieth. @defaultValue 1 */
  readonly every?: number
  /** How often it strikes. @defaultValue always */
  readonly times?: number
  /** The call fails with it. `EAGAIN` reports the socket ready again later, as the kernel does. */
  readonly errno?: keyof typeof constants.errno
  /** recv and send move at most so many bytes; of several numbers one after the other. */
  readonly take?: readonly number[]
}

interface FaultReport {
  /** Calls since the script was set. */
  readonly made: Readonly<Record<FaultCall, number>>
  /** Those a line struck. */
  readonly hit: Readonly<Record<FaultCall, number>>
  /** Buffers that native code holds, those in its pool included. */
  readonly liveBuffers: number
  /** Objects that native code holds for connections: queues, stashed answers, bodies. */
  readonly liveObjects: number
}

interface FaultyAddon {
  readonly faultCalls?: readonly FaultCall[]
  faults(script: readonly object[]): void
  faultReport(): FaultReport
}

const addon = open() as FaultyAddon
if (addon.faultCalls === undefined)
  throw new Error('this addon has no faults: run `npx vitest run --project faults`')
const numbers = addon.faultCalls

/** Everything the engine allocates by itself and can be refused. */
export const ALLOCATIONS: readonly FaultCall[] = ['mmap', 'malloc', 'new']

/** Replaces the script; without lines nothing fails any more. */
export function faults(...script: readonly Fault[]): void {
  addon.faults(
    script.map(({ call, from = 1, every = 1, times = 2 ** 50, errno, take = [] }) => ({
      calls: [call].flat().map((name) => numbers.indexOf(name as FaultCall)),
      from,
      every,
      times,
      error: errno === undefined ? 0 : constants.errno[errno],
      take,
    })),
  )
}

/** What happened since the script was set. */
export const faultReport = (): FaultReport => addon.faultReport()
