// The attackers' process: takes one order, reports when they are in place and what they saw.
import { setPriority } from 'node:os'
import type { Attack, AttackOrder } from './attack.ts'
import { createAttackContext } from './attack-context.ts'
import {
  chunkFlood,
  churn,
  connectionFlood,
  headerFlood,
  pipeliningFlood,
} from './attacks/floods.ts'
import { slowBodies, slowHeaders, slowReaders } from './attacks/slow.ts'

const attacks: Readonly<Record<string, Attack>> = {
  'slow-headers': slowHeaders,
  'slow-bodies': slowBodies,
  'slow-readers': slowReaders,
  'header-flood': headerFlood,
  'pipelining-flood': pipeliningFlood,
  churn,
  'connection-flood': connectionFlood,
  'chunk-flood': chunkFlood,
}

const order = JSON.parse(process.argv[2] ?? '{}') as AttackOrder
const attack = attacks[order.attack]
if (attack === undefined) throw new Error(`no attack is called "${order.attack}"`)

// The good clients share a core with this process; they are measured, it is not.
try {
  setPriority(10)
} catch {}

const stop = new AbortController()
process.on('message', () => stop.abort())
process.on('disconnect', () => process.exit(0))
const context = createAttackContext(order, stop.signal, () => process.send?.({ type: 'up' }))
await attack(context)
process.send?.({ type: 'over', tally: context.tally }, () => process.exit(0))
