// The answers an engine gives by itself, byte by byte (http1.md "Engine errors").
import assert from 'node:assert/strict'
import type { EngineMetrics } from '@celeris/engine'
import { get, post } from './request-text.ts'
import type { CaseDefinition } from './scope.ts'

interface ErrorRow {
  readonly status: number
  readonly phrase: string
  readonly counter: keyof EngineMetrics
  /** What is refused with it; `@` stands for the method. */
  readonly text: string
  /** The method is known when it is refused, by node's parser too. */
  readonly bothMethods: boolean
  readonly nativeOnly?: string
}

const HOST = 'host: a\r\n'
const row = (
  status: number,
  phrase: string,
  text: string,
  rest: Partial<ErrorRow> = {},
): ErrorRow => ({
  status,
  phrase,
  counter: `status${status}` as keyof EngineMetrics,
  text,
  bothMethods: true,
  ...rest,
})

const ROWS: readonly ErrorRow[] = [
  row(400, 'Bad Request', '@ / HTTP/1.1\r\nhost: a b\r\n\r\n'),
  row(413, 'Content Too Large', `@ / HTTP/1.1\r\n${HOST}content-length: 1001\r\n\r\n`),
  row(414, 'URI Too Long', `@ /${'a'.repeat(16_400)} HTTP/1.1\r\n${HOST}\r\n`, {
    nativeOnly: '414 (431)',
  }),
  row(417, 'Expectation Failed', `@ / HTTP/1.1\r\n${HOST}expect: x\r\n\r\n`),
  row(421, 'Misdirected Request', `@ https://a/ HTTP/1.1\r\n${HOST}\r\n`),
  row(
    431,
    'Request Header Fields Too Large',
    `@ / HTTP/1.1\r\n${HOST}${'x: y\r\n'.repeat(300)}\r\n`,
  ),
  row(501, 'Not Implemented', `CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`, { bothMethods: false }),
  row(505, 'HTTP Version Not Supported', `@ / HTTP/2.0\r\n${HOST}\r\n`, {
    nativeOnly: '505 (400)',
  }),
]

const DATE = /^date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/

/** Every byte of the fixed answer but the date. */
function assertFixed(bytes: Buffer, { status, phrase }: ErrorRow, body: string): void {
  const text = bytes.toString('latin1')
  const lines = text.split('\r\n')
  const dates = lines.filter((line) => DATE.test(line))
  assert.equal(dates.length, 1, text)
  assert.ok(Math.abs(Date.parse((dates[0] as string).slice(6)) - Date.now()) < 60_000, 'RES-2')
  assert.equal(
    lines.filter((line) => !DATE.test(line)).join('\r\n'),
    [
      `HTTP/1.1 ${status} ${phrase}`,
      'content-type: text/plain; charset=utf-8',
      `content-length: ${phrase.length}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}

export const errorAnswerCases: readonly CaseDefinition[] = ROWS.map((expected) => ({
  name: `${expected.status} is the fixed answer, without a body to HEAD, and is counted (Engine errors, RES-2, CON-3)`,
  ...(expected.nativeOnly === undefined ? {} : { nativeOnly: expected.nativeOnly }),
  async run(scope) {
    const served = await scope.serve({}, { maxRequestBodySize: 1000 })
    const methods = expected.bothMethods ? ['GET', 'HEAD', 'POST', 'HEAD'] : ['CONNECT']
    for (const method of methods) {
      const client = await served.connect()
      await client.send(expected.text.replace('@', method) + get('/probe'))
      const { how, bytes } = await client.readUntilGone()
      assert.equal(how, 'end')
      assertFixed(bytes, expected, method === 'HEAD' ? '' : expected.phrase)
      await client.close()
    }
    assert.equal(served.requests.length, 0, 'handlers do not run')
    assert.equal(served.engine.metrics()[expected.counter], methods.length)
  },
}))

/** 408 is the one answer that no bytes bring about. */
const timedOut = row(408, 'Request Timeout', '')

export const timedOutAnswerCases: readonly CaseDefinition[] = [
  {
    name: '408 of a head and of a body is the fixed answer and is counted (Engine errors, Timers)',
    async run(scope) {
      const served = await scope.serve({}, { readHeaderTimeoutMs: 200, readTimeoutMs: 200 })
      for (const text of ['GET / HT', post('/', 'body').slice(0, -1)]) {
        const client = await served.connect()
        await client.send(text)
        assertFixed((await client.readUntilGone()).bytes, timedOut, timedOut.phrase)
        await client.close()
      }
      assert.equal(served.engine.metrics().status408, 2)
      assert.equal(served.requests.length, 0)
    },
  },
]
