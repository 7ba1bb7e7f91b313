import { describe, expect, it } from 'vitest'
import {
  ALL_SHAPES,
  Collector,
  cutAt,
  expectSame,
  optionsOf,
  parsed,
  parsedByStock,
  parsedNaively,
  type ReplyEvent,
  type Shapes,
} from '../test/reply-support.ts'
import { BYTES, type Decoding, ParserError, TEXT } from './reply-parser.ts'

const bytesOf = (stream: string): Buffer => Buffer.from(stream, 'latin1')
const LEGACY: Shapes = { mapping: 'legacy', stringNumbers: false }
const RESP3: Shapes = { mapping: 'resp3', stringNumbers: false }

const DECODINGS: readonly Decoding[] = [TEXT, BYTES]

/** Value of one reply, read as text. */
function replyTo(stream: string, shapes: Shapes, decoding: Decoding = TEXT): unknown {
  const events = parsed([bytesOf(stream)], shapes, [decoding])
  expect(events).toHaveLength(1)
  return (events[0] as { reply: unknown }).reply
}

/** Replies that ioredis reads too. */
const REPLIES: readonly string[] = [
  '+OK\r\n',
  '+\r\n',
  '+OKAY\r\n',
  '+QUEUED\r\n',
  `+${'a long status '.repeat(20)}\r\n`,
  '+gr\xc3\xbc\xc3\x9fe\r\n',
  '-ERR unknown command\r\n',
  '-\r\n',
  ':0\r\n',
  ':1\r\n',
  ':-1\r\n',
  ':+5\r\n',
  ':-0\r\n',
  ':123456789\r\n',
  ':1234567890\r\n',
  ':9007199254740991\r\n',
  ':9007199254740993\r\n',
  ':9223372036854775807\r\n',
  ':-9223372036854775808\r\n',
  '$0\r\n\r\n',
  '$5\r\nhello\r\n',
  '$05\r\nhello\r\n',
  '$4\r\n\r\n\r\n\r\n',
  '$3\r\n\xff\xe2\x82\r\n',
  '$9\r\n\xe2\x82\xac\xe2\x82\xac\xef\xbb\xbf\r\n',
  `$300\r\n${'x'.repeat(300)}\r\n`,
  `$9000\r\n${'\xf0\x9f\x98\x80 \xc3\xa9 '.repeat(1_125)}\r\n`,
  '$-1\r\n',
  '*-1\r\n',
  '_\r\n',
  '#t\r\n',
  '#f\r\n',
  ',3\r\n',
  ',-2.5\r\n',
  ',inf\r\n',
  ',-inf\r\n',
  ',nan\r\n',
  '(3492890328409238509324850943850943825024385\r\n',
  '(-12\r\n',
  '=8\r\ntxt:text\r\n',
  '=4\r\nmkd:\r\n',
  '!9\r\nSYNTAX no\r\n',
  '*0\r\n',
  '*3\r\n:1\r\n$1\r\na\r\n+b\r\n',
  '*2\r\n-ERR inside\r\n!3\r\nERR\r\n',
  '*3\r\n$-1\r\n*-1\r\n_\r\n',
  '*2\r\n*2\r\n:1\r\n*0\r\n*1\r\n*1\r\n+deep\r\n',
  '~2\r\n+a\r\n+a\r\n',
  '~0\r\n',
  '%0\r\n',
  '%2\r\n+first\r\n:1\r\n$6\r\nsecond\r\n,2.5\r\n',
  '%1\r\n+outer\r\n%1\r\n+inner\r\n*2\r\n#t\r\n_\r\n',
  '%2\r\n$9\r\n__proto__\r\n+a\r\n+constructor\r\n%1\r\n+__proto__\r\n:1\r\n',
  '%3\r\n:1\r\n+integer\r\n#t\r\n+boolean\r\n_\r\n+null\r\n',
  '%2\r\n$-1\r\n+null\r\n=5\r\ntxt:v\r\n+verbatim\r\n',
  '%2\r\n*2\r\n+a\r\n*1\r\n:2\r\n+list\r\n%1\r\n+a\r\n+b\r\n+map\r\n',
  '%2\r\n-ERR key\r\n+error\r\n(77\r\n+big\r\n',
  '%3\r\n+twice\r\n:1\r\n+twice\r\n:2\r\n:07\r\n:3\r\n',
  '>3\r\n+message\r\n$2\r\nch\r\n$2\r\nhi\r\n',
  '>2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n',
  '>0\r\n',
]

