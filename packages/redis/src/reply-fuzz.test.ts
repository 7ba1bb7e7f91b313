import { fuzzTimeoutMs, propertyParameters } from '@celeris/test-support'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ALL_SHAPES,
  Collector,
  cutAt,
  type Decodings,
  expectSame,
  optionsOf,
  parsed,
  parsedByStock,
  parsedNaively,
  type ReplyEvent,
  type Shapes,
} from '../test/reply-support.ts'
import { BYTES, ParserError, TEXT } from './reply-parser.ts'

// Streams are made as text of which each character is one byte.
const bulk = (type: string, content: string): string => `${type}${content.length}\r\n${content}\r\n`
const aggregate = (type: string, elements: readonly string[]): string =>
  `${type}${'%|'.includes(type) ? elements.length / 2 : elements.length}\r\n${elements.join('')}`

const anyBytes = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))
const utf8 = fc
  .string({ unit: 'binary', maxLength: 20 })
  .map((text) => Buffer.from(text).toString('latin1'))
/** Long enough for every way of decoding and of holding. */
const long = fc
  .tuple(fc.constantFrom('v', 'ab', '\xc3\xa9', '\xf0\x9f\x98\x80', '\xff'), fc.nat(20_000))
  .map(([unit, size]) => unit.repeat(size).slice(0, size))
const content = fc.oneof(
  { weight: 8, arbitrary: anyBytes },
  { weight: 8, arbitrary: utf8 },
  { weight: 1, arbitrary: long },
)
const line = fc
  .oneof(fc.constantFrom('OK', 'QUEUED', 'ERR no', ''), content)
  .map((text) => text.replace(/[\r\n]/g, ' '))

/** Not so near 2 ** 53 that ioredis's sum of digits leaves the exact integers on its way. */
const EXACT_MAX = Number.MAX_SAFE_INTEGER - 100
const exactInteger = fc.integer({ min: -EXACT_MAX, max: EXACT_MAX }).map(String)
/** Of which ioredis makes a number that is near. */
const anyInteger = fc.oneof(
  fc.integer(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom('+5', '-0', '007'),
)
/** Of which ioredis makes exactly this number. */
const simpleDouble = fc.oneof(
  fc.integer().map((number) => `${number}`),
  fc.integer({ min: -999, max: 999 }).map((number) => `${number}.5`),
  fc.constantFrom('inf', '-inf', 'nan', '0', '-0', '1e3', '25e-1'),
)
const anyDouble = fc.double().map((number) => `${number}`.replace('Infinity', 'inf').toLowerCase())

interface Numbers {
  readonly integers: fc.Arbitrary<unknown>
  readonly doubles: fc.Arbitrary<string>
  readonly attributes: boolean
}
const forStock: Numbers = { integers: anyInteger, doubles: simpleDouble, attributes: false }
const forNaive: Numbers = { integers: exactInteger, doubles: anyDouble, attributes: true }

/** One value of any type, as bytes. */
function values({ integers, doubles, attributes }: Numbers): fc.Arbitrary<string> {
  return fc.letrec<{ value: string; scalar: string }>((tie) => {
    const elements = fc.array(tie('value'), { maxLength: 5 })
    const pairs = fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 })
    return {
      scalar: fc.oneof(
        content.map((text) => bulk('$', text)),
        content.map((text) => bulk('!', text)),
        content.map((text) => bulk('=', `txt:${text}`)),
        line.map((text) => `+${text}\r\n`),
        line.map((text) => `-${text}\r\n`),
        integers.map((number) => `:${number}\r\n`),
        fc.bigInt().map((number) => `(${number}\r\n`),
        doubles.map((number) => `,${number}\r\n`),
        fc.constantFrom('_\r\n', '$-1\r\n', '*-1\r\n', '#t\r\n', '#f\r\n'),
      ),
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        tie('scalar'),
        elements.map((list) => aggregate('*', list)),
        elements.map((list) => aggregate('~', list)),
        pairs.map((list) => aggregate('%', list.flat())),
        ...(attributes
          ? [fc.tuple(pairs, tie('value')).map(([list, of]) => aggregate('|', list.flat()) + of)]
          : []),
      ),
    }
  }).value
}

const streams = (value: fc.Arbitrary<string>): fc.Arbitrary<Buffer> =>
  fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: value },
        {
          weight: 1,
          arbitrary: fc
            .array(value, { maxLength: 3 })
            .map((list) => aggregate('>', ['+p\r\n', ...list])),
        },
      ),
      { minLength: 1, maxLength: 8 },
    )
    .map((replies) => Buffer.from(replies.join(''), 'latin1'))

