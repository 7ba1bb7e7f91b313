// Sockets that core takes over (http1.md UPG-1, UPG-2; engines.md §8): every byte behind the request is theirs.
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { COMMAND_HIJACK, EVENT_KIND_ABORTED, EVENT_KIND_HIJACKED } from '@celeris/engine/layout'
import type { SeenRequest } from './batch-reader.ts'
import { assertSameFootprint, footprint } from './footprint.ts'
import type { RawClient } from './raw-client.ts'
import { answerPath, type Handlers, sameConnection } from './reference-dispatch.ts'
import { get, pattern } from './request-text.ts'
import type { CaseDefinition, Scope, Served } from './scope.ts'

const GRANTED = 0
const REFUSED = 1
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n'

const upgrade = (path: string, ...lines: readonly string[]): string =>
  get(path, 'connection: upgrade', 'upgrade: raw', ...lines)

/** A socket that was taken, and what came over it. */
class Taken {
  readonly socket: Duplex
  readonly #chunks: Buffer[] = []
  #length = 0
  ended = false
  closed = false
  constructor(socket: Duplex) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#length += chunk.length
    })
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.closed = true
    })
  }
  get length(): number {
    return this.#length
  }
  bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

interface Hijacking {
  readonly served: Served
  readonly taken: Taken[]
}

/** Hijacks `/hijack`, takes the socket when it is granted, and says 101; answers every other path with itself. */
async function serveHijack(
  scope: Scope,
  handlers: Handlers = {},
  overrides: Parameters<Scope['serve']>[1] = {},
): Promise<Hijacking> {
  const taken: Taken[] = []
  const served: Served = await scope.serve(
    {
      onRequest: (request, write) => {
        if (request.path === '/hijack') write.command(request, COMMAND_HIJACK)
        else (handlers.onRequest ?? answerPath)(request, write)
      },
      onEvent: (event, write) => {
        handlers.onEvent?.(event, write)
        if (event.kind !== EVENT_KIND_HIJACKED || event.code !== GRANTED) return
        const socket = served.engine.takeSocket?.(event.slot, event.generation)
        // Its peer may have reset it since.
        if (socket === null || socket === undefined) return
        scope.onEnd(() => socket.destroy())
        taken.push(new Taken(socket))
        socket.write(SWITCHING)
      },
    },
    overrides,
  )
  return { served, taken }
}

const hijacked = (served: Served): ReturnType<Served['event']> =>
  served.event(({ kind }) => kind === EVENT_KIND_HIJACKED)

async function oneTaken(scope: Scope, { taken }: Hijacking): Promise<Taken> {
  await scope.until(() => taken.length === 1, 'the socket was taken')
  return taken[0] as Taken
}

/** Every accepted connection is open, closed or released (C12). */
function assertAccounts(served: Served): void {
  const { accepted, closed, released, active, badRecords } = served.engine.metrics()
  assert.equal(accepted - closed - released, active, 'connections add up')
  assert.equal(badRecords, 0)
}

/** Whole echo: `payload` was sent in some way; it must arrive, and come back. */
async function assertEcho(
  scope: Scope,
  client: RawClient,
  taken: Taken,
  payload: Buffer,
): Promise<void> {
  await scope.until(() => taken.length >= payload.length, 'every byte arrived')
  assert.ok(taken.bytes().equals(payload), 'bytes as they were sent')
  assert.equal(await client.readTo('\r\n\r\n'), SWITCHING)
  taken.socket.end(payload)
  assert.ok((await client.readBytes(payload.length)).equals(payload), 'bytes as they came')
  await client.readEnd()
}

