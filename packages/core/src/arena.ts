// Hot path. The output arena and the response records, lent to one engine at a time.
import type { Engine } from '@celeris/engine'
import {
  CONTROL_OUTPUT_USED,
  CONTROL_RESPONSE_COUNT,
  CONTROL_TENANT,
  OUTPUT_BYTES_MAX,
  OUTPUT_OFFSET,
  RESPONSE_BODY,
  RESPONSE_EXTRA,
  RESPONSE_GENERATION,
  RESPONSE_HEAD,
  RESPONSE_KIND_COMMAND,
  RESPONSE_KIND_FLAGS,
  RESPONSE_LENGTH,
  RESPONSE_SEQUENCE,
  RESPONSE_SLOT,
  RESPONSE_WORDS,
  RESPONSES_MAX,
  RESPONSES_WORD,
} from '@celeris/engine/layout'
import { words } from './memory.ts'

/** What names the request that an answer is for. */
export interface Answered {
  readonly engine: Engine
  readonly slot: number
  readonly generation: number
  readonly sequence: number
}

let tenant: Engine | null = null
let flushQueued = false

function flushTenant(): void {
  flushQueued = false
  tenant?.flush()
}

const numbers = new WeakMap<Engine, number>()
let lastNumber = 0

/** The number by which an engine knows its own records (CONTROL_TENANT). */
export function tenantNumber(engine: Engine): number {
  let number = numbers.get(engine)
  if (number === undefined) {
    number = ++lastNumber
    numbers.set(engine, number)
  }
  return number
}

/** Several servers in one process share the block: what the one before wrote leaves first. */
function lendTo(engine: Engine): void {
  if (tenant !== null && words[CONTROL_RESPONSE_COUNT] !== 0) tenant.flush()
  // An engine that has closed takes nothing any more.
  words[CONTROL_RESPONSE_COUNT] = 0
  words[CONTROL_OUTPUT_USED] = 0
  tenant = engine
  words[CONTROL_TENANT] = tenantNumber(engine)
}

/** Forgets an engine that has closed. */
export function evict(engine: Engine): void {
  if (tenant === engine) tenant = null
}

/** Makes room for one response record of this engine. Call before bytes are reserved. */
export function openRecord(engine: Engine): void {
  if (tenant !== engine) lendTo(engine)
  if ((words[CONTROL_RESPONSE_COUNT] as number) >= RESPONSES_MAX) engine.flush()
  if (!engine.flushesItself && !flushQueued) {
    flushQueued = true
    queueMicrotask(flushTenant)
  }
}

/**
 * Reserves bytes for the record that was opened and gives their offset, or 0 when they do not fit
 * even into an empty arena. May flush, so nothing of the record may be reserved before.
 */
export function reserve(engine: Engine, count: number): number {
  let used = words[CONTROL_OUTPUT_USED] as number
  if (used + count > OUTPUT_BYTES_MAX) {
    engine.flush()
    used = words[CONTROL_OUTPUT_USED] as number
    if (used + count > OUTPUT_BYTES_MAX) return 0
  }
  return OUTPUT_OFFSET + used
}

/** Keeps the bytes up to `end`; what was reserved behind them is free again. */
export function commitBytes(end: number): void {
  words[CONTROL_OUTPUT_USED] = (end - OUTPUT_OFFSET + 3) & ~3
}

/** Appends the response record that was opened. */
export function commitRecord(
  to: Answered,
  kindFlags: number,
  head: number,
  length: number,
  body: number,
  extra: number,
): void {
  const count = words[CONTROL_RESPONSE_COUNT] as number
  const at = RESPONSES_WORD + count * RESPONSE_WORDS
  words[at + RESPONSE_SLOT] = to.slot
  words[at + RESPONSE_GENERATION] = to.generation
  words[at + RESPONSE_SEQUENCE] = to.sequence
  words[at + RESPONSE_KIND_FLAGS] = kindFlags
  words[at + RESPONSE_HEAD] = head
  words[at + RESPONSE_LENGTH] = length
  words[at + RESPONSE_BODY] = body
  words[at + RESPONSE_EXTRA] = extra
  words[CONTROL_RESPONSE_COUNT] = count + 1
}

/** Opens and appends a command about a request or its connection. */
export function commitCommand(to: Answered, command: number): void {
  openRecord(to.engine)
  commitRecord(to, RESPONSE_KIND_COMMAND, command, 0, 0, 0)
}

/** Opens and appends the record of an answer that is one whole block. */
export function commitWhole(to: Answered, kindFlags: number, id: number): void {
  const { engine } = to
  if (tenant !== engine || !engine.flushesItself) openRecord(engine)
  let count = words[CONTROL_RESPONSE_COUNT] as number
  if (count >= RESPONSES_MAX) {
    engine.flush()
    count = words[CONTROL_RESPONSE_COUNT] as number
  }
  const at = RESPONSES_WORD + count * RESPONSE_WORDS
  words[at + RESPONSE_SLOT] = to.slot
  words[at + RESPONSE_GENERATION] = to.generation
  words[at + RESPONSE_SEQUENCE] = to.sequence
  words[at + RESPONSE_KIND_FLAGS] = kindFlags
  words[at + RESPONSE_HEAD] = id
  words[CONTROL_RESPONSE_COUNT] = count + 1
}
