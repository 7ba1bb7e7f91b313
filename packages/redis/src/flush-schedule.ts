// One nextTick and one setImmediate serve all connections of the process.

/** A connection with bytes to send. */
export interface Flushable {
  flush(): void
}

let soon: Flushable[] = []
let afterPoll: Flushable[] = []
let listening = false
/** The process ends: there is no later. */
let exiting = false

function flushAll(connections: Flushable[]): void {
  for (let i = 0; i < connections.length; i++) (connections[i] as Flushable).flush()
}

function flushSoon(): void {
  const connections = soon
  soon = []
  flushAll(connections)
}

function flushAfterPoll(): void {
  const connections = afterPoll
  afterPoll = []
  flushAll(connections)
}

/** ioredis hands bytes to the kernel inside the call: `set(); process.exit()` must send them. */
function flushAtExit(): void {
  exiting = true
  flushSoon()
  flushAfterPoll()
}

/** Flushes before the event loop goes on: for a connection that waits for nothing. */
export function flushOnNextTick(connection: Flushable): void {
  if (!listening) listen()
  if (exiting) connection.flush()
  else if (soon.push(connection) === 1) process.nextTick(flushSoon)
}

/** Flushes after the poll phase: commands of all callbacks of this turn share one write. */
export function flushOnImmediate(connection: Flushable): void {
  if (!listening) listen()
  if (exiting) connection.flush()
  else if (afterPoll.push(connection) === 1) setImmediate(flushAfterPoll)
}

function listen(): void {
  listening = true
  process.on('exit', flushAtExit)
}
