// Who the client is behind proxies, on real connections of every family.
import { mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Server, type TrustProxy } from '../src/index.ts'
import { atEnd, ENGINES, recorder } from './support/serve.ts'
import { Wire } from './support/wire.ts'

type Peer = '127.0.0.1' | '::1' | 'unix'
type Lines = readonly (readonly [name: string, value: string])[]

const xff = (...values: string[]): Lines => values.map((value) => ['x-forwarded-for', value])
const forwarded = (...values: string[]): Lines => values.map((value) => ['Forwarded', value])
const PROXIES = ['loopback', '10.0.0.0/8', '2001:db8:f::/48', 'unix']
const RFC_7239 = { proxies: PROXIES, header: 'forwarded' } as const

/** What is trusted, who connects, what is sent, and who the client is. */
const CHAINS: readonly [
  what: string,
  trust: TrustProxy,
  peer: Peer,
  lines: Lines,
  client: string,
][] = [
  ['no trust: the field is not looked at', false, '127.0.0.1', xff('1.1.1.1'), '127.0.0.1'],
  ['no trust, v6', false, '::1', xff('1.1.1.1'), '::1'],
  ['no trust, unix', false, 'unix', xff('1.1.1.1'), ''],
  ['a peer that is no proxy', ['10.0.0.0/8'], '127.0.0.1', xff('1.1.1.1'), '127.0.0.1'],
  ['a proxy that says nothing', PROXIES, '127.0.0.1', [], '127.0.0.1'],
  ['one proxy', PROXIES, '127.0.0.1', xff('1.1.1.1'), '1.1.1.1'],
  ['one proxy over v6, client v4', PROXIES, '::1', xff('1.1.1.1'), '1.1.1.1'],
  ['one proxy over v4, client v6', PROXIES, '127.0.0.1', xff('2001:db8::9'), '2001:db8::9'],
  ['spoofed left part', PROXIES, '127.0.0.1', xff('6.6.6.6, 1.1.1.1'), '1.1.1.1'],
  ['spoofed as one of ours', PROXIES, '127.0.0.1', xff('10.9.9.9, 1.1.1.1'), '1.1.1.1'],
  ['spoofed on a line of its own', PROXIES, '127.0.0.1', xff('6.6.6.6', '1.1.1.1'), '1.1.1.1'],
  ['two proxies', PROXIES, '127.0.0.1', xff('1.1.1.1, 10.0.0.7'), '1.1.1.1'],
  ['proxies of both families', PROXIES, '::1', xff('1.1.1.1, 2001:db8:f::2, 10.0.0.7'), '1.1.1.1'],
  ['only proxies: the leftmost', PROXIES, '127.0.0.1', xff('10.0.0.8, 10.0.0.7'), '10.0.0.8'],
  ['a port', PROXIES, '127.0.0.1', xff('1.1.1.1:4711'), '1.1.1.1'],
  ['v6 with a port', PROXIES, '127.0.0.1', xff('[2001:DB8:0:0::9]:443'), '2001:db8::9'],
  [
    'v6 in brackets, proxy with a port',
    PROXIES,
    '::1',
    xff('[2001:db8::9], 10.0.0.7:80'),
    '2001:db8::9',
  ],
  ['v4-mapped is v4', PROXIES, '127.0.0.1', xff('::ffff:1.1.1.1'), '1.1.1.1'],
  ['a v4-mapped proxy is trusted as v4', PROXIES, '::1', xff('1.1.1.1, ::ffff:a00:7'), '1.1.1.1'],
  [
    'unknown stops at the proxy that wrote it',
    PROXIES,
    '127.0.0.1',
    xff('6.6.6.6, unknown, 10.0.0.7'),
    '10.0.0.7',
  ],
  ['garbage stops', PROXIES, '127.0.0.1', xff('6.6.6.6, <script>'), '127.0.0.1'],
  ['an empty member stops', PROXIES, '127.0.0.1', xff('6.6.6.6,,10.0.0.7'), '10.0.0.7'],
  [
    'the other family is not read',
    PROXIES,
    '127.0.0.1',
    [...forwarded('for=6.6.6.6'), ...xff('1.1.1.1')],
    '1.1.1.1',
  ],
  ['hops: exactly so many', 2, '127.0.0.1', xff('6.6.6.6, 1.1.1.1, 9.9.9.9'), '1.1.1.1'],
  ['hops: fewer than there were', 3, '127.0.0.1', xff('1.1.1.1'), '1.1.1.1'],
  ['hops over a unix socket', 1, 'unix', xff('6.6.6.6, 1.1.1.1'), '1.1.1.1'],
  ['unix by its word', PROXIES, 'unix', xff('6.6.6.6, 1.1.1.1, 10.0.0.7'), '1.1.1.1'],
  ['unix is not loopback', ['loopback'], 'unix', xff('1.1.1.1'), ''],
  ['a function', (a, hop) => hop === 0 && a === '::1', '::1', xff('6.6.6.6, 1.1.1.1'), '1.1.1.1'],
  [
    '7239: one proxy',
    RFC_7239,
    '127.0.0.1',
    forwarded('for=1.1.1.1;proto=https;by=10.0.0.7'),
    '1.1.1.1',
  ],
  ['7239: v6 with a port', RFC_7239, '::1', forwarded('For="[2001:db8::9]:4711"'), '2001:db8::9'],
  [
    '7239: an obfuscated port',
    RFC_7239,
    '127.0.0.1',
    forwarded('for="[2001:db8::9]:_p-1"'),
    '2001:db8::9',
  ],
  [
    '7239: spoofed left part, two lines',
    RFC_7239,
    '127.0.0.1',
    forwarded('for=6.6.6.6', 'for=1.1.1.1, for=10.0.0.7'),
    '1.1.1.1',
  ],
  [
    '7239: an obfuscated identifier stops',
    RFC_7239,
    '127.0.0.1',
    forwarded('for=6.6.6.6, for=_gazonk, for=10.0.0.7'),
    '10.0.0.7',
  ],
  ['7239: unknown stops', RFC_7239, 'unix', forwarded('for=unknown'), ''],
  [
    '7239: a comma in quotes',
    RFC_7239,
    '127.0.0.1',
    forwarded('for=1.1.1.1, for=10.0.0.7;ext="a, for=6.6.6.6"'),
    '1.1.1.1',
  ],
  [
    '7239: a malformed element stops',
    RFC_7239,
    '127.0.0.1',
    forwarded('for=6.6.6.6, for=1.1.1.1;for=2.2.2.2, for=10.0.0.7'),
    '10.0.0.7',
  ],
  [
    '7239: the other family is not read',
    RFC_7239,
    '127.0.0.1',
    [...xff('6.6.6.6'), ...forwarded('for=1.1.1.1')],
    '1.1.1.1',
  ],
]

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

