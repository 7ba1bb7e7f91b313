// Workers of node:cluster under load, replaced one by one (L-8).
import { describe, expect, test, vi } from 'vitest'
import { type Program, startProgram } from './support/program.ts'
import { atEnd } from './support/serve.ts'
import { Wire } from './support/wire.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`

function cluster(engine: string, port: number, workers: number): Program {
  const program = startProgram('cluster', [engine, port, '{}', workers], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  // Killed, it would leave its workers behind.
  atEnd(async () => {
    program.child.stdin?.end()
    await program.ended
  })
  return program
}

/** A port that is free now. */
async function freePort(): Promise<number> {
  const program = startProgram('drain-server', ['node'])
  const { port } = JSON.parse(await program.line()) as { port: number }
  program.child.kill('SIGKILL')
  await program.ended
  return port
}

interface Facts {
  readonly port: number
  readonly pid: number
}

/** A client kept from running this long may meet a connection whose grace has ended meanwhile. */
const CLIENT_LATE_MS = 200

/** Asks on one connection after another until told to stop; gives what went wrong. */
async function keepAsking(port: number, stopped: () => boolean, lost: string[]): Promise<number> {
  let answers = 0
  while (!stopped()) {
    const wire = await Wire.open({ port })
    let asked = performance.now()
    let late = false
    try {
      for (let closing = false; !closing && !stopped(); answers++) {
        late = performance.now() - asked > CLIENT_LATE_MS
        const answer = await wire.ask(get(`/later/2/${answers}`))
        asked = performance.now()
        if (answer.text !== String(answers)) lost.push(`${answers}: ${answer.text}`)
        closing = answer.header('connection') === 'close'
      }
    } catch (error) {
      if (!late) lost.push(`${answers}: ${(error as Error).message}`)
    } finally {
      await wire.close()
    }
  }
  return answers
}

// Processes start slowly on a machine that does other work.
vi.setConfig({ testTimeout: 90_000 })

describe.each(['epoll', 'node'])('node:cluster, %s', (engine) => {
  test('workers share a port, and both serve (L-8)', async () => {
    const port = await freePort()
    const program = cluster(engine, port, 2)
    const workers = JSON.parse(await program.line()) as Facts[]
    expect(workers.map((worker) => worker.port)).toEqual([port, port])
    const seen = new Set<number>()
    while (seen.size < 2) {
      const wire = await Wire.open({ port })
      seen.add(Number((await wire.ask(get('/pid'))).text))
      await wire.close()
    }
    expect([...seen].sort()).toEqual(workers.map(({ pid }) => pid).sort())
    program.child.stdin?.end()
    expect(await program.ended).toMatchObject({ code: 0, err: '' })
  })

  test('a rolling restart under load loses no answer (L-8, L-9)', async () => {
    const port = await freePort()
    const program = cluster(engine, port, 2)
    await program.line()
    let stop = false
    const lost: string[] = []
    const clients = Array.from({ length: 8 }, () => keepAsking(port, () => stop, lost))
    for (let round = 0; round < 2; round++) {
      program.child.stdin?.write('restart\n')
      expect(JSON.parse(await program.line())).toEqual([0, 0])
    }
    stop = true
    const answers = await Promise.all(clients)
    expect(lost).toEqual([])
    expect(Math.min(...answers)).toBeGreaterThan(0)
  })

  test('port 0 is refused where each worker would get another one, and shared on node (L-8)', async () => {
    const program = cluster(engine, 0, 2)
    const workers = JSON.parse(await program.line()) as (Facts & { code?: string })[]
    if (engine === 'epoll')
      expect(workers).toEqual([{ code: 'CELERIS_CLUSTER_PORT' }, { code: 'CELERIS_CLUSTER_PORT' }])
    else expect(workers[0]?.port).toBe(workers[1]?.port)
  })
})