const takingCases: readonly CaseDefinition[] = [
  {
    name: 'what stands behind the upgrade in its segment is delivered first, never parsed (UPG-2, R6)',
    needs: ['hijack'],
    async run(scope) {
      const hijacking = await serveHijack(scope)
      const { served } = hijacking
      const client = await served.connect()
      const payload = Buffer.from(`${get('/not-a-request')}\0\xff`, 'latin1')
      await client.send(Buffer.concat([Buffer.from(upgrade('/hijack')), payload]))
      const taken = await oneTaken(scope, hijacking)
      await assertEcho(scope, client, taken, payload)
      assert.equal(served.requests.length, 1)
      client.end()
      await scope.until(() => taken.closed, 'the socket is closed')
      assert.ok(taken.ended)
      assertAccounts(served)
      const { released, active, closed } = served.engine.metrics()
      assert.deepEqual([released, active, closed], [1, 0, 0])
    },
  },
  {
    name: 'upgrade and payload cut at every place (UPG-2, R6)',
    needs: ['hijack'],
    guardMs: 60_000,
    async run(scope) {
      const payload = Buffer.from('0123456789', 'latin1')
      const text = Buffer.concat([Buffer.from(upgrade('/hijack')), payload])
      const { served, taken } = await serveHijack(scope)
      for (let cut = 1; cut < text.length; cut++) {
        const client = await served.connect()
        await client.sendPieces(text.subarray(0, cut), cut)
        await client.send(text.subarray(cut))
        await scope.until(() => taken.length === cut, 'the socket was taken')
        await assertEcho(scope, client, taken[cut - 1] as Taken, payload)
        await client.close()
      }
      assertAccounts(served)
    },
  },
  {
    name: 'payload in random pieces while the hijack is under way: byte-exact (UPG-2, R6)',
    needs: ['hijack'],
    guardMs: 60_000,
    async run(scope) {
      const { served, taken } = await serveHijack(scope)
      let state = (Date.now() & 0x7fff_ffff) | 1
      const seed = state
      const random = (below: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
        return (state >>> 8) % below
      }
      const rounds = scope.subject.mode === 'torture' ? 1000 : 60
      for (let round = 0; round < rounds; round++) {
        const client = await served.connect()
        const payload = pattern(random(4) === 0 ? random(200_000) : random(2000) + 1)
        const text = Buffer.concat([Buffer.from(upgrade('/hijack')), payload])
        const sending = client.sendPieces(text, random(4) === 0 ? text.length : random(30_000) + 40)
        await scope.until(() => taken.length === round + 1, `the socket was taken (seed ${seed})`)
        await sending
        const one = taken[round] as Taken
        await scope.until(() => one.length >= payload.length, `every byte arrived (seed ${seed})`)
        assert.ok(one.bytes().equals(payload), `bytes as they were sent (seed ${seed})`)
        one.socket.destroy()
        await client.close()
      }
      assertAccounts(served)
    },
  },
  {
    name: 'earlier answers leave before the socket can be taken (PIP-1, UPG-2)',
    needs: ['hijack'],
    async run(scope) {
      const hijacking = await serveHijack(scope, { onRequest: () => undefined })
      const { served } = hijacking
      const client = await served.connect()
      await client.send(`${get('/a') + get('/b') + upgrade('/hijack')}payload`)
      await served.seen(3)
      const [first, second] = served.requests as [SeenRequest, SeenRequest]
      const other = await served.connect()
      await other.send(get('/other'))
      const unrelated = await served.seen(4)
      served.late((write) => {
        write.answer(second, { body: pattern(300_000) })
        write.answer(unrelated, { body: 'other' })
      })
      await other.readAnswer()
      assert.equal(served.events.length, 0, 'an answer is still owed')
      served.late((write) => write.answer(first, { body: 'a' }))
      assert.equal((await client.readAnswer()).body.toString(), 'a')
      assert.ok((await client.readAnswer()).body.equals(pattern(300_000)))
      const taken = await oneTaken(scope, hijacking)
      await assertEcho(scope, client, taken, Buffer.from('payload'))
    },
  },
  {
    name: 'a request body is framed first; what follows it is delivered (UPG-1, UPG-2)',
    needs: ['hijack'],
    async run(scope) {
      const hijacking = await serveHijack(scope)
      const client = await hijacking.served.connect()
      const text = upgrade('/hijack', 'content-length: 4').replace('GET', 'POST')
      await client.send(`${text}bodypayload`)
      const taken = await oneTaken(scope, hijacking)
      assert.equal(hijacking.served.requests[0]?.body?.toString(), 'body')
      await assertEcho(scope, client, taken, Buffer.from('payload'))
    },
  },
  {
    name: 'FIN behind the payload reaches the new owner (UPG-2)',
    needs: ['hijack'],
    async run(scope) {
      const hijacking = await serveHijack(scope)
      const client = await hijacking.served.connect()
      const sent = client.send(`${upgrade('/hijack')}payload`)
      client.end()
      await sent
      const taken = await oneTaken(scope, hijacking)
      await assertEcho(scope, client, taken, Buffer.from('payload'))
      await scope.until(() => taken.ended, 'its end was told')
    },
  },
  {
    name: 'megabytes both ways over a taken socket (UPG-2)',
    needs: ['hijack'],
    async run(scope) {
      const hijacking = await serveHijack(scope)
      const client = await hijacking.served.connect()
      await client.send(upgrade('/hijack'))
      const taken = await oneTaken(scope, hijacking)
      taken.socket.pipe(taken.socket)
      const payload = pattern(3 * 1024 * 1024)
      assert.equal(await client.readTo('\r\n\r\n'), SWITCHING)
      const sending = client.send(payload)
      assert.ok((await client.readBytes(payload.length)).equals(payload))
      await sending
      client.end()
      await client.readEnd()
    },
  },
]

