import { fork } from 'node:child_process'
import { BenchError } from '../errors.ts'
import { builtProgram } from '../workload/start-workload.ts'
import type { AttackOrder, AttackTally } from './attack.ts'

/** Attackers at work in a process of their own. */
export interface Attackers {
  /** Resolves when all are in place. */
  readonly up: Promise<void>
  /** Resolves with what they saw when their attack is over. */
  readonly over: Promise<AttackTally>
  /** Makes them leave at once. */
  stop(): void
}

type Message = { readonly type: 'up' } | { readonly type: 'over'; readonly tally: AttackTally }

/** Starts an attack. */
export const startAttackers = (order: AttackOrder): Attackers => {
  const child = fork(builtProgram('attackers'), [JSON.stringify(order)])
  let isUp = (): void => {}
  const up = new Promise<void>((resolve) => {
    isUp = resolve
  })
  const over = new Promise<AttackTally>((resolve, reject) => {
    child.on('message', (message: Message) => {
      if (message.type === 'up') isUp()
      else resolve(message.tally)
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      isUp()
      reject(
        new BenchError('CELERIS_BENCH_GENERATOR', `the attackers ended early (${signal ?? code})`),
      )
    })
  })
  return {
    up,
    over,
    stop: () => {
      if (child.connected) child.send('stop')
    },
  }
}
