import { isIP } from 'node:net'
import { propertyParameters } from '@celeris/test-support'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TrustProxy } from '../../src/proxy-trust.ts'
import { resolveConfig } from '../../src/server-options.ts'
import {
  type ClientAddress,
  createClientAddress,
  type FieldLines,
} from '../../src/trusted-client.ts'
import { FORWARDED } from './corpus.ts'
import { FUZZ, piecesOf } from './support.ts'

const PROXIES = ['loopback', '10.0.0.0/8', 'fd00::/8'] as const
const trusted = (address: string): boolean =>
  /^(?:127|10)\./.test(address) || address === '::1' || address.startsWith('fd')

function client(trustProxy: TrustProxy): ClientAddress {
  const policy = resolveConfig({ trustProxy }).trustProxy
  if (policy === null) throw new Error('nothing trusted')
  return createClientAddress(policy)
}

const linesOf =
  (name: string, values: readonly string[]): FieldLines =>
  (asked) =>
    asked === name ? values : []

/** An entry of a chain: what stands in the field, and the address it means, null for none. */
type Entry = readonly [text: string, address: string | null]

const ENTRIES: readonly Entry[] = [
  ['1.1.1.1', '1.1.1.1'],
  ['8.8.8.8:443', '8.8.8.8'],
  ['10.0.0.1', '10.0.0.1'],
  ['10.9.9.9:1', '10.9.9.9'],
  ['::ffff:10.1.1.1', '10.1.1.1'],
  ['[::FFFF:9.9.9.9]:80', '9.9.9.9'],
  ['2001:DB8:0::1', '2001:db8::1'],
  ['[fd00::0:1]', 'fd00::1'],
  ['unknown', null],
  ['_hidden', null],
  ['1.2.3', null],
  ['[::1', null],
  ['fe80::1%eth0', null],
  ['', null],
]
const chains = fc.array(fc.constantFrom(...ENTRIES), { maxLength: 6 })
const peers = fc.constantFrom('127.0.0.1', '::1', '10.0.0.7', '8.8.8.8')

/** Q-6 by the book: from the right, while the one before is trusted; null stops. */
function walk(
  peer: string,
  addresses: readonly (string | null)[],
  trusts: (a: string, hop: number) => boolean,
): string {
  let current = peer
  for (const [hop, next] of [...addresses].reverse().entries()) {
    if (!trusts(current, hop) || next === null) return current
    current = next
  }
  return current
}

/** Lines that join to the chain again: a proxy may write a line of its own. */
const inLines = (texts: readonly string[], cuts: readonly boolean[]): string[] => {
  const lines: string[] = []
  for (const [at, text] of texts.entries()) {
    const before = cuts[at] === true ? undefined : lines.pop()
    lines.push(before === undefined ? text : `${before}, ${text}`)
  }
  return lines
}
const cuts = fc.array(fc.boolean(), { minLength: 6, maxLength: 6 })

/** An element of Forwarded for an entry (RFC 7239 §4). */
const element = ([text]: Entry, style: number): string => {
  const quoted = `"${text}"`
  return [`for=${quoted}`, `For=${quoted};proto=http`, `by=x;for=${quoted};host="a,for=6.6.6.6"`][
    style % 3
  ] as string
}

describe('forwarded chains', FUZZ, () => {
  it('are walked from the right while proxies are trusted, by address and by number (Q-6)', () => {
    fc.assert(
      fc.property(peers, chains, cuts, fc.nat(4), (peer, chain, at, hops) => {
        const lines = linesOf(
          'x-forwarded-for',
          inLines(
            chain.map(([text]) => text),
            at,
          ),
        )
        const addresses = chain.map(([, address]) => address)
        expect(client(PROXIES).address(peer, lines)).toBe(walk(peer, addresses, trusted))
        const counted = walk(peer, addresses, (_, hop) => hop < hops)
        expect(client(hops).address(peer, lines)).toBe(counted)
      }),
      propertyParameters(5_000),
    )
  })

  it('of RFC 7239 mean the same (Q-6)', () => {
    fc.assert(
      fc.property(peers, chains, cuts, fc.nat(), (peer, chain, at, style) => {
        const texts = chain.map((entry, index) => element(entry, style + index))
        const lines = linesOf('forwarded', inLines(texts, at))
        const x = client({ proxies: PROXIES, header: 'forwarded' })
        const addresses = chain.map(([, address]) => address)
        expect(x.address(peer, lines)).toBe(walk(peer, addresses, trusted))
      }),
      propertyParameters(5_000),
    )
  })

  const rubbish = piecesOf(FORWARDED, [
    'for=',
    '1.1.1.1',
    '10.0.0.1',
    ',',
    ';',
    '"',
    '\\',
    ' ',
    '=',
    '[',
    ']',
  ])

  it.each([
    ['x-forwarded-for', PROXIES, ([text]: Entry) => text],
    ['forwarded', { proxies: PROXIES, header: 'forwarded' }, (entry: Entry) => element(entry, 2)],
  ] as const)(
    '%s: what a client writes before a proxy cannot change what the proxy wrote (Q-6)',
    (name, trust, write) => {
      fc.assert(
        fc.property(rubbish, fc.boolean(), (spoofed, ownLine) => {
          // The proxy next to us saw the client at 1.1.1.1.
          const own = write(['1.1.1.1', '1.1.1.1'])
          const lines = ownLine ? [spoofed, own] : [`${spoofed}, ${own}`]
          expect(client(trust).address('127.0.0.1', linesOf(name, lines))).toBe('1.1.1.1')
        }),
        {
          ...propertyParameters(5_000),
          examples: FORWARDED.map((text): [string, boolean] => [text, false]),
        },
      )
    },
  )

  it('of any bytes give an address, the peer of an untrusted one (Q-5, Q-6)', () => {
    fc.assert(
      fc.property(rubbish, fc.constantFrom('x-forwarded-for', 'forwarded'), (text, name) => {
        const trust = name === 'forwarded' ? ({ proxies: PROXIES, header: name } as const) : PROXIES
        const lines = linesOf(name, [text])
        expect(isIP(client(trust).address('127.0.0.1', lines))).toBeGreaterThan(0)
        expect(client(trust).address('8.8.8.8', lines)).toBe('8.8.8.8')
      }),
      {
        ...propertyParameters(5_000),
        examples: FORWARDED.map((text): [string, 'forwarded'] => [text, 'forwarded']),
      },
    )
  })
})