const refusingCases: readonly CaseDefinition[] = [
  {
    name: 'requests that were parsed behind it already: refused, and everything is answered (UPG-2)',
    needs: ['hijack'],
    async run(scope) {
      const { served, taken } = await serveHijack(scope)
      const client = await served.connect()
      await client.send(get('/hijack') + get('/b'))
      const event = await hijacked(served)
      assert.equal(event.code, REFUSED)
      served.late((write) => write.answer(served.requests[0] as SeenRequest, { body: 'a' }))
      assert.equal((await client.readAnswer()).body.toString(), 'a')
      assert.equal((await client.readAnswer()).body.toString(), '/b')
      assert.equal(taken.length, 0)
      assertAccounts(served)
    },
  },
  {
    name: 'a body that is still coming: refused (UPG-1)',
    needs: ['hijack'],
    async run(scope) {
      const { served } = await serveHijack(scope, {}, { bufferedBodySize: 0 })
      const client = await served.connect()
      const text = upgrade('/hijack', 'content-length: 10').replace('GET', 'POST')
      await client.send(`${text}12345`)
      assert.equal((await hijacked(served)).code, REFUSED)
      served.late((write) => write.answer(served.requests[0] as SeenRequest, { body: 'a' }))
      await client.send('67890')
      assert.equal((await client.readAnswer()).body.toString(), 'a')
    },
  },
  {
    name: 'an upgrade that nobody takes is ignored: what follows is HTTP, once it is answered (UPG-1)',
    needs: ['hijack'],
    async run(scope) {
      const { served } = await serveHijack(scope, { onRequest: () => undefined })
      const h2c = get('/plain', 'connection: upgrade, http2-settings', 'upgrade: h2c')
      const client = await served.connect()
      for (let round = 0; round < 3; round++) {
        const text = h2c + get('/b') + get('/c')
        if (round === 0) await client.send(text)
        else await client.sendPieces(text, round * 20)
        const first = await served.seen(round * 3 + 1)
        served.late((write) => answerPath(first, write))
        for (const path of ['/plain', '/b', '/c']) {
          if (path !== '/plain') {
            const next = await served.seen(round * 3 + (path === '/b' ? 2 : 3))
            served.late((write) => answerPath(next, write))
          }
          assert.equal((await client.readAnswer()).body.toString(), path)
        }
      }
      assertAccounts(served)
    },
  },
  {
    name: 'bytes behind an ignored upgrade that are no request: its answer, then 400 (UPG-1, PIP-4)',
    needs: ['hijack'],
    async run(scope) {
      const { served } = await serveHijack(scope)
      const client = await served.connect()
      await client.send(`${upgrade('/plain')}\0\0\0\0garbage\r\n\r\n`)
      assert.equal((await client.readAnswer()).body.toString(), '/plain')
      assert.equal((await client.readAnswer()).status, 400)
      await client.readEnd()
      assert.equal(served.requests.length, 1)
    },
  },
  {
    name: 'a hijack that is answered after all: the connection goes on, its socket stays (C2)',
    needs: ['hijack'],
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => {
          if (request.path === '/hijack') write.command(request, COMMAND_HIJACK)
          else answerPath(request, write)
        },
      })
      const client = await served.connect()
      await client.send(upgrade('/hijack') + get('/b'))
      const event = await hijacked(served)
      assert.equal(event.code, GRANTED)
      const request = served.requests[0] as SeenRequest
      served.late((write) => write.answer(request, { body: 'answered' }))
      assert.equal((await client.readAnswer()).body.toString(), 'answered')
      assert.equal((await client.readAnswer()).body.toString(), '/b')
      assert.equal(served.engine.takeSocket?.(request.slot, request.generation), null)
      await client.send(get('/c'))
      assert.equal((await client.readAnswer()).body.toString(), '/c')
      assert.equal(served.events.length, 1)
      assertAccounts(served)
    },
  },
  {
    name: 'no socket without a grant, of another generation, or twice (C2)',
    needs: ['hijack'],
    async run(scope) {
      const served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(upgrade('/hijack'))
      const request = await served.seen(1)
      const { slot, generation } = request
      const take = (of: number): Duplex | null | undefined => served.engine.takeSocket?.(slot, of)
      assert.equal(take(generation), null, 'nobody asked')
      served.late((write) => write.command(request, COMMAND_HIJACK))
      await hijacked(served)
      assert.equal(take(generation + 1), null, 'another generation')
      const socket = take(generation)
      assert.ok(socket)
      scope.onEnd(() => socket.destroy())
      assert.equal(take(generation), null, 'it is gone')
      const before = served.engine.metrics().staleWrites
      served.late((write) => write.answer(request, { body: 'too late' }))
      await scope.until(() => served.engine.metrics().staleWrites === before + 1, 'it is refused')
      socket.end('bye')
      assert.equal((await client.readBytes(3)).toString(), 'bye')
      await client.readEnd()
    },
  },
]

