// SIGTERM at any moment of any load: nothing is lost (L-9, findings of rivals: a restart that resets).
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { type Program, startProgram } from './support/program.ts'
import { seeded } from './support/random.ts'
import { atEnd } from './support/serve.ts'
import { Wire } from './support/wire.ts'

const ROUNDS = Number(process.env.CELERIS_DRAIN_ROUNDS ?? 5)
const SEED = Number(process.env.CELERIS_DRAIN_SEED ?? 1)
/** A client kept from running this long may meet a connection whose grace has ended meanwhile. */
const CLIENT_LATE_MS = 200

interface Load {
  answers: number
  readonly lost: string[]
  /** Batches that this process, starved, sent only after the grace. */
  late: number
  closesSaid: number
  onAnswer: () => void
}

interface Batch {
  readonly bytes: Buffer[]
  readonly expected: string[]
}

type Kind = 'keep-alive' | 'pipelined' | 'slow' | 'upload'

function makeBatch(kind: Kind, random: () => number, name: string): Batch {
  const head = (line: string, more = ''): Buffer =>
    Buffer.from(`${line} HTTP/1.1\r\nhost: a\r\n${more}\r\n`)
  const later = (id: string): Buffer => head(`GET /later/${Math.floor(random() * 60)}/${id}`)
  if (kind === 'keep-alive') return { bytes: [head(`GET /now/${name}`)], expected: [name] }
  if (kind === 'slow') return { bytes: [later(name)], expected: [name] }
  if (kind === 'pipelined') {
    const ids = Array.from(
      { length: 1 + Math.floor(random() * 8) },
      (_, index) => `${name}-${index}`,
    )
    const requests = ids.map((id) => (random() < 0.5 ? later(id) : head(`GET /now/${id}`)))
    return { bytes: [Buffer.concat(requests)], expected: ids }
  }
  // Some are collected by the engine, some are streamed to the handler.
  const length = Math.floor(random() * 250_000)
  const body = Buffer.alloc(length, 'x')
  const pieces: Buffer[] = [head(`POST /upload/${name}`, `content-length: ${length}\r\n`)]
  for (let at = 0; at < length; at += 40_000) pieces.push(body.subarray(at, at + 40_000))
  return { bytes: pieces, expected: [`${name} ${length}`] }
}

/** Asks until an answer says `connection: close`, or the server has closed an idle connection. */
async function client(kind: Kind, wire: Wire, seed: number, load: Load): Promise<void> {
  const random = seeded(seed)
  let answered = performance.now()
  for (let round = 0; ; round++) {
    const { bytes, expected } = makeBatch(kind, random, `${seed}-${round}`)
    const late = performance.now() - answered > CLIENT_LATE_MS
    const open = wire.ending === 'open'
    if (!open) {
      if (!late) load.lost.push(`${kind}: ${wire.ending} while it asked`)
      return
    }
    for (const piece of bytes) {
      await wire.send(piece)
      if (bytes.length > 1) await turn()
    }
    let closing = false
    for (const text of expected) {
      try {
        const answer = await wire.answer()
        if (closing) load.lost.push(`${text}: an answer behind connection: close`)
        if (answer.text !== text) load.lost.push(`${text}: got ${answer.text}`)
        closing = answer.header('connection') === 'close'
        load.answers++
        load.onAnswer()
      } catch (error) {
        if (late) load.late++
        else load.lost.push(`${kind} ${text}: ${(error as Error).message}`)
        return
      }
    }
    answered = performance.now()
    if (!closing) continue
    load.closesSaid++
    const rest = await wire.rest()
    if (rest !== '') load.lost.push(`${kind}: more after the last answer: ${rest}`)
    if (wire.ending !== 'end') load.lost.push(`${kind}: ${wire.ending} after the last answer`)
    return
  }
}

async function start(engine: string): Promise<{ program: Program; port: number }> {
  const program = startProgram('drain-server', [engine])
  return { program, port: (JSON.parse(await program.line()) as { port: number }).port }
}

async function open(port: number): Promise<Wire> {
  const wire = await Wire.open({ port })
  atEnd(() => wire.close())
  return wire
}

interface Report {
  readonly active: number
  readonly drained: number
  readonly cut: number
  readonly elapsedMs: number
}

// Processes start slowly on a machine that does other work.
vi.setConfig({ testTimeout: 90_000 })

describe.each(['epoll', 'node'])('SIGTERM, %s', (engine) => {
  test.each(Array.from({ length: ROUNDS }, (_, round) => SEED + round))(
    'under load at a random moment: no reset, no lost answer, the report adds up (L-9, L-10, C8), seed %i',
    async (seed) => {
      const random = seeded(seed)
      const { program, port } = await start(engine)
      const load: Load = { answers: 0, lost: [], late: 0, closesSaid: 0, onAnswer: () => {} }
      const kinds = (['keep-alive', 'pipelined', 'slow', 'upload'] as const).flatMap((kind) =>
        new Array<Kind>(4).fill(kind),
      )
      const wires = await Promise.all(kinds.map(() => open(port)))
      const unused = await open(port)
      const stalled = await open(port)
      await stalled.send('GET /now/x HTTP/1.1\r\nho')
      const idle = await open(port)
      expect((await idle.ask('GET /now/idle HTTP/1.1\r\nhost: a\r\n\r\n')).text).toBe('idle')
      const silent = [unused, stalled, idle]

      const moment = 20 + Math.floor(random() * 1_500)
      const signalled = new Promise<void>((resolve) => {
        load.onAnswer = () => {
          if (load.answers !== moment) return
          program.child.kill('SIGTERM')
          resolve()
        }
      })
      const clients = kinds.map((kind, index) =>
        client(kind, wires[index] as Wire, seed * 1_000 + index, load),
      )
      await signalled
      await Promise.all(clients)
      const ends = await Promise.all(silent.map(async (wire) => [await wire.rest(), wire.ending]))
      const { code, signal, out, err } = await program.ended
      const report = JSON.parse(out.trim().split('\n').at(-1) as string) as Report
      expect(load.lost).toEqual([])
      expect([code, signal, err]).toEqual([0, null, ''])
      expect(ends).toEqual(silent.map(() => ['', 'end']))
      expect(report).toMatchObject({ active: kinds.length + silent.length, cut: 0 })
      expect(report.drained).toBe(report.active)
      // The deadline is 20 s; neither a stalled head nor an unused connection holds it.
      expect(report.elapsedMs).toBeLessThan(9_000)
      if (load.late > 0) console.log(`seed ${seed}: ${load.late} requests came after the grace`)
    },
  )

  test('a second signal ends a process that is stuck (C8)', async () => {
    const { program, port } = await start(engine)
    const wire = await open(port)
    await wire.send('GET /stuck HTTP/1.1\r\nhost: a\r\n\r\n')
    const other = await open(port)
    expect((await other.ask('GET /now/1 HTTP/1.1\r\nhost: a\r\n\r\n')).text).toBe('1')
    program.child.kill('SIGTERM')
    // The end of the idle connection shows that the drain runs.
    await other.rest()
    program.child.kill('SIGTERM')
    const { code, signal } = await program.ended
    expect([code, signal]).toEqual([null, 'SIGTERM'])
  })
})
