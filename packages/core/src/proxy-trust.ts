import type { IPv4, IPv6 } from 'ipaddr.js'
import { lazily } from './lazily.ts'
import type { Check } from './option-checks.ts'
import { shown } from './option-checks.ts'

const net = lazily<typeof import('node:net')>('node:net')
const ipaddr = lazily<typeof import('ipaddr.js')>('ipaddr.js')

/**
 * Which proxies may say who the client is: addresses and CIDR blocks, also as `'loopback'`,
 * `'linklocal'`, `'uniquelocal'`, and `'unix'` for unix sockets; or how many proxies stand in front;
 * or a function that is asked with an address (`''` for a unix socket) and its distance from here.
 */
export type TrustedProxies =
  | string
  | readonly string[]
  | number
  | ((address: string, hop: number) => boolean)

/**
 * Value of `trustProxy`: `false`, trusted proxies that send `X-Forwarded-*`, or an object that says
 * which family of fields they send. One family is read, never both: a proxy that sets one may pass
 * the other on from the client.
 */
export type TrustProxy =
  | false
  | TrustedProxies
  | {
      readonly proxies: TrustedProxies
      /** `'forwarded'` is RFC 7239. @defaultValue 'x-forwarded' */
      readonly header?: 'x-forwarded' | 'forwarded' | undefined
    }

/** Whom to believe, and in which fields. */
export interface ProxyPolicy {
  readonly family: 'x-forwarded' | 'forwarded'
  /** Whether the proxy with this address, `hop` steps away, is trusted. */
  readonly trusts: (address: string, hop: number) => boolean
}

const WORDS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

const HOPS_MAX = 255
/** Addresses of proxies are few; a full cache is emptied. */
const CACHED_ADDRESSES_MAX = 1_024

type Block = readonly [IPv4 | IPv6, number]

/** Checks `trustProxy` (K-1); null when no proxy is trusted. */
export const checkTrustProxy: Check<ProxyPolicy | null> = (value, note) => {
  if (value === false) return null
  if (value === true) {
    note(
      "true would let every client choose its address; name the proxies ('loopback', '10.0.0.0/8') or their number",
    )
    return null
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const trusts = checkProxies(value, '', note)
    return trusts === null ? null : { family: 'x-forwarded', trusts }
  }
  const { proxies, header = 'x-forwarded', ...rest } = value as Record<string, unknown>
  for (const key of Object.keys(rest)) {
    note("is no option; there are 'proxies' and 'header'", `.${key}`)
  }
  const family = header === 'x-forwarded' || header === 'forwarded' ? header : null
  if (family === null) note(`must be 'x-forwarded' or 'forwarded', not ${shown(header)}`, '.header')
  const trusts = checkProxies(proxies, '.proxies', note)
  return trusts === null || family === null ? null : { family, trusts }
}

function checkProxies(
  value: unknown,
  path: string,
  note: (message: string, path?: string) => void,
): ProxyPolicy['trusts'] | null {
  if (typeof value === 'function') {
    const decide = value as (address: string, hop: number) => boolean
    return (address, hop) => decide(address, hop) === true
  }
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= 0 && value <= HOPS_MAX) return (_, hop) => hop < value
    note(`a number of proxies is an integer from 0 to ${HOPS_MAX}, not ${shown(value)}`, path)
    return null
  }
  if (typeof value !== 'string' && !Array.isArray(value)) {
    note(`must be addresses, a number of proxies, or a function, not ${shown(value)}`, path)
    return null
  }
  const list: readonly unknown[] =
    typeof value === 'string' ? value.split(',').map((entry) => entry.trim()) : value
  const blocks: Block[] = []
  let unix = false
  let good = true
  for (const [index, entry] of list.entries()) {
    const parsed = entry === 'unix' ? [] : parseEntry(entry)
    if (entry === 'unix') unix = true
    if (parsed !== null) {
      blocks.push(...parsed)
      continue
    }
    good = false
    const words = "an address, a CIDR block, 'loopback', 'linklocal', 'uniquelocal' or 'unix'"
    note(
      `must be ${words}, not ${shown(entry)}`,
      typeof value === 'string' ? path : `${path}[${index}]`,
    )
  }
  return good ? blockTest(blocks, unix) : null
}

function parseEntry(entry: unknown): readonly Block[] | null {
  if (typeof entry !== 'string') return null
  const word = Object.hasOwn(WORDS, entry) ? WORDS[entry] : undefined
  if (word !== undefined) return word.flatMap((block) => parseEntry(block) ?? [])
  const slash = entry.indexOf('/')
  const text = slash === -1 ? entry : entry.slice(0, slash)
  const version = text.includes('%') ? 0 : net().isIP(text)
  if (version === 0) return null
  const widest = version === 4 ? 32 : 128
  const prefix = slash === -1 ? String(widest) : entry.slice(slash + 1)
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(prefix) || Number(prefix) > widest) return null
  const address = ipaddr().parse(text)
  if (address instanceof ipaddr().IPv6 && address.isIPv4MappedAddress() && Number(prefix) >= 96) {
    return [[address.toIPv4Address(), Number(prefix) - 96]]
  }
  return [[address, Number(prefix)]]
}

function blockTest(blocks: readonly Block[], unix: boolean): ProxyPolicy['trusts'] {
  const known = new Map<string, boolean>()
  return (text) => {
    if (text === '') return unix
    const cached = known.get(text)
    if (cached !== undefined) return cached
    const address = ipaddr().isValid(text) ? ipaddr().process(text) : null
    const trusted =
      address !== null &&
      blocks.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits))
    if (known.size >= CACHED_ADDRESSES_MAX) known.clear()
    known.set(text, trusted)
    return trusted
  }
}