/** Replies that ioredis cannot read, or reads inexactly. */
const MORE_REPLIES: readonly string[] = [
  '|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n',
  '|0\r\n+v\r\n',
  '|1\r\n+k\r\n|1\r\n+inner\r\n+x\r\n+v\r\n:1\r\n',
  '*2\r\n|1\r\n+a\r\n*1\r\n$1\r\nb\r\n:1\r\n|0\r\n:2\r\n',
  '%1\r\n|1\r\n+a\r\n+b\r\n+key\r\n|1\r\n+c\r\n%1\r\n+d\r\n+e\r\n+value\r\n',
  '|1\r\n+a\r\n+b\r\n>1\r\n+pushed\r\n',
  '|1\r\n+a\r\n+b\r\n-ERR with attribute\r\n',
  ',1234.5678901234567\r\n',
  ',1.7976931348623157e+308\r\n',
  ',5e-324\r\n',
  ',-1E5\r\n',
  ',.5\r\n',
  ',+7.\r\n',
  ',-0\r\n',
]

describe('ReplyParser', () => {
  it('reads every type in the shapes that ioredis gives (REPLY-1, REPLY-2, REPLY-3)', () => {
    for (const shapes of ALL_SHAPES) {
      for (const decoding of DECODINGS) {
        for (const reply of REPLIES) {
          const chunks = [bytesOf(reply)]
          const ours = parsed(chunks, shapes, [decoding])
          expectSame(ours, parsedByStock(chunks, shapes, [decoding]), reply)
          expect(ours).toHaveLength(1)
        }
      }
    }
  })

  it('skips attributes, and reads doubles exactly where ioredis does not (REPLY-1)', () => {
    for (const shapes of ALL_SHAPES) {
      for (const decoding of DECODINGS) {
        for (const reply of MORE_REPLIES) {
          const ours = parsed([bytesOf(reply)], shapes, [decoding])
          expectSame(ours, parsedNaively(bytesOf(reply), shapes, [decoding]), reply)
          expect(ours).toHaveLength(1)
        }
      }
    }
    expect(replyTo(',1234.5678901234567\r\n', RESP3)).toBe(1234.5678901234567)
    expect(replyTo(',+inf\r\n', RESP3)).toBe(Number.POSITIVE_INFINITY)
    expect(replyTo(',-nan\r\n', RESP3)).toBeNaN()
  })

  it('gives the same for a reply cut at any byte, and byte by byte (REPLY-6)', () => {
    for (const shapes of ALL_SHAPES) {
      for (const reply of [...REPLIES, ...MORE_REPLIES]) {
        // A second reply tells that the first one ended where it should.
        const bytes = bytesOf(`${reply}+next\r\n`)
        for (const decodings of [
          [TEXT, BYTES],
          [BYTES, TEXT],
        ] as const) {
          const whole = parsed([bytes], shapes, decodings)
          expect(whole).toHaveLength(2)
          const each = Array.from(bytes, (_, index) => index)
          expectSame(parsed(cutAt(bytes, each), shapes, decodings), whole, reply)
          for (let at = 1; at < Math.min(bytes.length, 400); at++) {
            const cut = parsed(cutAt(bytes, [at]), shapes, decodings)
            expectSame(cut, whole, `${reply} at ${at}`)
          }
        }
      }
    }
  })

  it('keeps ioredis’s imprecision of integers beyond 2 ** 53 (REPLY-3)', () => {
    expect(replyTo(':9223372036854775807\r\n', LEGACY)).toBe(2 ** 63)
    expect(replyTo(':9223372036854775807\r\n', { ...LEGACY, stringNumbers: true })).toBe(
      '9223372036854775807',
    )
  })

  it('defines keys that would change the object itself (REPLY-4)', () => {
    const stream = '%2\r\n+__proto__\r\n%1\r\n+polluted\r\n#t\r\n+constructor\r\n:1\r\n'
    const value = replyTo(stream, RESP3) as object
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor'])
    expect('polluted' in value).toBe(false)
    expect('polluted' in {}).toBe(false)
  })

  it('copies Buffers from the chunk (REPLY-5)', () => {
    for (const size of [1, 47, 48, 5_000]) {
      const bytes = bytesOf(`$${size}\r\n${'v'.repeat(size)}\r\n+${'s'.repeat(size)}\r\n+OK\r\n`)
      const chunk = Buffer.allocUnsafeSlow(bytes.length + size)
      chunk.set(bytes)
      const events = parsed([chunk.subarray(0, bytes.length)], LEGACY, [BYTES])
      chunk.fill(0)
      const values = ['v'.repeat(size), 's'.repeat(size), 'OK']
      expect(events.map((event) => String(Object.values(event)[0]))).toEqual(values)
    }
  })

  it('keeps a chunk whose larger half is one value (REPLY-5)', () => {
    const value = 'v'.repeat(5_000)
    const bytes = bytesOf(`$5000\r\n${value}\r\n:1\r\n`)
    const chunk = Buffer.allocUnsafeSlow(bytes.length)
    chunk.set(bytes)
    const [first] = parsed([chunk], LEGACY, [BYTES]) as [{ reply: Buffer }]
    expect(first.reply.buffer).toBe(chunk.buffer)
    expect(first.reply.toString()).toBe(value)
    // A chunk that is itself a small part of other memory is not kept.
    const slab = Buffer.allocUnsafeSlow(4 * bytes.length)
    slab.set(bytes)
    const [second] = parsed([slab.subarray(0, bytes.length)], LEGACY, [BYTES]) as [
      { reply: Buffer },
    ]
    expect(second.reply.buffer).not.toBe(slab.buffer)
    expect(second.reply.toString()).toBe(value)
  })

  it('gives a value over several chunks memory of its own (REPLY-5, REPLY-6)', () => {
    // Larger than what is joined in reused memory, and not.
    for (const size of [10, 6_000, 100_000, 300_000]) {
      const bytes = bytesOf(`$${size}\r\n${'v'.repeat(size)}\r\n+${'s'.repeat(size)}\r\n`)
      for (const chunkBytes of [7, 5_000, 65_536]) {
        const collector = new Collector(optionsOf(LEGACY), [BYTES])
        for (let start = 0; start < bytes.length; start += chunkBytes) {
          collector.parser.parse(Buffer.from(bytes.subarray(start, start + chunkBytes)))
        }
        // Another value takes the same way.
        for (const piece of cutAt(bytesOf(`$200\r\n${'z'.repeat(200)}\r\n`), [3, 9, 100])) {
          collector.parser.parse(piece)
        }
        const strings = collector.events.map((event) => String(Object.values(event)[0]))
        expect(strings).toEqual(['v'.repeat(size), 's'.repeat(size), 'z'.repeat(200)])
      }
    }
  })

  it('asks for the decoding once for each reply, never for errors and pushes', () => {
    const stream =
      '+OK\r\n-ERR\r\n>1\r\n+p\r\n:1\r\n|1\r\n+a\r\n+b\r\n_\r\n*2\r\n:1\r\n+x\r\n!1\r\ne\r\n$1\r\na\r\n'
    for (const cuts of [[], Array.from(stream, (_, index) => index)]) {
      const collector = new Collector(optionsOf(LEGACY), [TEXT])
      for (const chunk of cutAt(bytesOf(stream), cuts)) collector.parser.parse(chunk)
      expect(collector.asked).toBe(5)
      expect(collector.events).toHaveLength(8)
    }
  })

  it('gives strings of a push as Buffers, whatever replies ask for', () => {
    const stream = '>2\r\n+message\r\n*1\r\n$1\r\na\r\n+text\r\n'
    expect(parsed([bytesOf(stream)], LEGACY, [TEXT])).toStrictEqual([
      { push: [Buffer.from('message'), [Buffer.from('a')]] },
      { reply: 'text' },
    ])
  })

  it('ignores all that follows once it was stopped', () => {
    const streams = [
      '+OK\r\n',
      '-ERR\r\n',
      '>1\r\n+p\r\n',
      '*1\r\n:1\r\n',
      '$12\r\nin two parts\r\n',
    ]
    for (const first of streams) {
      for (const cuts of [[], [first.length - 1]]) {
        const collector = new Collector(optionsOf(LEGACY), [TEXT])
        const stopping = (event: ReplyEvent) => {
          collector.events.push(event)
          collector.parser.stop()
        }
        collector.reply = (reply) => stopping({ reply })
        collector.error = (error) => stopping({ error })
        collector.push = (push) => stopping({ push })
        const stream = bytesOf(`${first}+more\r\n$20\r\nhalf`)
        for (const chunk of cutAt(stream, cuts)) collector.parser.parse(chunk)
        collector.parser.parse(bytesOf('no RESP'))
        expect(collector.events).toHaveLength(1)
        expect(collector.parser.pendingBytes).toBe(0)
      }
    }
  })

  it('gives no reply when it was stopped while asking for the decoding', () => {
    for (const stream of ['+OK\r\n', '+other\r\n', ':1\r\n', '$1\r\na\r\n', '*0\r\n', '_\r\n']) {
      const collector = new Collector(optionsOf(LEGACY), [TEXT])
      collector.decoding = () => {
        collector.parser.stop()
        return TEXT
      }
      collector.parser.parse(bytesOf(stream))
      expect(collector.events).toEqual([])
    }
  })

  it('refuses every chunk after a ParserError', () => {
    const collector = new Collector(optionsOf(LEGACY), [TEXT])
    const wrong = () => collector.parser.parse(bytesOf('+OK\r\n?\r\n'))
    expect(wrong).toThrow(ParserError)
    expect(() => collector.parser.parse(bytesOf('+OK\r\n'))).toThrow(ParserError)
    expect(collector.events).toEqual([{ reply: 'OK' }])
  })
})