const lifeCases: readonly CaseDefinition[] = [
  {
    name: 'a taken socket has no timers (TIM-3)',
    needs: ['hijack'],
    async run(scope) {
      const timeouts = {
        readHeaderTimeoutMs: 100,
        idleTimeoutMs: 100,
        readTimeoutMs: 100,
        writeTimeoutMs: 100,
      }
      const hijacking = await serveHijack(scope, {}, timeouts)
      const { served } = hijacking
      const client = await served.connect()
      await client.send(`${upgrade('/hijack')}half a li`)
      const taken = await oneTaken(scope, hijacking)
      for (let i = 0; i < 4; i++) await (await served.connect()).readUntilGone()
      await client.send('ne')
      await assertEcho(scope, client, taken, Buffer.from('half a line'))
    },
  },
  {
    name: 'a hijack during a drain is granted, and outlives the engine (C11)',
    needs: ['hijack'],
    async run(scope) {
      const served: Served = await scope.serve({ onRequest: () => undefined })
      const client = await served.connect()
      await client.send(upgrade('/hijack'))
      const request = await served.seen(1)
      const closing = served.engine.close({ timeoutMs: 10_000 })
      served.late((write) => write.command(request, COMMAND_HIJACK))
      assert.equal((await hijacked(served)).code, GRANTED)
      const socket = served.engine.takeSocket?.(request.slot, request.generation)
      assert.ok(socket)
      scope.onEnd(() => socket.destroy())
      const taken = new Taken(socket)
      assert.equal((await closing).cut, 0)
      socket.write(SWITCHING)
      await client.send('payload')
      await assertEcho(scope, client, taken, Buffer.from('payload'))
      assert.equal(served.engine.metrics().released, 1)
    },
  },
  {
    name: 'RST at every step of a hijack: told once, or seen by the new owner (R2, EOF-3)',
    needs: ['hijack'],
    guardMs: 60_000,
    async run(scope) {
      const rounds = scope.subject.mode === 'torture' ? 1000 : 40
      const hijacking = await serveHijack(scope)
      const { served, taken } = hijacking
      for (let round = 0; round < rounds; round++) {
        const client = await served.connect()
        const before = taken.length
        await client.send(`${upgrade('/hijack')}x`)
        if (round % 2 === 1) await scope.until(() => taken.length > before, 'taken')
        client.reset()
      }
      await scope.until(() => {
        const { accepted, active } = served.engine.metrics()
        return accepted === rounds && active === 0 && taken.every(({ closed }) => closed)
      }, 'all are gone')
      assertAccounts(served)
      for (const request of served.requests) {
        const told = served.events.filter(
          (event) => event.kind === EVENT_KIND_ABORTED && sameConnection(event, request),
        )
        assert.ok(told.length <= 1, 'one abort notice')
      }
    },
  },
  {
    name: 'RST between the grant and the taking: told, and there is no socket (R2)',
    needs: ['hijack'],
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.command(request, COMMAND_HIJACK),
      })
      const client = await served.connect()
      await client.send(upgrade('/hijack'))
      const { slot, generation } = await hijacked(served)
      client.reset()
      await served.event(({ kind }) => kind === EVENT_KIND_ABORTED)
      assert.equal(served.engine.takeSocket?.(slot, generation), null)
      await scope.until(() => served.engine.metrics().active === 0, 'the slot is free')
      assertAccounts(served)
    },
  },
  {
    name: '500 hijacks leave no descriptor and no slot (C12, C15, R5)',
    needs: ['hijack'],
    guardMs: 60_000,
    async run(scope) {
      const { served, taken } = await serveHijack(scope)
      const warm = await served.connect()
      await warm.send(get('/warm'))
      await warm.readAnswer()
      const before = await footprint()
      for (let wave = 0; wave < 20; wave++) {
        const clients = await Promise.all(Array.from({ length: 25 }, () => served.connect()))
        for (const [index, client] of clients.entries()) {
          await client.send(`${upgrade('/hijack')}${index}`)
          assert.equal(await client.readTo('\r\n\r\n'), SWITCHING)
        }
        for (const { socket } of taken) socket.end()
        for (const client of clients) {
          await client.readEnd()
          await client.close()
        }
        await scope.until(() => taken.every(({ closed }) => closed), 'the sockets are closed')
        taken.length = 0
      }
      await assertSameFootprint(scope, before)
      const { released, active, tableSlots } = served.engine.metrics()
      assert.deepEqual([released, active], [500, 1])
      assert.ok((tableSlots ?? 0) <= 4096, `${tableSlots} slots`)
      await warm.send(get('/again'))
      assert.equal((await warm.readAnswer()).body.toString(), '/again')
      assertAccounts(served)
    },
  },
]

export const hijackCases: readonly CaseDefinition[] = [
  ...takingCases,
  ...refusingCases,
  ...lifeCases,
]