/** Where to cut: near each other, anywhere, or behind each byte. */
const cuts = fc.oneof(
  fc.array(fc.nat(200_000), { maxLength: 12 }),
  fc.array(fc.nat(60), { maxLength: 30 }),
  fc.constant('each' as const),
)
const pieces = (bytes: Buffer, at: number[] | 'each'): Buffer[] => {
  const inside = at === 'each' ? [...bytes.keys()].slice(0, 2_000) : at
  return cutAt(
    bytes,
    inside.map((offset) => offset % (bytes.length + 1)),
  )
}

const shapesArbitrary: fc.Arbitrary<Shapes> = fc.constantFrom(...ALL_SHAPES)
const decodingsArbitrary: fc.Arbitrary<Decodings> = fc.array(fc.constantFrom(TEXT, BYTES), {
  minLength: 1,
  maxLength: 4,
})

/** Replies that have no key which throws when it becomes a string: ioredis fails there too. */
const hasBadKey = (bytes: Buffer): boolean => bytes.includes('toString')

describe('replies of any shape', { timeout: fuzzTimeoutMs() }, () => {
  it('are what ioredis makes of them, in any chunks (REPLY-2, REPLY-6, SUITE-3)', () => {
    fc.assert(
      fc.property(
        streams(values(forStock)),
        cuts,
        shapesArbitrary,
        decodingsArbitrary,
        (bytes, at, shapes, decodings) => {
          fc.pre(!hasBadKey(bytes))
          const chunks = pieces(bytes, at)
          const stock = parsedByStock(chunks, shapes, decodings)
          expectSame(parsed(chunks, shapes, decodings), stock, 'ours, then ioredis')
        },
      ),
      propertyParameters(200),
    )
  })

  it('are what a naive reader makes of them, in any chunks (REPLY-1, REPLY-6, SUITE-3)', () => {
    fc.assert(
      fc.property(
        streams(values(forNaive)),
        cuts,
        shapesArbitrary,
        decodingsArbitrary,
        (bytes, at, shapes, decodings) => {
          fc.pre(!hasBadKey(bytes))
          const naive = parsedNaively(bytes, shapes, decodings)
          expectSame(parsed(pieces(bytes, at), shapes, decodings), naive, 'ours, then naive')
        },
      ),
      propertyParameters(200),
    )
  })

  it('give results or a ParserError when mutated, the same in any chunks (REPLY-9, SUITE-3)', () => {
    fc.assert(
      fc.property(
        streams(values(forNaive)),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        cuts,
        shapesArbitrary,
        decodingsArbitrary,
        (valid, mutations, at, shapes, decodings) => {
          const bytes = mutations.reduce(mutated, valid)
          const whole = outcomeOf([bytes], shapes, decodings)
          const cut = outcomeOf(pieces(bytes, at), shapes, decodings)
          expectSame(cut, whole, 'in chunks, then whole')
          expect(whole.pendingBytes).toBeLessThanOrEqual(bytes.length)
        },
      ),
      propertyParameters(400),
    )
  })
})

interface Mutation {
  readonly at: number
  readonly removed: number
  readonly inserted: string
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(100_000),
  removed: fc.oneof(fc.constantFrom(0, 1, 2), fc.nat(30)),
  inserted: fc.oneof(
    anyBytes,
    fc.constantFrom(...'\r\n-+:$*%~>=!|_#,(0129'),
    fc.constantFrom('', '\r\n', '*1\r\n'.repeat(40), '%1\r\n+toString\r\n', '$?\r\n', '-1\r\n'),
    fc.constantFrom(
      '*2147483647\r\n',
      '*134217728\r\n',
      '$536870912\r\n',
      ':99999999999999999999\r\n',
    ),
  ),
})

function mutated(bytes: Buffer, { at, removed, inserted }: Mutation): Buffer {
  const from = at % (bytes.length + 1)
  const rest = bytes.subarray(Math.min(from + removed, bytes.length))
  return Buffer.concat([bytes.subarray(0, from), Buffer.from(inserted, 'latin1'), rest])
}

interface Outcome {
  readonly events: ReplyEvent[]
  readonly failure: string | null
  readonly pendingBytes: number
}

function outcomeOf(chunks: readonly Buffer[], shapes: Shapes, decodings: Decodings): Outcome {
  const { events, parser } = new Collector(optionsOf(shapes), decodings)
  let failure: string | null = null
  try {
    for (const chunk of chunks) parser.parse(chunk)
  } catch (error) {
    if (!(error instanceof ParserError)) throw error
    failure = error.message
  }
  return { events, failure, pendingBytes: parser.pendingBytes }
}
