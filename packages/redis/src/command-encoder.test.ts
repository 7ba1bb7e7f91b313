import { propertyParameters } from '@celeris/test-support'
import fc from 'fast-check'
import { Command } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { encode0, encode1, encode2, encodeAll, type Scalar } from './command-encoder.ts'
import { type CommandSpec, commandTable } from './command-table.ts'
import { OWN_SEGMENT_BYTES, SEGMENT_BYTES, WriteBuffer } from './write-buffer.ts'

const NEVER = Number.POSITIVE_INFINITY
const specs = [...commandTable.values()]
/** hset and its like look at the class of an argument: not the encoder's matter. */
const untransformed = specs.filter((spec) => spec.argumentTransformer === undefined)
const get = commandTable.get('get') as CommandSpec

function encode(spec: CommandSpec, args: readonly Scalar[], borrowBytes: number = NEVER): Buffer {
  const out = new WriteBuffer()
  const [first, second] = args
  if (args.length === 0) encode0(out, spec.head)
  else if (args.length === 1) encode1(out, spec.head, first, borrowBytes)
  else if (args.length === 2) encode2(out, spec.head, first, second, borrowBytes)
  else encodeAll(out, spec.head, args, borrowBytes)
  return Buffer.concat(out.take())
}

/** What ioredis writes: the oracle. */
const stock = (name: string, args: readonly Scalar[]): Buffer =>
  Buffer.from(new Command(name, [...args] as string[]).toWritable(undefined as never) as string)

const argument: fc.Arbitrary<Scalar> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
  // Any UTF-16, lone surrogates too.
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    '',
    '\r\n',
    'a\r\nb',
    'é',
    '\ud800',
    'x'.repeat(24),
    'x'.repeat(25),
    'é'.repeat(25),
  ),
  fc.constantFrom(
    'x'.repeat(OWN_SEGMENT_BYTES - 1),
    'x'.repeat(OWN_SEGMENT_BYTES),
    '€'.repeat(20_000),
  ),
  fc.constantFrom(
    1,
    -1,
    0,
    -0,
    1.5,
    2 ** 53,
    -(2 ** 53),
    1e21,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ),
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.constantFrom(null, undefined, true, false),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(Buffer.alloc(0), Buffer.alloc(OWN_SEGMENT_BYTES, 7), Buffer.from('é\r\n')),
)

describe('bytes of a command', () => {
  it('equal those of ioredis for every built-in and every kind of argument (WIRE-1 to WIRE-4)', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...untransformed),
        fc.array(argument, { maxLength: 6 }),
        (spec, args) => {
          expect(encode(spec, args).equals(stock(spec.name, args))).toBe(true)
        },
      ),
      propertyParameters(2000),
    )
  })

  it.each(specs)('$name without, with one and with nine arguments (WIRE-1)', (spec) => {
    for (const args of [[], ['k'], [...'123456789']]) {
      expect(encode(spec, args)).toEqual(stock(spec.name, args))
    }
  })

  it('write lone surrogates as EF BF BD, in length and in bytes (WIRE-2)', () => {
    expect(encode(get, ['a\ud800b'])).toEqual(
      Buffer.from('*2\r\n$3\r\nget\r\n$5\r\na\xef\xbf\xbdb\r\n', 'latin1'),
    )
  })

  it('of many commands fill segments in order, whatever their sizes (FLUSH-7)', () => {
    fc.assert(
      fc.property(fc.array(argument, { minLength: 1, maxLength: 60 }), (values) => {
        const out = new WriteBuffer()
        for (const value of values) encode2(out, get.head, value, 'x'.repeat(3000), NEVER)
        const expected = values.map((value) => stock('get', [value, 'x'.repeat(3000)]))
        const length = expected.reduce((sum, bytes) => sum + bytes.length, 0)
        expect(out.length).toBe(length)
        const segments = out.take()
        expect(Buffer.concat(segments).equals(Buffer.concat(expected))).toBe(true)
        expect(out.length).toBe(0)
        expect(out.isOne).toBe(true)
      }),
      propertyParameters(200),
    )
  })
})

describe('a Buffer', () => {
  it.each([1, 100, OWN_SEGMENT_BYTES, SEGMENT_BYTES * 2])(
    'of %i bytes is copied when the command is called (WIRE-7)',
    (bytes) => {
      const value = Buffer.alloc(bytes, 'a')
      const out = new WriteBuffer()
      encode1(out, get.head, value, NEVER)
      value.fill('b')
      expect(Buffer.concat(out.take()).includes('b')).toBe(false)
    },
  )

  it('of borrowBuffers bytes and more is lent, not copied (WIRE-8)', () => {
    const [small, large] = [Buffer.alloc(99, 'a'), Buffer.alloc(100, 'a')]
    const out = new WriteBuffer()
    encode2(out, get.head, small, large, 100)
    const segments = out.take()
    expect(segments.some((segment) => segment === large)).toBe(true)
    expect(segments.some((segment) => segment.buffer === small.buffer)).toBe(false)
    expect(encode(get, [small, large], 100)).toEqual(stock('get', [small, large]))
  })

  it.each(['x'.repeat(OWN_SEGMENT_BYTES), Buffer.alloc(OWN_SEGMENT_BYTES, 'x')])(
    'or string of 16 KiB has a segment of its own (WIRE-9)',
    (value) => {
      const out = new WriteBuffer()
      encode1(out, get.head, value, NEVER)
      expect(out.take().map((segment) => segment.length)).toContain(OWN_SEGMENT_BYTES)
    },
  )
})

/** Growth of V8's heap while `work` runs, in bytes; the least of some runs, as the optimiser allocates. */
function heapGrowth(work: () => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < 20; run++) {
    const before = process.memoryUsage().heapUsed
    work()
    const growth = process.memoryUsage().heapUsed - before
    // Less than nothing: the collector ran, and nothing can be said.
    if (growth >= 0 && growth < least) least = growth
  }
  return least
}

describe('encoding allocates nothing', () => {
  const out = new WriteBuffer()
  const set = commandTable.get('set') as CommandSpec
  const COMMANDS = 20_000
  const [long, value, bytes] = ['k'.repeat(60), 'v'.repeat(32), Buffer.alloc(32, 'v')]

  it.each([
    ['GET of a short key', () => encode1(out, get.head, 'user:12345', NEVER)],
    ['GET of a long key', () => encode1(out, get.head, long, NEVER)],
    ['SET of 32 bytes', () => encode2(out, set.head, 'user:12345', value, NEVER)],
    ['SET of a Buffer', () => encode2(out, set.head, 'user:12345', bytes, NEVER)],
  ])('%s', (_name, encodeOne) => {
    const growth = heapGrowth(() => {
      for (let i = 0; i < COMMANDS; i++) {
        encodeOne()
        if (out.position > SEGMENT_BYTES / 2) out.position = 0
      }
    })
    // A single object of two words for each command would be 320 000.
    expect(growth).toBeLessThan(COMMANDS)
  })
})
