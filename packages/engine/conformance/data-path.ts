// The corruption bugs and lost answers that measuring the data path brought to light, as cases.
import assert from 'node:assert/strict'
import { CONTROL_RESPONSE_COUNT, INPUT_BYTES_MAX } from '@celeris/engine/layout'
import type { SeenRequest } from './batch-reader.ts'
import { get, pattern, post } from './request-text.ts'
import type { CaseDefinition } from './scope.ts'

const echo = (request: SeenRequest): string =>
  `${request.path} ${request.fields.find(([name]) => name === 'x-fill')?.[1] ?? ''} ${request.body?.toString('latin1') ?? ''}`

/** A request whose head is large and different for every name. */
const bigHead = (name: string, bytes: number): string =>
  get(`/${name}`, `x-fill: ${name.padEnd(bytes, name)}`)

export const dataPathCases: readonly CaseDefinition[] = [
  {
    name: 'partial heads carried over while the input arena fills up stay intact (datapath 6)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: echo(request) }),
      })
      const count = 48
      const clients = await Promise.all(Array.from({ length: count }, () => served.connect()))
      for (let round = 0; round < 4; round++) {
        // Each piece ends inside a head, at another byte for every connection: together about the arena's size.
        const texts = clients.map(
          (_, index) =>
            bigHead(`c${index}r${round}a`, 20_000) + bigHead(`c${index}r${round}b`, 15_000),
        )
        const cut = (index: number): number => 20_100 + index * 300 + round
        await Promise.all(
          clients.map((client, index) =>
            client.send((texts[index] as string).slice(0, cut(index))),
          ),
        )
        await Promise.all(
          clients.map((client, index) => client.send((texts[index] as string).slice(cut(index)))),
        )
        for (const [index, client] of clients.entries()) {
          for (const [part, bytes] of [
            ['a', 20_000],
            ['b', 15_000],
          ] as const) {
            const name = `c${index}r${round}${part}`
            assert.equal(
              (await client.readAnswer()).body.toString(),
              `/${name} ${name.padEnd(bytes, name)} `,
              name,
            )
          }
        }
      }
    },
  },
  {
    name: 'room that runs out in a turn: the rest is parsed after the flush, without new input (datapath rules 4, 5)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: echo(request) }),
      })
      const count = 40
      const each = 60
      assert.ok(count * each * 1000 > 2 * INPUT_BYTES_MAX)
      const clients = await Promise.all(Array.from({ length: count }, () => served.connect()))
      await Promise.all(
        clients.map((client, index) =>
          client.send(
            Array.from({ length: each }, (_, i) => bigHead(`c${index}n${i}`, 1000)).join(''),
          ),
        ),
      )
      for (const [index, client] of clients.entries()) {
        for (let i = 0; i < each; i++) {
          const name = `c${index}n${i}`
          assert.equal(
            (await client.readAnswer()).body.toString(),
            `/${name} ${name.padEnd(1000, name)} `,
            name,
          )
        }
      }
    },
  },
  {
    name: 'more field lines in a turn than the table holds (datapath rule 4)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) =>
          write.answer(request, { body: `${request.path} ${request.fields.length}` }),
      })
      const lines = Array.from({ length: 190 }, (_, index) => `x${index}: ${index}`)
      const clients = await Promise.all(Array.from({ length: 10 }, () => served.connect()))
      await Promise.all(
        clients.map((client, index) =>
          client.send(
            Array.from({ length: 15 }, (_, i) => get(`/${index}-${i}`, ...lines)).join(''),
          ),
        ),
      )
      for (const [index, client] of clients.entries()) {
        for (let i = 0; i < 15; i++)
          assert.equal((await client.readAnswer()).body.toString(), `/${index}-${i} 191`)
      }
    },
  },
  {
    name: 'bodies up to the inline limit from many connections in one turn stay intact (datapath rule 4)',
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) =>
          write.answer(request, { body: request.body ?? Buffer.from('streamed') }),
      })
      const clients = await Promise.all(Array.from({ length: 30 }, () => served.connect()))
      for (let round = 0; round < 3; round++) {
        await Promise.all(
          clients.map((client, index) =>
            client.send(post('/', pattern(60_000 + index).toString('latin1'))),
          ),
        )
        for (const [index, client] of clients.entries())
          assert.ok(
            (await client.readAnswer()).body.equals(pattern(60_000 + index)),
            `body ${index}`,
          )
      }
    },
  },
  {
    name: 'answers settled between turns are never lost when a batch starts (datapath 4)',
    async run(scope) {
      const waiting: SeenRequest[] = []
      const served = await scope.serve({
        onRequest(request, write) {
          if (request.path.startsWith('/late')) waiting.push(request)
          else write.answer(request, { body: request.path })
        },
      })
      const late = await Promise.all(Array.from({ length: 20 }, () => served.connect()))
      const busy = await served.connect()
      for (let round = 0; round < 10; round++) {
        await Promise.all(late.map((client, index) => client.send(get(`/late${index}-${round}`))))
        await scope.until(() => waiting.length === late.length, 'all late ones are dispatched')
        // Input is waiting already when the answers are written, and no flush is asked for.
        await busy.send(get(`/busy${round}`).repeat(8))
        for (const request of waiting.splice(0))
          served.write.answer(request, { body: request.path })
        for (let i = 0; i < 8; i++)
          assert.equal((await busy.readAnswer()).body.toString(), `/busy${round}`)
        for (const [index, client] of late.entries())
          assert.equal((await client.readAnswer()).body.toString(), `/late${index}-${round}`)
      }
      assert.equal(served.memory.words[CONTROL_RESPONSE_COUNT], 0)
    },
  },
  {
    name: 'random pipelining in random pieces over many connections, checked byte by byte (datapath 5)',
    guardMs: 60_000,
    async run(scope) {
      const served = await scope.serve({
        onRequest: (request, write) => write.answer(request, { body: echo(request) }),
      })
      let state = 12_345
      const random = (below: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
        return (state >>> 8) % below
      }
      const rounds = scope.subject.mode === 'torture' ? 500 : 12
      const clients = await Promise.all(Array.from({ length: 24 }, () => served.connect()))
      for (let round = 0; round < rounds; round++) {
        const plans = clients.map((_, index) =>
          Array.from({ length: 1 + random(20) }, (_unused, i) => ({
            name: `c${index}r${round}i${i}`,
            fill: random(3000),
            body: random(3) === 0 ? random(5000) : 0,
          })),
        )
        const sends = plans.map(async (plan, index) => {
          const text = plan
            .map(({ name, fill, body }) =>
              body === 0
                ? bigHead(name, fill)
                : post(`/${name}`, 'b'.repeat(body), `x-fill: ${name.padEnd(fill, name)}`),
            )
            .join('')
          await clients[index]?.sendPieces(text, 1 + random(20_000))
        })
        for (const [index, plan] of plans.entries()) {
          for (const { name, fill, body } of plan) {
            const answer = await clients[index]?.readAnswer()
            assert.equal(
              answer?.body.toString(),
              `/${name} ${name.padEnd(fill, name)} ${'b'.repeat(body)}`,
              name,
            )
          }
        }
        await Promise.all(sends)
      }
    },
  },
]
