import { constants } from 'node:buffer'
import { describe, expect, it } from 'vitest'
import { Collector, cutAt, optionsOf, type ReplyEvent } from '../test/reply-support.ts'
import { BYTES, ParserError, type ReplyParserOptions, TEXT } from './reply-parser.ts'

const bytesOf = (stream: string): Buffer => Buffer.from(stream, 'latin1')
const OPTIONS = optionsOf({ mapping: 'resp3', stringNumbers: false })

interface Outcome {
  readonly events: ReplyEvent[]
  /** Message of the ParserError, null when there was none. */
  readonly failure: string | null
  readonly pendingBytes: number
}

function outcomeOf(chunks: readonly Buffer[], options: ReplyParserOptions = OPTIONS): Outcome {
  const collector = new Collector(options, [TEXT])
  const { events, parser } = collector
  try {
    for (const chunk of chunks) parser.parse(chunk)
  } catch (error) {
    expect(error).toBeInstanceOf(ParserError)
    const { name, message } = error as ParserError
    expect(name).toBe('ParserError')
    return { events, failure: message, pendingBytes: parser.pendingBytes }
  }
  return { events, failure: null, pendingBytes: parser.pendingBytes }
}

/** The message with which this is refused, whole and byte by byte; null if it is not. */
function failureOf(stream: string, options: ReplyParserOptions = OPTIONS): string | null {
  const bytes = bytesOf(stream)
  const whole = outcomeOf([bytes], options).failure
  const each = Array.from(bytes, (_, index) => index)
  expect(outcomeOf(cutAt(bytes, each), options).failure).toBe(whole)
  return whole
}

describe('ReplyParser refuses', () => {
  it('numbers in a header that are not digits only (REPLY-7)', () => {
    for (const type of '$*%~>=!|') {
      for (const text of [
        '',
        '-',
        '+1',
        '-2',
        '-1x',
        '1 ',
        ' 1',
        '1.0',
        '1e3',
        '0x1',
        'a',
        '--1',
      ]) {
        expect(failureOf(`${type}${text}\r\n`), `${type}${text}`).toBe(
          `Invalid RESP line of type ${type.charCodeAt(0)} "${type}"`,
        )
      }
    }
    for (const type of '%~>=!|') {
      expect(failureOf(`${type}-1\r\n`), type).toContain('Invalid RESP line')
    }
    for (const text of ['', '-', '+', '+-1', '1.5', 'one', '1\0']) {
      expect(failureOf(`:${text}\r\n`), text).toBe('Invalid RESP line of type 58 ":"')
    }
  })

  it('numbers of more than 20 digits, at the 21st (REPLY-7)', () => {
    for (const type of '$*%~>=!|') {
      expect(failureOf(`${type}${'0'.repeat(20)}`)).toBeNull()
      expect(failureOf(`${type}${'0'.repeat(21)}`)).toContain('Invalid RESP line')
    }
    expect(failureOf(`:-${'0'.repeat(20)}\r\n`)).toBeNull()
    expect(failureOf(`:${'0'.repeat(21)}\r\n`)).toContain('Invalid RESP line')
    expect(failureOf(`:-${'0'.repeat(21)}`)).toContain('Invalid RESP line')
  })

  it('nulls, booleans, doubles and verbatim strings that are none', () => {
    for (const line of [
      '_x',
      '#',
      '#x',
      '#tt',
      ',',
      ',1,5',
      ',0x10',
      ',Infinity',
      ', 1',
      ',1e',
      ',.',
    ]) {
      expect(failureOf(`${line}\r\n`), line).toContain('Invalid RESP line')
    }
    for (const verbatim of ['=0\r\n\r\n', '=3\r\ntxt\r\n', '=5\r\ntxt_v\r\n']) {
      expect(failureOf(verbatim), verbatim).toBe('Invalid verbatim string')
    }
  })

  it('what is announced beyond maxReplyBytes or maxReplyElements (REPLY-8)', () => {
    const small = { ...OPTIONS, maxReplyBytes: 10, maxReplyElements: 4 }
    for (const type of '$=!') {
      expect(failureOf(`${type}10\r\n`, small)).toBeNull()
      expect(failureOf(`${type}11\r\n`, small)).toBe(
        'Bulk reply of 11 bytes exceeds maxReplyBytes 10',
      )
    }
    for (const type of '+-(,') {
      expect(failureOf(`${type}${'1'.repeat(10)}\r\n`, small)).toBeNull()
      expect(failureOf(`${type}${'1'.repeat(11)}`, small)).toBe('Line exceeds maxReplyBytes 10')
    }
    for (const type of '*~>') {
      expect(failureOf(`${type}4\r\n`, small)).toBeNull()
      expect(failureOf(`${type}5\r\n`, small)).toBe(
        'Reply of 5 elements exceeds maxReplyElements 4',
      )
    }
    for (const type of '%|') {
      expect(failureOf(`${type}2\r\n`, small)).toBeNull()
      expect(failureOf(`${type}3\r\n`, small)).toBe(
        'Reply of 6 elements exceeds maxReplyElements 4',
      )
    }
    expect(failureOf('$536870913\r\n')).toContain('exceeds maxReplyBytes 536870912')
    expect(failureOf('*134217729\r\n')).toContain('exceeds maxReplyElements 134217728')
    expect(failureOf(`*${'9'.repeat(20)}\r\n`)).toContain('exceeds maxReplyElements')
  })

  it('nesting over 1 024 levels, without recursion (REPLY-9)', () => {
    for (const header of ['*1\r\n', '~1\r\n', '%1\r\n+k\r\n', '|1\r\n+k\r\n']) {
      expect(failureOf(header.repeat(1_024))).toBeNull()
      expect(outcomeOf([bytesOf(header.repeat(100_000))]).failure).toBe(
        'Reply nested deeper than 1024',
      )
    }
    const [event] = outcomeOf([bytesOf(`${'*1\r\n'.repeat(1_024)}:7\r\n`)]).events
    let value = (event as { reply: unknown }).reply
    for (let level = 0; level < 1_024; level++) value = (value as [unknown])[0]
    expect(value).toBe(7)
  })

  it('a line or bulk string without CRLF (REPLY-9)', () => {
    for (const line of ['+OK', '+text', '-ERR', ':1', '_', '#t', ',1', '(1', '*0', '$1', '%0']) {
      expect(failureOf(`${line}\r_`), line).toBe('Missing CRLF')
      expect(failureOf(`${line}\r\r\n`), line).toBe('Missing CRLF')
    }
    for (const head of ['$', '!', '=']) {
      for (const end of ['__', '\r_', '\n\r', '_\r\n']) {
        expect(failureOf(`${head}5\r\ntxt:v${end}`), `${head} ${end}`).toBe('Missing CRLF')
      }
    }
  })

  it('unknown types, with ioredis’s message (REPLY-9)', () => {
    expect(failureOf('?')).toBe('Unknown RESP type 63 "?"')
    expect(failureOf('*1\r\n\r\n')).toBe('Unknown RESP type 13 "\r"')
    expect(failureOf('\xff')).toBe('Unknown RESP type 255 "ÿ"')
    // A push may stand between replies only.
    expect(failureOf('*1\r\n>1\r\n+a\r\n')).toBe('Unknown RESP type 62 ">"')
    // RESP3's streamed strings and arrays, which no server sends.
    expect(failureOf('$?\r\n')).toContain('Invalid RESP line')
    expect(failureOf('*?\r\n')).toContain('Invalid RESP line')
  })

  it('keys that JavaScript cannot make a string of', () => {
    expect(failureOf('%1\r\n%1\r\n+toString\r\n:1\r\n+value\r\n')).toBe('Invalid key in map reply')
  })
})

