// One visit for every way in which the engine holds memory for a connection, each with the answers it must get.
import assert from 'node:assert/strict'
import { COMMAND_PULL, COMMAND_READ_ON, EVENT_KIND_BODY_END } from '@celeris/engine/layout'
import type { SeenRequest } from '../../../engine/conformance/batch-reader.ts'
import type { RawClient } from '../../../engine/conformance/raw-client.ts'
import type { Handlers } from '../../../engine/conformance/reference-dispatch.ts'
import {
  chunk,
  chunkedHead,
  get,
  lastChunk,
  pattern,
  post,
} from '../../../engine/conformance/request-text.ts'
import type { ResponseWriter } from '../../../engine/conformance/response-writer.ts'

const LARGE = 200_000

/** Answers `/reversed/…` three at a time, last first; streams and pulls where the path says so. */
export function visited(): Handlers {
  const waiting = new Map<number, SeenRequest[]>()
  const streams = new Map<number, SeenRequest>()
  return {
    onRequest(request, write) {
      if (request.body === null) {
        streams.set(request.slot, request)
        write.command(request, COMMAND_READ_ON)
      } else if (request.path.startsWith('/reversed')) {
        const held = (waiting.get(request.slot) ?? []).filter(
          ({ generation }) => generation === request.generation,
        )
        waiting.set(request.slot, [...held, request])
        if (held.length < 2) return
        waiting.delete(request.slot)
        for (const last of [...held, request].reverse()) write.answer(last, { body: last.path })
      } else if (request.path === '/pulled') {
        write.command(request, COMMAND_PULL)
        write.answer(request, { body: request.path })
      } else answer(request, write)
    },
    onEvent(event, write) {
      const request = streams.get(event.slot)
      if (event.kind !== EVENT_KIND_BODY_END || request?.generation !== event.generation) return
      streams.delete(event.slot)
      answer(request, write)
    },
  }
}

function answer(request: SeenRequest, write: ResponseWriter): void {
  write.answer(request, {
    body: request.path === '/large' ? pattern(LARGE) : `${request.path} ${request.body ?? ''}`,
  })
}

async function expectBodies(client: RawClient, ...bodies: readonly (string | Buffer)[]) {
  for (const body of bodies) {
    const { status, body: got } = await client.readAnswer()
    assert.equal(status, 200)
    assert.ok(got.equals(Buffer.from(body)), `the body of ${body.length} bytes`)
  }
}

export const VISITS: Readonly<Record<string, (client: RawClient) => Promise<void>>> = {
  async 'a head in pieces'(client) {
    await client.sendPieces(get('/a', `x: ${'y'.repeat(9000)}`), 3000)
    await expectBodies(client, '/a ')
  },
  async 'a buffered body in pieces'(client) {
    await client.sendPieces(post('/b', 'z'.repeat(40_000)), 11_000)
    await expectBodies(client, `/b ${'z'.repeat(40_000)}`)
  },
  async 'a streamed body'(client) {
    await client.send(chunkedHead('/c') + chunk('abc'))
    await client.sendPieces(chunk('def') + lastChunk + get('/d'), 4)
    await expectBodies(client, '/c ', '/d ')
  },
  async 'answers in another order'(client) {
    await client.send(get('/reversed/1') + get('/reversed/2') + get('/reversed/3') + get('/e'))
    await expectBodies(client, '/reversed/1', '/reversed/2', '/reversed/3', '/e ')
  },
  async 'a large answer that the socket takes in parts, another behind it'(client) {
    await client.send(get('/large') + get('/f'))
    await expectBodies(client, pattern(LARGE), '/f ')
  },
  async 'a pull behind an answer that waits'(client) {
    await client.send(get('/reversed/1') + get('/pulled') + get('/reversed/2') + get('/reversed/3'))
    await expectBodies(client, '/reversed/1', '/pulled', '/reversed/2', '/reversed/3')
  },
  async 'a refused request behind a good one'(client) {
    await client.send(`${get('/g')}NOT HTTP\r\n\r\n`)
    await expectBodies(client, '/g ')
    assert.equal((await client.readAnswer()).status, 400)
    await client.readEnd()
  },
}

/** Runs a visit that a fault may end; true if it came to its end. What came before is checked. */
export async function visitOrCut(
  client: RawClient,
  visit: (client: RawClient) => Promise<void>,
): Promise<boolean> {
  try {
    await visit(client)
    return true
  } catch (error) {
    const cut = /^connection (end|reset) before a whole answer|^connection was reset/
    if (!cut.test((error as Error).message)) throw error
    return false
  }
}
