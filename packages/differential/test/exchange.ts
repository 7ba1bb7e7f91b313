// Sends one input over a connection of its own and says what the server made of it.
import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Seen } from './model.ts'
import type { Input } from './mutate.ts'

/** What a server made of everything a connection sent. */
export interface Verdict {
  /** The requests its handler answered, in the order of their answers. */
  readonly seen: readonly Seen[]
  /** Status of the first answer that its handler did not give. */
  readonly refusal: number | undefined
  /** The refusal came only when the client had sent FIN, being tired of waiting. */
  readonly refusedBehindFin: boolean
  /** Requests the handler answered behind a refusal. */
  readonly seenBehindRefusal: number
  /** Who ended the connection: the server by itself, or the client, by FIN; `hung`: nobody. */
  readonly ended: 'server' | 'client' | 'reset' | 'hung'
}

/** Name of the field in which handlers say what they saw: JSON as base64, bytes as latin1. */
export const SEEN_FIELD = 'x-seen'

export interface ExchangeOptions {
  /**
   * Milliseconds without a byte after which FIN is sent; undefined trusts the server to close when
   * `fin` of the input is false.
   */
  readonly quietMs: number | undefined
  /** FIN at once, whatever the input says: it is known that more bytes are needed. */
  readonly finAtOnce: boolean
  /** Milliseconds after which the server counts as hung. */
  readonly hungMs: number
}

/** Runs one connection from its first byte to its end. */
export async function exchange(
  port: number,
  input: Input,
  options: ExchangeOptions,
): Promise<Verdict> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.setNoDelay(true)
  const received: Buffer[] = []
  let endedBy: Verdict['ended'] | undefined
  let finSent = false
  let bytes = 0
  let bytesBeforeFin = Number.POSITIVE_INFINITY
  let quiet: NodeJS.Timeout | undefined
  const gone = new Promise<void>((resolve) => {
    const hung = setTimeout(() => end('hung'), options.hungMs)
    const end = (how: Verdict['ended']): void => {
      clearTimeout(hung)
      clearTimeout(quiet)
      endedBy ??= how
      resolve()
    }
    socket.on('end', () => end(finSent ? 'client' : 'server'))
    socket.on('error', () => end('reset'))
    socket.on('close', () => end('reset'))
  })
  const fin = (): void => {
    bytesBeforeFin = bytes
    finSent = true
    socket.end()
  }
  // Behind a pause of the whole process timers come first: what arrived in it is read before FIN.
  const tired = async (): Promise<void> => {
    const before = bytes
    await turn()
    await turn()
    if (bytes === before && endedBy === undefined) fin()
  }
  const watch = (): void => {
    clearTimeout(quiet)
    if (options.quietMs !== undefined && !finSent)
      quiet = setTimeout(() => void tired(), options.quietMs)
  }
  socket.on('data', (chunk: Buffer) => {
    received.push(chunk)
    bytes += chunk.length
    watch()
  })
  try {
    await send(socket, input)
    if (input.fin || options.finAtOnce) fin()
    else watch()
    await gone
  } finally {
    clearTimeout(quiet)
    socket.destroy()
  }
  const { refusedAt, ...answers } = readAnswers(Buffer.concat(received).toString('latin1'))
  const refusedBehindFin = refusedAt !== undefined && refusedAt >= bytesBeforeFin
  return { ...answers, refusedBehindFin, ended: endedBy as 'server' }
}

async function send(socket: Socket, { text, pieces }: Input): Promise<void> {
  const bytes = Buffer.from(text, 'latin1')
  const write = (piece: Buffer): Promise<void> =>
    new Promise((resolve) => socket.write(piece, () => resolve()))
  if (pieces.length === 0) return await write(bytes)
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = pieces[Math.min(index, pieces.length - 1)] as number
    await write(bytes.subarray(at, at + size))
    await turn()
    at += size
  }
}

type Answers = Omit<Verdict, 'ended' | 'refusedBehindFin'> & {
  readonly refusedAt: number | undefined
}

/** Answers of handlers have no body; behind any other answer nothing is read but the marks. */
function readAnswers(text: string): Answers {
  const seen: Seen[] = []
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n\r\n', at)
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(text.slice(at, at + 12))?.[1]
    // Another protocol, as behind the preface of HTTP/2.
    if (end < 0 || status === undefined) break
    const head = text.slice(at, end + 2)
    const refusedAt = at
    at = end + 4
    if (status.startsWith('1')) continue
    const mark = new RegExp(`\r\n${SEEN_FIELD}: (\\S*)\r\n`, 'i').exec(head)?.[1]
    if (mark === undefined) {
      const behind = text.slice(at).split(`\r\n${SEEN_FIELD}: `).length - 1
      return { seen, refusal: Number(status), refusedAt, seenBehindRefusal: behind }
    }
    seen.push(JSON.parse(Buffer.from(mark, 'base64').toString('latin1')) as Seen)
  }
  return { seen, refusal: undefined, refusedAt: undefined, seenBehindRefusal: 0 }
}