describe('ReplyParser holds', () => {
  const memory = (): number => {
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }

  it('no memory for what is only announced (REPLY-11)', () => {
    const before = memory()
    const headers = ['*134217728\r\n', '%67108864\r\n', '~134217728\r\n', '>134217728\r\n']
    for (const header of [...headers, '$536870912\r\n', '=536870912\r\n', '!536870912\r\n']) {
      expect(outcomeOf([bytesOf(header)])).toEqual({ events: [], failure: null, pendingBytes: 0 })
    }
    for (const header of headers.slice(0, 3)) {
      expect(outcomeOf([bytesOf(header.repeat(1_000))]).failure).toBeNull()
    }
    expect(failureOf('*2147483647\r\n')).toContain('exceeds maxReplyElements')
    expect(memory() - before).toBeLessThan(16 * 2 ** 20)
  })

  it('the bytes that arrived of a bulk string (REPLY-11)', () => {
    const before = memory()
    const chunk = Buffer.alloc(65_536)
    const tail = bytesOf('$500000000\r\nten bytes.')
    tail.copy(chunk, chunk.length - tail.length)
    const line = bytesOf(`+${'x'.repeat(chunk.length - tail.length - 3)}\r\n`)
    line.copy(chunk)
    expect(outcomeOf([chunk]).pendingBytes).toBe(10)
    expect(outcomeOf([bytesOf('$500000000\r\n'), ...Array(100).fill(bytesOf('v'))])).toMatchObject({
      failure: null,
      pendingBytes: 100,
    })
    expect(memory() - before).toBeLessThan(16 * 2 ** 20)
  })

  it('little more than the bytes of a peer that sends one at a time (REPLY-11)', () => {
    const size = 2 ** 20
    const collector = new Collector(OPTIONS, [BYTES])
    collector.parser.parse(bytesOf(`$${size}\r\n`))
    const before = process.memoryUsage().external
    const byte = bytesOf('v')
    for (let sent = 0; sent < size; sent++) collector.parser.parse(byte)
    expect(collector.parser.pendingBytes).toBe(size)
    expect(process.memoryUsage().external - before).toBeLessThan(8 * size)
    collector.parser.parse(bytesOf('\r\n'))
    expect(collector.parser.pendingBytes).toBe(0)
    const [event] = collector.events as [{ reply: Buffer }]
    expect(event.reply.equals(Buffer.alloc(size, 'v'))).toBe(true)
  })
})

describe('A string above V8’s limit', () => {
  /** More bytes than a string can have characters, as chunks of one Buffer. */
  const piece = Buffer.alloc(2 ** 26, 'v')
  const size = 2 ** 29
  expect(size).toBeGreaterThan(constants.MAX_STRING_LENGTH)

  it('fails its reply with Node’s error, and those behind it arrive (REPLY-12)', () => {
    const chunks = Array<Buffer>(size / piece.length).fill(piece)
    const { events } = outcomeOf([
      bytesOf(`*2\r\n$${size}\r\n`),
      ...chunks,
      bytesOf('\r\n:1\r\n+next\r\n'),
    ])
    const { message } = (events[0] as { error: Error }).error
    expect(message).toBe(
      `Cannot create a string longer than 0x${constants.MAX_STRING_LENGTH.toString(16)} characters`,
    )
    const code = 'ERR_STRING_TOO_LONG'
    expect(events).toEqual([{ error: expect.objectContaining({ code }) }, { reply: 'next' }])
  })
})