async function seenBy(
  engine: 'epoll' | 'node',
  trustProxy: TrustProxy,
  peer: Peer,
  lines: Lines,
): Promise<unknown> {
  const app = new Server({ engine, trustProxy, port: 0, logger: recorder().logger })
  app.get('/', (c) => c.json([c.clientIp, c.scheme, c.host, c.requestId]))
  atEnd(() => app.close({ timeoutMs: 0 }))
  let to: { path: string } | { port: number; host: string }
  if (peer === 'unix') {
    const folder = mkdtempSync(join(tmpdir(), 'celeris-'))
    atEnd(() => rmSync(folder, { recursive: true }))
    to = { path: join(folder, 'a.sock') }
    await app.listen(to)
  } else to = { port: (await app.listen(0, peer)).port, host: peer }
  const wire = await Wire.open(to)
  atEnd(() => wire.close())
  const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return (await wire.ask(`GET / HTTP/1.1\r\nhost: inner:8080\r\n${fields}\r\n`)).json
}

describe.each(ENGINES)('behind proxies, %s', (engine) => {
  const possible = CHAINS.filter(([, , peer]) => peer !== '::1' || hasIpv6)
  test.each(possible)('clientIp: %s (Q-5, Q-6, C11)', async (_, trust, peer, lines, client) => {
    const [clientIp] = (await seenBy(engine, trust, peer, lines)) as [string]
    expect(clientIp).toBe(client)
  })

  const SAID: Lines = [
    ['x-forwarded-proto', 'http, HTTPS'],
    ['x-forwarded-host', 'evil.example, shop.example:8443'],
    ['forwarded', 'proto=https;host=evil.example, proto=http;host="[2001:db8::9]:81"'],
    ['x-request-id', 'r-1'],
  ]
  test.each<
    [what: string, trust: TrustProxy, peer: Peer, scheme: string, host: string, id: boolean]
  >([
    ['nobody is trusted', false, '127.0.0.1', 'http', 'inner:8080', false],
    ['the peer is not trusted', ['10.0.0.0/8'], '127.0.0.1', 'http', 'inner:8080', false],
    ['the rightmost of X-Forwarded-*', PROXIES, '127.0.0.1', 'https', 'shop.example:8443', true],
    ['over a unix socket', 1, 'unix', 'https', 'shop.example:8443', true],
    ['the rightmost of Forwarded', RFC_7239, 'unix', 'http', '[2001:db8::9]:81', true],
  ])('scheme, host and requestId: %s (Q-7, Q-8)', async (_, trust, peer, scheme, host, trusted) => {
    const seen = (await seenBy(engine, trust, peer, SAID)) as string[]
    expect(seen.slice(1, 3)).toEqual([scheme, host])
    expect(seen[3] === 'r-1').toBe(trusted)
  })

  test.each<[what: string, trust: TrustProxy, lines: Lines]>([
    ['a scheme that is none', 1, [['x-forwarded-proto', 'https, ftp']]],
    ['a host that is none', 1, [['x-forwarded-host', 'shop.example, a@b']]],
    ['a host with a path', 1, [['x-forwarded-host', 'shop.example/x']]],
    [
      'an empty one',
      1,
      [
        ['x-forwarded-host', 'shop.example,'],
        ['x-forwarded-proto', 'https,'],
      ],
    ],
    ['a malformed element', RFC_7239, [['forwarded', 'proto=https;host=a, proto=https;;host=b']]],
  ])(
    'scheme and host: %s is ignored, and nothing left of it is taken (Q-7)',
    async (_, trust, lines) => {
      const seen = (await seenBy(engine, trust, '127.0.0.1', lines)) as string[]
      expect(seen.slice(1, 3)).toEqual(['http', 'inner:8080'])
    },
  )
})
