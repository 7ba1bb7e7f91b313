import { describe, expect, it } from 'vitest'
import { ByteQueue } from './byte-queue.ts'
import type { Expected } from './exchange.ts'
import { checkReply, readReply } from './reply.ts'

const HEAD =
  'HTTP/1.1 200 OK\r\ndate: Tue, 24 Nov 2026 10:00:00 GMT\r\ncontent-type: text/plain\r\n'
const expected: Expected = { status: 200, type: 'text/plain', body: Buffer.from('hello 7') }

/** Whether bytes on the wire are taken for the expected answer; the reason when they are not. */
const verdict = async (
  wire: string,
  wanted: Expected = expected,
  method = 'GET',
): Promise<string> => {
  const queue = new ByteQueue()
  for (const byte of wire) queue.push(Buffer.from(byte, 'latin1'))
  queue.end()
  try {
    checkReply(await readReply(queue, method), wanted, method)
    return queue.size === 0 ? 'right' : 'bytes are left'
  } catch (error) {
    return (error as Error).message
  }
}

describe('a reply of the workload', () => {
  it('is right when every byte is, with a length or in chunks', async () => {
    expect(await verdict(`${HEAD}content-length: 7\r\n\r\nhello 7`)).toBe('right')
    const chunks = `${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\n 7\r\n0\r\n\r\n`
    expect(await verdict(chunks, { ...expected, chunked: true })).toBe('right')
  })

  it('is wrong with another body, such as that of another request', async () => {
    expect(await verdict(`${HEAD}content-length: 7\r\n\r\nhello 8`)).toMatch(/other body/)
    expect(await verdict(`${HEAD}content-length: 6\r\n\r\nhello `)).toMatch(/content-length: 7/)
  })

  it('is wrong with a field more, a field less or another framing', async () => {
    const close = `${HEAD}connection: close\r\ncontent-length: 7\r\n\r\nhello 7`
    expect(await verdict(close)).toMatch(/more fields than expected/)
    const untyped = `${HEAD.replace('content-type: text/plain\r\n', '')}content-length: 7\r\n\r\nhello 7`
    expect(await verdict(untyped)).toMatch(/expected content-type/)
    const framed = `${HEAD}content-length: 7\r\n\r\nhello 7`
    expect(await verdict(framed, { ...expected, chunked: true })).toMatch(/transfer-encoding/)
  })

  it('is wrong with another status or reason, without a date, or cut short', async () => {
    const body = 'content-length: 7\r\n\r\nhello 7'
    expect(await verdict(`${HEAD.replace('200 OK', '200 Fine')}${body}`)).toMatch(/expected 200/)
    expect(await verdict(`${HEAD.replace('Tue,', '')}${body}`)).toMatch(/bad date/)
    expect(await verdict(`${HEAD}${body.slice(0, -1)}`)).toMatch(/ended with 6 bytes/)
  })

  it('has no body for HEAD, but the length of one', async () => {
    expect(await verdict(`${HEAD}content-length: 7\r\n\r\n`, expected, 'HEAD')).toBe('right')
    expect(await verdict(`${HEAD}content-length: 7\r\n\r\nhello 7`, expected, 'HEAD')).toBe(
      'bytes are left',
    )
  })
})
