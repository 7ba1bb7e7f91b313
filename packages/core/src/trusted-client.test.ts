import { describe, expect, it } from 'vitest'
import { entryAddress, isHost } from './forwarded-fields.ts'
import type { TrustProxy } from './proxy-trust.ts'
import { resolveConfig } from './server-options.ts'
import { type ClientAddress, createClientAddress, type FieldLines } from './trusted-client.ts'

function client(trustProxy: TrustProxy): ClientAddress {
  const policy = resolveConfig({ trustProxy }).trustProxy
  if (policy === null) throw new Error('nothing trusted')
  return createClientAddress(policy)
}

const fields =
  (lines: Readonly<Record<string, string | readonly string[]>>): FieldLines =>
  (name) => {
    const value = lines[name] ?? []
    return typeof value === 'string' ? [value] : value
  }

const FORWARDED = { proxies: ['loopback', '10.0.0.0/8', 'unix'], header: 'forwarded' } as const
const LOCAL = ['loopback', '10.0.0.0/8']

describe('client address (Q-6)', () => {
  it.each<[string, TrustProxy, string, string | string[] | undefined, string]>([
    ['untrusted peer', LOCAL, '8.8.8.8', '1.1.1.1', '8.8.8.8'],
    ['no field', LOCAL, '127.0.0.1', undefined, '127.0.0.1'],
    ['one proxy', LOCAL, '127.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['spoofed left part', LOCAL, '127.0.0.1', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    ['two proxies', LOCAL, '127.0.0.1', '1.1.1.1, 10.1.2.3', '1.1.1.1'],
    ['two proxies, spoofed', LOCAL, '127.0.0.1', '6.6.6.6, 1.1.1.1, 10.1.2.3', '1.1.1.1'],
    ['all trusted: leftmost', LOCAL, '127.0.0.1', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['several lines are one', LOCAL, '127.0.0.1', ['6.6.6.6', '1.1.1.1', '10.0.0.2'], '1.1.1.1'],
    ['port stripped', LOCAL, '127.0.0.1', '1.1.1.1:4711', '1.1.1.1'],
    ['v6', LOCAL, '::1', '2001:db8::1', '2001:db8::1'],
    ['v6 in brackets with port', LOCAL, '::1', '[2001:DB8:0::1]:443', '2001:db8::1'],
    ['v6 in brackets', LOCAL, '::1', '[2001:db8::1]', '2001:db8::1'],
    ['v4-mapped entry', LOCAL, '::1', '::ffff:1.1.1.1', '1.1.1.1'],
    ['v4-mapped proxy', LOCAL, '::1', '1.1.1.1, ::ffff:10.0.0.1', '1.1.1.1'],
    ['v4-mapped peer', LOCAL, '::ffff:127.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['unknown stops', LOCAL, '127.0.0.1', 'unknown', '127.0.0.1'],
    [
      'unknown behind a proxy stops there',
      LOCAL,
      '127.0.0.1',
      '1.1.1.1, unknown, 10.0.0.2',
      '10.0.0.2',
    ],
    ['garbage stops', LOCAL, '127.0.0.1', '1.1.1.1, x y, 10.0.0.2', '10.0.0.2'],
    ['empty member stops', LOCAL, '127.0.0.1', '1.1.1.1,, 10.0.0.2', '10.0.0.2'],
    ['empty field', LOCAL, '127.0.0.1', '', '127.0.0.1'],
    ['short and octal forms are none', LOCAL, '127.0.0.1', '127.1', '127.0.0.1'],
    ['zone is none', LOCAL, '127.0.0.1', 'fe80::1%eth0', '127.0.0.1'],
    ['hops: none', 0, '127.0.0.1', '1.1.1.1', '127.0.0.1'],
    ['hops: one', 1, '8.8.8.8', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    ['hops: two', 2, '8.8.8.8', '6.6.6.6, 1.1.1.1, 9.9.9.9', '1.1.1.1'],
    ['hops: more than there are', 5, '8.8.8.8', '1.1.1.1', '1.1.1.1'],
    ['hops over a unix socket', 1, '', '1.1.1.1', '1.1.1.1'],
    ['unix by its word', ['unix'], '', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    ['unix not trusted by addresses', LOCAL, '', '1.1.1.1', ''],
    [
      'function',
      (a, hop) => a === '8.8.8.8' && hop === 0,
      '8.8.8.8',
      '6.6.6.6, 1.1.1.1',
      '1.1.1.1',
    ],
    ['function over unix', (a) => a === '', '', '1.1.1.1', '1.1.1.1'],
    ['words', ['uniquelocal', 'linklocal'], '192.168.1.1', '1.1.1.1, fe80::7, fd00::1', '1.1.1.1'],
    ['block with host bits', ['10.1.2.3/8'], '10.9.9.9', '1.1.1.1', '1.1.1.1'],
    ['mapped block', ['::ffff:10.0.0.0/104'], '10.9.9.9', '1.1.1.1', '1.1.1.1'],
    ['v4 is not in a v6 block', ['::/0'], '10.9.9.9', '1.1.1.1', '10.9.9.9'],
  ])('%s', (_, trustProxy, peer, field, expected) => {
    const lines = fields(field === undefined ? {} : { 'x-forwarded-for': field })
    expect(client(trustProxy).address(peer, lines)).toBe(expected)
  })

  it.each([
    ['one proxy', '127.0.0.1', 'for=1.1.1.1;proto=https', '1.1.1.1'],
    ['names in any case', '127.0.0.1', 'For=1.1.1.1', '1.1.1.1'],
    ['quoted with port', '127.0.0.1', 'for="1.1.1.1:80"', '1.1.1.1'],
    ['quoted v6', '127.0.0.1', 'for="[2001:db8::1]:80";by=x', '2001:db8::1'],
    ['chain', '127.0.0.1', 'for=6.6.6.6, for=1.1.1.1, for=10.0.0.1', '1.1.1.1'],
    ['comma inside quotes', '127.0.0.1', 'for=1.1.1.1, for=10.0.0.1;x="a,for=6.6.6.6"', '1.1.1.1'],
    ['quoted pair', '127.0.0.1', 'for="1.1.1\\.1"', '1.1.1.1'],
    ['hidden stops', '127.0.0.1', 'for=1.1.1.1, for=_hidden, for=10.0.0.1', '10.0.0.1'],
    ['unknown stops', '127.0.0.1', 'for=unknown', '127.0.0.1'],
    ['without for stops', '127.0.0.1', 'for=1.1.1.1, proto=http', '127.0.0.1'],
    ['malformed stops', '127.0.0.1', 'for=1.1.1.1, for=10.0.0.1;;', '127.0.0.1'],
    ['twice stops', '127.0.0.1', 'for=1.1.1.1;for=2.2.2.2', '127.0.0.1'],
    ['quote that the client left open', '127.0.0.1', 'for=6.6.6.6;x=", for=1.1.1.1', '1.1.1.1'],
    ['the same before a quoted address', '127.0.0.1', 'for=", for="[2001:db8::1]"', '2001:db8::1'],
    ['escaped quotes', '127.0.0.1', 'for=1.1.1.1;x="\\", for=6.6.6.6;y=\\\\"', '1.1.1.1'],
    ['unclosed quote', '127.0.0.1', 'for=1.1.1.1, for="10.0.0.1', '127.0.0.1'],
    ['bare v6 needs quotes and brackets, is read', '127.0.0.1', 'for=2001:db8::1', '2001:db8::1'],
    ['unix', '', 'for=1.1.1.1', '1.1.1.1'],
  ])('Forwarded (RFC 7239): %s', (_, peer, field, expected) => {
    // The other family may come from the client.
    const lines = fields({ forwarded: field, 'x-forwarded-for': '6.6.6.6' })
    expect(client(FORWARDED).address(peer, lines)).toBe(expected)
  })
})

describe('scheme, host, request id (Q-7, Q-8)', () => {
  const lines = fields({
    'x-forwarded-proto': 'http, HTTPS',
    'x-forwarded-host': ['evil.example', 'example.com:8080'],
    forwarded: 'proto=https;host="a.example", proto=http;host="b.example:1"',
    'x-request-id': 'abc.DEF_1-2',
  })

  it('come rightmost from the chosen family of a trusted peer', () => {
    const x = client(LOCAL)
    expect(x.scheme('127.0.0.1', lines)).toBe('https')
    expect(x.host('127.0.0.1', lines)).toBe('example.com:8080')
    expect(x.requestId('127.0.0.1', lines)).toBe('abc.DEF_1-2')
    const f = client(FORWARDED)
    expect(f.scheme('127.0.0.1', lines)).toBe('http')
    expect(f.host('127.0.0.1', lines)).toBe('b.example:1')
  })

  it('are ignored from others', () => {
    const x = client(LOCAL)
    expect(x.scheme('8.8.8.8', lines)).toBeUndefined()
    expect(x.host('8.8.8.8', lines)).toBeUndefined()
    expect(x.requestId('8.8.8.8', lines)).toBeUndefined()
  })

  it('are ignored when malformed', () => {
    const x = client(LOCAL)
    const of = (name: string, value: string): FieldLines => fields({ [name]: value })
    expect(x.scheme('127.0.0.1', of('x-forwarded-proto', 'ws'))).toBeUndefined()
    expect(x.host('127.0.0.1', of('x-forwarded-host', 'a@b'))).toBeUndefined()
    for (const id of ['', 'a b', 'x'.repeat(129), 'a\u00e9']) {
      expect(x.requestId('127.0.0.1', of('x-request-id', id))).toBeUndefined()
    }
    expect(x.requestId('127.0.0.1', fields({ 'x-request-id': ['a', 'b'] }))).toBeUndefined()
    expect(x.scheme('127.0.0.1', fields({}))).toBeUndefined()
  })
})

describe('isHost (HOST-2)', () => {
  it.each(['a', 'a.b:80', 'a:', '1.2.3.4:65535', '[::1]', '[::1]:1', "a%20b!$&'()*+,;=", 'a_b~'])(
    'takes %s',
    (host) => {
      expect(isHost(host)).toBe(true)
    },
  )
  it.each([
    '',
    'a b',
    'a@b',
    'a/b',
    'a:70000',
    '[::1',
    'a%2',
    'a\\b',
    '"a"',
    ':80',
    '[fe80::1%25e]',
    '[x]',
    'a:1:2',
    'é',
  ])('refuses %s', (host) => {
    expect(isHost(host)).toBe(false)
  })
})

describe('entryAddress', () => {
  it('takes nothing but addresses', () => {
    for (const entry of [
      '',
      'localhost',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.4:',
      '1.2.3.4:x',
      '[1.2.3.4]',
      '::g',
      '[::1]x',
      '0x7f.1',
    ]) {
      expect(entryAddress(entry), entry).toBe(null)
    }
  })
})
