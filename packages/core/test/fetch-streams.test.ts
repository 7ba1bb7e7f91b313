// Answers in parts without a socket: fetch() and request() hand the body over as it is made (core.md X-4).
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Handler, Server } from '../src/index.ts'
import { atEnd, gate, recorder, until } from './support/serve.ts'

function application(handler: Handler): Server {
  const app = new Server({ engine: 'node', logger: recorder().logger })
  atEnd(() => app.close({ timeoutMs: 1000 }))
  app.get('/', handler)
  return app
}

/** Chunks of 16 KiB without end, and what became of them. */
function endless() {
  const counts = { pulled: 0, ended: 0 }
  const chunk = new Uint8Array(16_384).fill(120)
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        counts.pulled++
        await turn()
        return { done: false as const, value: chunk }
      },
      return: async () => {
        counts.ended++
        return { done: true as const, value: undefined }
      },
    }),
  }
  return { counts, source }
}

async function standsStill(counts: { pulled: number }): Promise<number> {
  for (let before = -1; before !== counts.pulled; ) {
    before = counts.pulled
    for (let k = 0; k < 50; k++) await turn()
  }
  return counts.pulled
}

const ask = (signal?: AbortSignal): Request =>
  new Request('http://localhost/', signal === undefined ? {} : { signal })

test('the Response is there with the head, its body follows chunk by chunk (X-4)', async () => {
  const [second, third] = [gate(), gate()]
  const app = application((c) =>
    c.stream(
      (async function* () {
        yield 'one'
        await second.promise
        yield 'two'
        await third.promise
        yield 'three'
      })(),
    ),
  )
  const response = await app.fetch(ask())
  expect([...response.headers.keys()]).not.toContain('transfer-encoding')
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const next = async (): Promise<string | undefined> => {
    const { value } = await reader.read()
    return value && Buffer.from(value).toString()
  }
  expect(await next()).toBe('one')
  second.open()
  expect(await next()).toBe('two')
  third.open()
  expect(await next()).toBe('three')
  expect(await next()).toBeUndefined()
})

test('a source is pulled only while the body is read (X-4, BP-1)', async () => {
  const { counts, source } = endless()
  const app = application((c) => c.stream(source))
  const response = await app.fetch(ask())
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const unread = await standsStill(counts)
  expect(unread).toBeLessThan(16)
  let bytes = 0
  while (bytes < 100 * 16_384) bytes += (await reader.read()).value?.byteLength ?? 0
  const later = await standsStill(counts)
  expect(later).toBeGreaterThanOrEqual(100)
  expect(later).toBeLessThan(100 + 16)
  await reader.cancel()
})

test('cancelling the body cancels the source once (X-4, C5)', async () => {
  const { counts, source } = endless()
  let code: unknown
  const app = application((c) => {
    c.signal.addEventListener('abort', () => {
      code = c.signal.reason.code
    })
    return c.stream(source)
  })
  const response = await app.fetch(ask())
  await response.body?.cancel()
  await until(() => counts.ended > 0)
  const { pulled } = counts
  expect(await standsStill(counts)).toBe(pulled)
  expect([counts.ended, code]).toEqual([1, 'CELERIS_CLIENT_ABORTED'])
})

test('a signal in the middle fails the body with its reason and cancels the source (X-4, C2)', async () => {
  const { counts, source } = endless()
  const app = application((c) => c.stream(source))
  const abort = new AbortController()
  const response = await app.fetch(ask(abort.signal))
  const reading = response.arrayBuffer()
  await until(() => counts.pulled > 20)
  abort.abort(new Error('left'))
  await expect(reading).rejects.toThrow('left')
  await until(() => counts.ended > 0)
  expect(counts.ended).toBe(1)
})

test('a signal behind the end does nothing, and is not listened to any more (X-4)', async () => {
  const app = application((c) => c.text('whole'))
  const abort = new AbortController()
  let listening = 0
  const add = abort.signal.addEventListener.bind(abort.signal)
  const remove = abort.signal.removeEventListener.bind(abort.signal)
  const { signal } = abort
  const request = ask()
  Object.defineProperty(request, 'signal', { value: signal })
  signal.addEventListener = ((...args: Parameters<typeof add>) => {
    listening++
    add(...args)
  }) as typeof signal.addEventListener
  signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
    listening--
    remove(...args)
  }) as typeof signal.removeEventListener
  const response = await app.fetch(request)
  expect(listening).toBe(0)
  abort.abort()
  expect(await response.text()).toBe('whole')
})

test('a source that fails in the middle fails the body: it cannot look complete (X-4, RES-6)', async () => {
  const app = application((c) =>
    c.stream(
      (async function* () {
        yield 'one'
        await turn()
        throw new Error('broken')
      })(),
    ),
  )
  const response = await app.fetch(ask())
  expect(response.status).toBe(200)
  await expect(response.text()).rejects.toMatchObject({ code: 'CELERIS_CLIENT_ABORTED' })
})

test('an answer that is cut before it began rejects, and is no fault (X-4, RES-6)', async () => {
  const app = application((c) => {
    c.writer().abort()
  })
  await expect(app.fetch(ask())).rejects.toMatchObject({ code: 'CELERIS_CLIENT_ABORTED' })
})

test('early hints have no place here, and the answer stands (X-4, RES-8)', async () => {
  const app = application(async (c) => {
    c.earlyHints({ link: '</a.css>; rel=preload' })
    await turn()
    return c.text('done')
  })
  const response = await app.fetch(ask())
  expect(response.headers.has('link')).toBe(false)
  expect(await response.text()).toBe('done')
})

test('close() waits for a body that is still being written (X-4, C11)', async () => {
  const end = gate()
  const app = application((c) =>
    c.stream(
      (async function* () {
        yield 'one'
        await end.promise
        yield 'two'
      })(),
    ),
  )
  const response = await app.fetch(ask())
  const closing = app.close({ timeoutMs: 10_000 })
  end.open()
  expect(await response.text()).toBe('onetwo')
  expect((await closing).cut).toBe(0)
})
